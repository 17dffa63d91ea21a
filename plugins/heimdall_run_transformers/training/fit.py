"""The micro-batch that fits and is fastest, measured before the first step.

The global batch stays what it is."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
import numpy as np
import torch
from transformers import PreTrainedModel

from heimdall_run_transformers.batches import Batch
from heimdall_run_transformers.encode import EncodedRow, lengths_of
from heimdall_run_transformers.loss import answer_loss
from heimdall_run_transformers.training.checkpointing import checkpoint_activations
from heimdall_run_transformers.training.memory import free_bytes, out_of_memory, resident_bytes
from heimdall_run_transformers.training.plan import Plan
from heimdall_run_transformers.training.precision import Precision
from heimdall_run_transformers.training.processes import Processes

FILE: Final = "fit.json"

#: A larger micro-batch must be faster by this factor to be taken.
_BETTER = 1.03

#: Share of the CPU's free memory that a micro-batch may take.
_SHARE = 0.8


def fit_batch(
    model: PreTrainedModel,
    plan: Plan,
    rows: Sequence[EncodedRow],
    lay: Callable[[Sequence[EncodedRow]], Batch],
    precision: Precision,
    work: Path,
    fingerprint: str,
    processes: Processes | None = None,
) -> Plan:
    """The plan with the micro-batch, among the divisors of the global batch, that takes the most
    tokens a second on the longest rows without running out of memory. Where not even one row fits,
    gradient checkpointing is turned on. Of several processes the first one measures, for all.

    What was found is kept in `work`, so that a resumed run, which must have the same, has it.
    """
    processes = processes or Processes()
    total = plan.batch_size * plan.accumulation
    own = ""
    if processes.first:
        own = json.dumps(_fitting(model, plan, rows, lay, precision, work, fingerprint))
    found = json.loads(processes.say(own))
    if found["checkpointing"]:
        checkpoint_activations(model)
    return _with(plan, total, int(found["rows"]))


def _fitting(
    model: PreTrainedModel,
    plan: Plan,
    rows: Sequence[EncodedRow],
    lay: Callable[[Sequence[EncodedRow]], Batch],
    precision: Precision,
    work: Path,
    fingerprint: str,
) -> dict[str, Any]:
    total = plan.batch_size * plan.accumulation
    kept = work / FILE
    try:
        found: dict[str, Any] = json.loads(kept.read_text("utf-8"))
        if found["fingerprint"] == fingerprint:
            return {"rows": int(found["rows"]), "checkpointing": bool(found["checkpointing"])}
    except (OSError, ValueError, KeyError):
        pass
    order = np.argsort(-lengths_of(rows), kind="stable")
    longest = [rows[int(number)] for number in order[: min(total, len(order))]]
    model.train(True)  # dropout and checkpointing are of training alone, and are to be measured
    best = _fastest(model, longest, total, lay, precision)
    twice = not best and checkpoint_activations(model)
    if twice:
        best = _fastest(model, longest, total, lay, precision)
    for parameter in model.parameters():
        parameter.grad = None
    work.mkdir(parents=True, exist_ok=True)
    result = {"rows": max(1, best), "checkpointing": twice}
    kept.write_text(json.dumps({"fingerprint": fingerprint, **result}), encoding="utf-8")
    return result


def _fastest(
    model: PreTrainedModel,
    longest: Sequence[EncodedRow],
    total: int,
    lay: Callable[[Sequence[EncodedRow]], Batch],
    precision: Precision,
) -> int:
    """Rows of the fastest micro-batch; 0 where memory runs out on a single one."""
    best, speed, before = 0, 0.0, 0
    for size in (n for n in range(1, len(longest) + 1) if total % n == 0):
        room = free_bytes()
        if precision.device.type == "cpu" and room and before * 2 > _SHARE * room:
            break
        start_memory = resident_bytes()
        try:
            rate = _rate(model, lay(longest[:size]), precision)
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            break
        before = max(0, resident_bytes() - start_memory)
        if rate > speed * _BETTER:
            best, speed = size, rate
        elif size >= 4 * best:
            break
    return best


def _with(plan: Plan, total: int, rows: int) -> Plan:
    return attrs.evolve(plan, batch_size=rows, accumulation=total // rows)


def _rate(model: PreTrainedModel, batch: Batch, precision: Precision) -> float:
    fastest = float("inf")
    for _ in range(2):  # the first one allocates
        start = time.perf_counter()
        with precision.computing():
            loss = answer_loss(model, batch)
        torch.autograd.backward(loss / len(batch.targets))
        loss.item()
        fastest = min(fastest, time.perf_counter() - start)
    return batch.real_tokens / fastest

"""Validation: the loss, the loss of each task, and the share of rows whose whole answer is right.

A row counts as right where every token of its answer, the end token included, is the likeliest one
after those before it. Greedy decoding then gives exactly that answer, so the share of right rows is
the exact-match rate, at the cost of one forward pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from attrs import frozen
from torch.nn import functional
from transformers import PreTrainedModel

from heimdall_run_transformers.batches import collate, length_batches, pack
from heimdall_run_transformers.encode import EncodedRow, lengths_of
from heimdall_run_transformers.loss import answer_logits
from heimdall_run_transformers.training.precision import Precision
from heimdall_run_transformers.training.processes import Processes


@frozen(eq=False)
class Validation:
    """What the model makes of N rows."""

    losses: npt.NDArray[np.float64]
    """(N,) nats, summed over each row's answer."""
    right: npt.NDArray[np.float64]
    """(N,) 1 where the whole answer is right, else 0."""
    trained: npt.NDArray[np.int64]
    """(N,) tokens of each answer."""
    tasks: npt.NDArray[np.int64]
    """(N,) task of each row."""

    @property
    def loss(self) -> float:
        """Mean over all answer tokens, in nats."""
        return float(self.losses.sum() / self.trained.sum())

    def task_losses(self, names: Sequence[str]) -> dict[str, float]:
        """The mean loss of each task that has rows; none where there is one task only."""
        present = np.unique(self.tasks)
        if len(present) < 2:
            return {}
        return {
            names[task]: float(
                self.losses[self.tasks == task].sum() / self.trained[self.tasks == task].sum()
            )
            for task in present
        }


@torch.no_grad()
def validate(
    model: PreTrainedModel,
    rows: Sequence[EncodedRow],
    *,
    batch_size: int,
    pad: int,
    precision: Precision,
    packed: bool = False,
    kernel: str = "groups",
    processes: Processes | None = None,
    sharded: bool = False,
) -> Validation:
    """Goes over all rows once, `batch_size` at a time, shared out among the processes; every one of
    them gets the same figures. Weights that are `sharded` are gathered by all together, so each
    takes as many batches as the others; one that is left over counts for nothing."""
    processes = processes or Processes()
    losses, right = np.zeros(len(rows)), np.zeros(len(rows))
    trained = np.asarray([row.trained for row in rows])
    batches = length_batches(lengths_of(rows), batch_size)
    turns = -(-len(batches) // processes.count) if sharded else 0
    end = max(len(batches), turns * processes.count)
    was_training = model.training
    model.train(False)
    for place in range(processes.rank, end, processes.count):
        spare = place >= len(batches)
        numbers = batches[0 if spare else place]
        chosen = [rows[number] for number in numbers]  # shortest first, as `pack` lays them
        batch = (pack(chosen) if packed else collate(chosen, pad)).to(precision.device, kernel)
        with precision.computing():
            logits = answer_logits(model, batch)
        if spare:
            continue
        each = functional.cross_entropy(logits, batch.targets, reduction="none").double()
        wrong = (logits.argmax(dim=-1) != batch.targets).double()
        sums: Any = torch.zeros(2, len(numbers), dtype=torch.float64, device=each.device)
        sums[0].index_add_(0, batch.rows, each)
        sums[1].index_add_(0, batch.rows, wrong)
        losses[numbers] = sums[0].cpu().numpy()
        right[numbers] = (sums[1] == 0).double().cpu().numpy()
    model.train(was_training)
    if processes.count > 1:
        both = np.asarray(processes.sum(*losses, *right))
        losses, right = both[: len(rows)], both[len(rows) :]
    return Validation(losses, right, trained, np.asarray([row.task for row in rows]))

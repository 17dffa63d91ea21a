"""Forecast of a run: memory is counted, time is measured on this machine.

A few optimiser steps are timed on random tokens. Where a step of the whole model would take too
long, a model of the same width with fewer layers stands in, and the floating-point rate that it
reaches is taken for the rest.
"""

from __future__ import annotations

import time

import attrs
import numpy as np
import torch
from attrs import frozen
from transformers import PreTrainedModel

from heimdall_core.config import TrainingConfig
from heimdall_core.types import Estimate
from heimdall_run_transformers.batches import Batch, collate
from heimdall_run_transformers.device import cpu_threads
from heimdall_run_transformers.encode import EncodedRow
from heimdall_run_transformers.loss import answer_loss
from heimdall_run_transformers.training.memory import resident_bytes
from heimdall_run_transformers.training.plan import Plan, plan_run
from heimdall_train_scratch.drill import HALF
from heimdall_train_scratch.network import PAD_ID, build_network
from heimdall_train_scratch.optimizer import make_optimizer
from heimdall_train_scratch.shape import Shape, shape_of

#: Floating-point operations that one timed step may take: about half a second on two cores.
_STEP_BUDGET = 5e10
_TIMED_STEPS = 2

#: fp32 copies of the parameters: weights, gradients, Adam's two moments, the best weights.
_COPIES = 5


@frozen
class Probe:
    """What a few steps of a model of `shape` came to."""

    shape: Shape
    tokens: int
    """In one step."""
    flops_per_second: float
    activation_bytes: int
    """Kept between the forward and the backward pass of one step."""


def forecast(config: TrainingConfig, rows: int, tokens_per_row: float) -> Estimate:
    """Parameters, peak memory and training time for `rows` rows of `tokens_per_row` tokens.

    Time and activations are upper bounds in one respect: every token is taken for a trained one,
    because the share of answers in the rows is not known here. Validation is not included.
    """
    shape = shape_of(config)
    plan = plan_run(config, rows, seed=0)
    length = min(max(2, round(tokens_per_row)), config.max_seq_length)
    with cpu_threads(config.threads) as threads:
        process = resident_bytes()
        probe = run_probe(shape, plan, length)
    drill = plan.drill * plan.batch_size * plan.accumulation * 2 * HALF
    tokens = plan.epochs(plan.steps) * rows * tokens_per_row + drill
    seconds = tokens * shape.flops_per_token(length) / probe.flops_per_second
    micro_batch = min(plan.batch_size, rows) * length
    activations = int(
        probe.activation_bytes * (micro_batch / probe.tokens) * (shape.layers / probe.shape.layers)
    )
    state = _COPIES * 4 * shape.parameters
    return Estimate(
        seconds=seconds,
        bytes=process + state + activations,
        details={
            "parameters": shape.parameters,
            "steps": plan.steps,
            "tokens": round(tokens),
            "threads": threads,
            "bytes_process": process,
            "bytes_weights_and_optimizer": state,
            "bytes_activations": activations,
            "tokens_per_second": tokens / seconds,
            "gflops_per_second": probe.flops_per_second / 1e9,
            "basis": (
                f"{_TIMED_STEPS} steps of {probe.tokens} tokens with {probe.shape.layers} of "
                f"{shape.layers} layers, timed on this machine; every token counted as trained; "
                "validation not included"
            ),
        },
    )


def run_probe(shape: Shape, plan: Plan, length: int) -> Probe:
    """Times optimiser steps on random tokens, rows of `length` tokens each."""
    smallest = attrs.evolve(shape, layers=1)
    length = max(2, min(length, int(_STEP_BUDGET / smallest.flops_per_token(length))))
    fitting = int(_STEP_BUDGET / (length * smallest.flops_per_token(length)))
    rows = max(1, min(plan.batch_size, fitting))
    per_layer = attrs.evolve(shape, layers=2).flops_per_token(length)
    per_layer -= smallest.flops_per_token(length)
    spare = _STEP_BUDGET / (rows * length) - smallest.flops_per_token(length)
    probe = attrs.evolve(shape, layers=max(1, min(shape.layers, 1 + int(spare / per_layer))))

    model = build_network(probe, seed=0)
    optimizer = make_optimizer(model, plan)
    random = np.random.default_rng(0)
    tokens = random.integers(0, shape.vocabulary, (rows, length), dtype=np.int32)
    batch = collate([EncodedRow(row, prompt_length=1) for row in tokens], PAD_ID)
    activation_bytes = count_activations(model, batch)
    fastest = float("inf")
    for _ in range(1 + _TIMED_STEPS):  # the first one allocates
        start = time.perf_counter()
        torch.autograd.backward(answer_loss(model, batch) / len(batch.targets))
        optimizer.step(1.0)
        fastest = min(fastest, time.perf_counter() - start)
    operations = rows * length * probe.flops_per_token(length)
    return Probe(probe, rows * length, operations / fastest, activation_bytes)


def count_activations(model: PreTrainedModel, batch: Batch) -> int:
    """Bytes that one forward pass keeps for the backward pass, parameters left out."""
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    # The loss is held until the end: freed storage could be handed out, and counted, twice.
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = answer_loss(model, batch)
    total = sum(kept.values())
    del loss
    return total

"""The optimisers behind one face, and the copy drill."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from heimdall_core.config import TrainingConfig
from heimdall_run_transformers.batches import collate
from heimdall_run_transformers.loss import answer_loss
from heimdall_run_transformers.training.plan import Plan, plan_run
from heimdall_train_scratch.drill import HALF, drill_rows
from heimdall_train_scratch.network import build_network
from heimdall_train_scratch.optimizer import make_optimizer
from heimdall_train_scratch.shape import Shape

SHAPE = Shape(
    vocabulary=64, hidden=64, layers=2, heads=2, key_value_heads=1, intermediate=96, context=64
)


def plan(**settings: Any) -> Plan:
    return plan_run(TrainingConfig(**settings), rows=100, seed=1)


def steps(model: Any, optimizer: Any, count: int, first: int = 0) -> float:
    loss = torch.tensor(0.0)
    for step in range(first, first + count):
        batch = collate(drill_rows(step, seed=1, rows=16, vocabulary=64), 0)
        loss = answer_loss(model, batch) / len(batch.targets)
        torch.autograd.backward(loss)
        optimizer.step(1.0)
    return loss.item()


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_the_loss_falls(name: str) -> None:
    model = build_network(SHAPE, 1)
    made = plan(optimizer=name, learning_rate=0.005)
    first = steps(model, make_optimizer(model, made), 1)
    assert steps(model, make_optimizer(model, made), 30) < first


def test_muon_moves_hidden_matrices_and_nothing_else() -> None:
    model = build_network(SHAPE, 1)
    (muon, peak), (adamw, other) = make_optimizer(
        model, plan(optimizer="muon", matrix_learning_rate=0.03, learning_rate=0.001)
    ).parts
    assert (peak, other) == (0.03, 0.001)
    moved = [p for group in muon.param_groups for p in group["params"]]
    rest = [p for group in adamw.param_groups for p in group["params"]]
    assert len(moved) == 2 * 7  # q, k, v, o, gate, up, down of two layers
    assert all(p.dim() == 2 for p in moved)
    assert any(p is model.get_input_embeddings().weight for p in rest)
    assert len(moved) + len(rest) == len(list(model.parameters()))


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_state_put_back_goes_on_as_if_nothing_had_happened(name: str) -> None:
    made = plan(optimizer=name, learning_rate=0.005)
    model = build_network(SHAPE, 1)
    optimizer = make_optimizer(model, made)
    steps(model, optimizer, 3)
    weights = {n: p.detach().clone() for n, p in model.named_parameters()}
    state = {n: t.clone() for n, t in optimizer.state().items()}
    other = build_network(SHAPE, 2)
    with torch.no_grad():
        for n, p in other.named_parameters():
            p.copy_(weights[n])
    resumed = make_optimizer(other, made)
    resumed.restore(state)
    steps(model, optimizer, 2, first=3)
    steps(other, resumed, 2, first=3)
    for (n, p), (_, q) in zip(model.named_parameters(), other.named_parameters(), strict=True):
        assert torch.equal(p, q), n


def test_the_share_scales_every_peak() -> None:
    model = build_network(SHAPE, 1)
    optimizer = make_optimizer(model, plan(optimizer="muon", matrix_learning_rate=0.02))
    optimizer.step(0.25)
    [(muon, _), (adamw, peak)] = optimizer.parts
    assert muon.param_groups[0]["lr"] == 0.005
    assert adamw.param_groups[0]["lr"] == peak / 4


def test_a_drill_repeats_itself_and_trains_the_repetition() -> None:
    rows = drill_rows(5, seed=1, rows=8, vocabulary=64)
    assert len(rows) == 8
    for row in rows:
        assert np.array_equal(row.tokens[:HALF], row.tokens[HALF:])
        assert row.tokens.min() >= 3  # no control token
        assert row.tokens.max() < 64
        assert row.trained == HALF - 1
    again = drill_rows(5, seed=1, rows=8, vocabulary=64)
    other = drill_rows(6, seed=1, rows=8, vocabulary=64)
    assert all(np.array_equal(a.tokens, b.tokens) for a, b in zip(rows, again, strict=True))
    assert not np.array_equal(rows[0].tokens, other[0].tokens)

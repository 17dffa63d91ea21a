"""Muon in 32 bits is torch's Muon, within what bf16 rounds."""

from __future__ import annotations

import pytest
import torch

from heimdall_train_scratch import muon
from heimdall_train_scratch.muon import Muon, orthogonalise


def matrices(seed: int) -> list[torch.nn.Parameter]:
    random = torch.Generator().manual_seed(seed)
    shapes = [(16, 16), (16, 48), (48, 16), (16, 48)]
    return [torch.nn.Parameter(torch.randn(shape, generator=random)) for shape in shapes]


def test_both_ways_move_the_matrices_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(muon, "has_bf16", lambda device: False)
    ours, theirs = matrices(1), matrices(1)
    settings = {"lr": 0.02, "momentum": 0.95, "weight_decay": 0.05}
    one, other = Muon(ours, **settings), torch.optim.Muon(theirs, **settings)
    for step in range(3):
        for mine, yours, grad in zip(ours, theirs, matrices(10 + step), strict=True):
            mine.grad, yours.grad = grad.detach().clone(), grad.detach().clone()
        before = [p.detach().clone() for p in theirs]
        one.step()
        other.step()
        for mine, yours, start in zip(ours, theirs, before, strict=True):
            moved = (yours - start).norm()
            assert (mine - yours).norm() < 0.05 * moved * (step + 1)
    assert {*one.state[ours[0]]} == {*other.state[theirs[0]]}


def test_what_comes_out_is_nearly_orthogonal() -> None:
    stack = torch.randn((3, 8, 32), generator=torch.Generator().manual_seed(2))
    found = orthogonalise(stack, (3.4445, -4.775, 2.0315), 5, 1e-7)
    values = torch.linalg.svdvals(found)
    assert float(values.min()) > 0.6
    assert float(values.max()) < 1.3


def test_torchs_own_step_is_taken_where_bf16_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(muon, "has_bf16", lambda device: True)
    monkeypatch.setattr(Muon, "_step_in_fp32", lambda self, group: pytest.fail("not wanted"))
    parameters = matrices(1)
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    Muon(parameters, lr=0.1).step()

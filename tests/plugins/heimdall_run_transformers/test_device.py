"""How many threads are used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from heimdall_run_transformers.device import available_cores, choose_device, cpu_threads


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ("max 100000", 64),
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("20000 100000", 1),
        ("9900000 100000", 64),
        ("nonsense", 64),
    ],
)
def test_a_containers_quota_bounds_the_cores(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quota: str, cores: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)), raising=False)
    file = tmp_path / "cpu.max"
    file.write_text(quota)
    assert available_cores(file) == cores
    assert available_cores(tmp_path / "missing") == 64


def test_threads_are_put_back() -> None:
    before = torch.get_num_threads()
    with cpu_threads(1) as threads:
        assert threads == torch.get_num_threads() == 1
    with cpu_threads(0) as threads:
        assert threads == available_cores()
    assert torch.get_num_threads() == before


def test_auto_takes_what_is_there() -> None:
    assert choose_device("cpu").type == "cpu"
    if not torch.cuda.is_available() and not torch.backends.mps.is_available():
        assert choose_device("auto").type == "cpu"

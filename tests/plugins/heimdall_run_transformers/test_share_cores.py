"""Threads that wait: for a moment awake, unless somebody has said how."""

from __future__ import annotations

import os

import pytest

from heimdall_run_transformers.packages import share_cores


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.setenv(name, "")  # put back afterwards
        monkeypatch.delenv(name)


def test_threads_wait_awake_for_a_moment() -> None:
    share_cores()
    assert 0 < int(os.environ["GOMP_SPINCOUNT"]) < 300_000  # libgomp's own default


@pytest.mark.parametrize("name", ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT"])
def test_what_the_user_has_set_stays(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "passive")
    before = dict(os.environ)
    share_cores()
    assert dict(os.environ) == before

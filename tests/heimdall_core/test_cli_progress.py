"""What the terminal shows while work is under way."""

from __future__ import annotations

import pytest

from heimdall_core.cli.common import progress
from heimdall_core.types import Event


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wide one."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")


def test_a_validation_hides_no_figure_of_training(capsys: pytest.CaptureFixture[str]) -> None:
    with progress() as observe:
        observe(Event("progress", "train", done=1, total=9))
        observe(Event("metric", "train", values={"loss": 2.5, "lr": 0.25}))
        capsys.readouterr()
        observe(Event("metric", "train", values={"validation_loss": 1.75}))
    last = capsys.readouterr().err
    assert "loss 2.5" in last
    assert "lr 0.25" in last
    assert "validation_loss 1.75" in last


def test_figures_of_one_stage_are_not_shown_for_the_next(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with progress() as observe:
        observe(Event("progress", "train", done=1, total=9))
        observe(Event("metric", "train", values={"loss": 2.5}))
        observe(Event("progress", "export", done=1, total=3))
        capsys.readouterr()
        observe(Event("metric", "export", values={"tensors": 3}))
    assert "loss" not in capsys.readouterr().err

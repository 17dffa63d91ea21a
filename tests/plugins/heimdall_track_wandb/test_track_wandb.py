"""Weights & Biases in its offline mode, with wandb itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from heimdall_core import Registry
from heimdall_core.types import Event, StageInfo


def info(folder: Path, project: str | None) -> StageInfo:
    tracking = {
        "folder": str(folder),
        "trackers": ["wandb"],
        "wandb_project": project,
        "config": {"lora_r": 4},
    }
    return StageInfo("run", "train", "0123456789abcdef", folder.parent, tracking=tracking)


def test_an_offline_run_holds_every_metric(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_API_KEY", "0123456789" * 4)
    registry = Registry(third_party=False, environ={})
    assert registry.before_stage(info(tmp_path / "runs", "heimdall-test")) == ()
    registry.emit(Event("metric", "train", done=2, values={"loss": 3.25}))
    registry.emit(Event("metric", "train", done=4, values={"loss": 1.125}))
    assert registry.after_stage(info(tmp_path / "runs", "heimdall-test")) == ()
    [file] = (tmp_path / "runs").rglob("*.wandb")
    content = file.read_bytes()
    for word in (b"heimdall-test", b"3.25", b"1.125", b"lora_r"):
        assert word in content
    assert b"0123456789" * 4 not in b"".join(
        p.read_bytes() for p in (tmp_path / "runs").rglob("*") if p.is_file()
    )


def test_no_project_no_run(tmp_path: Path) -> None:
    registry = Registry(third_party=False, environ={})
    assert registry.before_stage(info(tmp_path / "runs", None)) == ()
    registry.emit(Event("metric", "train", done=1, values={"loss": 1.0}))
    assert not (tmp_path / "runs").exists()

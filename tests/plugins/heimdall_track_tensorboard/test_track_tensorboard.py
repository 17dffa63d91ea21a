"""Event files that TensorBoard's own reader reads."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from heimdall_core import Registry
from heimdall_core.types import Event, StageInfo


def info(folder: Path) -> StageInfo:
    tracking = {"folder": str(folder), "trackers": ["tensorboard"], "config": {"lora_r": 4}}
    return StageInfo("run", "train", "key", folder.parent, tracking=tracking)


def test_scalars_by_step(tmp_path: Path) -> None:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    registry = Registry(third_party=False, environ={})
    assert registry.before_stage(info(tmp_path / "runs")) == ()
    for step, loss in ((2, 3.0), (4, 1.5)):
        registry.emit(Event("metric", "train", done=step, total=4, values={"loss": loss}))
    values = {"validation_loss": 1.25, "validation_loss/counting": 1.5}
    registry.emit(Event("metric", "train", done=4, total=4, values=values))
    registry.after_stage(info(tmp_path / "runs"))
    found = reader.EventAccumulator(str(tmp_path / "runs"))
    found.Reload()
    assert [(s.step, s.value) for s in found.Scalars("train/loss")] == [(2, 3.0), (4, 1.5)]
    assert [s.value for s in found.Scalars("validation/validation_loss")] == [1.25]
    assert [s.value for s in found.Scalars("validation_loss/counting")] == [1.5]
    assert b'"lora_r": 4' in found.Tensors("settings")[0].tensor_proto.string_val[0]


def test_without_tensorboard_one_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from heimdall_track_tensorboard import track

    real = importlib.util.find_spec
    monkeypatch.setattr(track, "find_spec", lambda n: None if n == "tensorboard" else real(n))
    registry = Registry(third_party=False, environ={})
    [said] = registry.before_stage(info(tmp_path / "runs"))
    assert "heimdall-slm[track]" in said
    assert registry.emit(Event("metric", "train", done=1, values={"loss": 1.0})) == ()

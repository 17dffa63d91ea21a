"""Metrics as files, and what belongs to no training is passed over."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from heimdall_core import Registry
from heimdall_core.types import Event, StageInfo


def info(folder: Path, *trackers: str, stage: str = "train") -> StageInfo:
    tracking = {"folder": str(folder), "trackers": list(trackers), "config": {"seed": 3}}
    return StageInfo("run", stage, "key", folder.parent, tracking=tracking)


def metric(step: int, **values: float) -> Event:
    return Event("metric", "train", done=step, total=9, values=values)


def test_lines_as_they_come_and_a_table_at_the_end(tmp_path: Path) -> None:
    registry = Registry(third_party=False, environ={})
    folder = tmp_path / "runs"
    registry.before_stage(info(folder, "files"))
    registry.emit(metric(2, loss=3.0, learning_rate=0.1))
    registry.emit(Event("progress", "train", done=2, total=9))
    registry.emit(Event("metric", "evaluate", values={"exact_match": 1.0}))
    lines = (folder / "metrics.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [{"step": 2, "loss": 3.0, "learning_rate": 0.1}]
    registry.emit(metric(4, loss=2.0))
    # Killed here; the training goes on from step 2 and logs step 4 once more.
    again = Registry(third_party=False, environ={})
    again.before_stage(info(folder, "files"))
    again.emit(metric(4, loss=1.5))
    again.emit(metric(4, validation_loss=1.0))
    assert again.after_stage(info(folder, "files")) == ()
    with (folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["2", "4"]
    assert (rows[1]["loss"], rows[1]["validation_loss"]) == ("1.5", "1.0")
    again.emit(metric(6, loss=1.0))  # no training is under way
    assert len((folder / "metrics.jsonl").read_text("utf-8").splitlines()) == 4


def test_not_wanted_is_not_written(tmp_path: Path) -> None:
    registry = Registry(third_party=False, environ={})
    registry.before_stage(info(tmp_path / "runs", "none"))
    registry.emit(metric(1, loss=1.0))
    registry.after_stage(info(tmp_path / "runs", "none"))
    assert not (tmp_path / "runs").exists()

"""What observers of a run are told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from attrs import Factory, field, frozen

from heimdall_core.types.base import Json


@frozen
class Event:
    """Something that happened inside a stage: a metric, progress, a note for the user."""

    kind: Literal["progress", "metric", "note", "warning"]
    stage: str = ""
    message: str = ""
    done: float = 0
    total: float = 0
    values: Mapping[str, float] = field(factory=dict)


@frozen
class StageInfo:
    """What observers of a stage are told."""

    run: str
    stage: str
    key: str
    """Content address of the stage's output."""
    output: Path
    options: Json = field(factory=dict)
    manifest: Json = Factory(dict)
    """Empty before the stage has run."""
    tracking: Json = field(factory=dict)
    """For trackers, of a training alone: `folder` to write into, `trackers` that are wanted,
    `wandb_project`, and the `config` of the training."""

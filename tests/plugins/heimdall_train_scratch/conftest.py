"""A tiny task and a tiny model: a training run of a second or two."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_training import TINY

from heimdall_core.config import TrainingConfig
from heimdall_core.dataset.io import write_examples
from heimdall_core.types import Event, Example, TrainContext

LABELS = ("Author", "Book", "Reader", "Branch", "Film", "City")
PROPERTIES = ("name", "year", "size")

ROWS = [
    Example(f"{verb} the {prop} of each {label}", output=f"MATCH (n:{label}) RETURN n.{prop}")
    for verb in ("List", "Show")
    for label in LABELS
    for prop in PROPERTIES
]


@pytest.fixture
def config() -> Callable[..., TrainingConfig]:
    """`config(field=value, …)`: the tiny settings, some of them changed."""
    return lambda **changes: TrainingConfig(**{**TINY, **changes})


@pytest.fixture
def tiny() -> dict[str, Any]:
    """The tiny settings as plain data, for a child process."""
    return dict(TINY)


@pytest.fixture
def context(tmp_path: Path) -> Callable[..., TrainContext]:
    """`context(name, emit)`: the tiny data, with folders of its own."""
    write_examples(tmp_path / "train.jsonl", ROWS)
    write_examples(tmp_path / "validation.jsonl", ROWS[::5])

    def make(name: str = "run", emit: Callable[[Event], None] = lambda event: None) -> TrainContext:
        return TrainContext(
            train=tmp_path / "train.jsonl",
            validation=tmp_path / "validation.jsonl",
            output=tmp_path / name / "model",
            work=tmp_path / name / "work",
            seed=3,
            emit=emit,
        )

    return make

"""A tiny task and a tiny model: a training run of a second or two."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from heimdall_core.config import TrainingConfig
from heimdall_core.dataset.io import write_examples
from heimdall_core.types import Event, Example, TrainContext

LABELS = ("Author", "Book", "Reader", "Branch", "Film", "City")
PROPERTIES = ("name", "year", "size")

TINY: dict[str, Any] = {
    "trainer": "scratch",
    "train_from_scratch": True,
    "hidden_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 128,
    "vocab_size": 400,
    "max_seq_length": 64,
    "max_position_embeddings": 64,
    "per_device_train_batch_size": 4,
    "gradient_accumulation_steps": 1,
    "learning_rate": 3e-3,
    "max_steps": 6,
    "num_train_epochs": 50,
    "threads": 2,
    "logging_steps": 2,
    "eval_steps": 2,
}

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

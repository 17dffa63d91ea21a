"""A tiny base of each family, and trainings of a second on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_bases import make_base, write_rows

from heimdall_core.config import TrainingConfig
from heimdall_core.types import Event, TrainContext, TrainResult
from heimdall_train_lora.train import train

TINY: dict[str, Any] = {
    "num_train_epochs": 50,
    "max_steps": 6,
    "learning_rate": 1e-2,
    "per_device_train_batch_size": 4,
    "gradient_accumulation_steps": 1,
    "lora_r": 4,
    "lora_alpha": 8,
    "max_seq_length": 128,
    "threads": 1,
    "target_modules": ("all-linear",),
    "logging_steps": 2,
    "eval_steps": 2,
}


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`bases(family)`: a base model's folder, made once."""
    root = tmp_path_factory.mktemp("bases")

    def base(family: str) -> Path:
        folder = root / family
        return folder if folder.exists() else make_base(folder, family)

    return base


@pytest.fixture
def config(bases: Callable[[str], Path]) -> Callable[..., TrainingConfig]:
    """`config(family, field=value, …)`: the tiny settings, some of them changed."""

    def make(family: str = "qwen2", **changes: Any) -> TrainingConfig:
        return TrainingConfig(**{"base_model": str(bases(family)), **TINY, **changes})

    return make


@pytest.fixture
def context(tmp_path: Path) -> Callable[..., TrainContext]:
    """`context(name, emit)`: the toy rows, with folders of its own."""
    rows, validation = write_rows(tmp_path)

    def make(name: str = "run", emit: Callable[[Event], None] = lambda event: None) -> TrainContext:
        return TrainContext(
            train=rows,
            validation=validation,
            output=tmp_path / name / "model",
            work=tmp_path / name / "work",
            seed=3,
            emit=emit,
            cache=tmp_path / "tokens",
        )

    return make


@pytest.fixture
def trained(
    context: Callable[..., TrainContext], config: Callable[..., TrainingConfig]
) -> Callable[..., tuple[TrainContext, TrainResult]]:
    """`trained(family, field=value, …)`: a training, done."""

    def run(family: str = "qwen2", **changes: Any) -> tuple[TrainContext, TrainResult]:
        made = context(f"{family}-{len(changes)}")
        return made, train(made, config(family, **changes))

    return run

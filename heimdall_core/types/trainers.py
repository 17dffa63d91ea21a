"""What `heimdall_trainers` yields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from heimdall_core.types.base import Json
from heimdall_core.types.observation import Event


@frozen
class TrainContext:
    """What a trainer is given. It writes the model into `output`, checkpoints into `work`."""

    train: Path
    validation: Path
    """JSONL files of `Example`."""
    output: Path
    """An empty directory; it is moved to its final place when training has ended well."""
    work: Path
    """Kept when a run is killed: a checkpoint found here is resumed."""
    seed: int
    emit: Callable[[Event], None] = lambda event: None
    """Reports progress and metrics."""
    threads: int = 0
    """CPU threads; 0 lets the trainer choose."""
    cache: Path | None = None
    """Where tokenised rows are kept for other runs as well; None for `work`."""


@frozen
class TrainResult:
    """What training came to."""

    metrics: Mapping[str, float]
    """Final figures: `train_loss`, `validation_loss`, `tokens_per_second` …"""
    history: tuple[Json, ...] = ()
    """One entry per logged step: `{"step": …, "loss": …, …}`."""
    counts: Mapping[str, int] = field(factory=dict)
    """Rows and tokens seen, truncated, dropped."""


@frozen
class Estimate:
    """Forecast of a stage."""

    seconds: float | None = None
    bytes: int | None = None
    """Peak memory."""
    details: Mapping[str, Any] = field(factory=dict)
    """Anything worth printing: parameters, sizes, what the figures rest on."""


@frozen
class Trainer:
    """Yielded by `heimdall_trainers`: curated splits + base model in, model directory out."""

    name: str
    summary: str
    train: Callable[[TrainContext, Any], TrainResult]
    """`train(context, config)`, with a `heimdall_core.TrainingConfig`."""
    reads: frozenset[str]
    """The fields of `TrainingConfig` that it reads; a recipe that sets another is refused."""
    estimate: Callable[[Any, int, float], Estimate] | None = None
    """`estimate(config, rows, tokens_per_row)`."""
    ready: Callable[[Any], None] | None = None
    """`ready(config)`: raises, before a run's first stage, what would stop training later: a
    package that is missing, settings that contradict each other. Imports nothing heavy."""
    version: str = "1"
    defaults: Json = field(factory=dict)
    """Values for the fields that neither the recipe nor its preset sets."""

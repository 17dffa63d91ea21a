"""A training as one of several processes runs it; see `together`."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

import attrs
import torch

from heimdall_core.config import TrainingConfig
from heimdall_core.errors import HeimdallError
from heimdall_core.types import Event, TrainContext
from heimdall_run_transformers.training.loop import Loop


@attrs.frozen
class Job:
    """What one process trains, and where."""

    trainer: str
    """Module with the trainer's `train`."""
    settings: dict[str, Any]
    train: Path
    validation: Path
    folder: Path
    """Output, checkpoints and tokens lie in it: no other process sees them where theirs differ."""
    die_after: int | None = None
    """Ends the process without a word after this optimiser step."""


def run_job(job: Job) -> dict[str, Any]:
    """What came of a training: its result, events, and the words that it ended with."""
    torch.set_num_threads(1)
    events: list[tuple[str, str]] = []
    kept: list[float] = []

    def emit(event: Event) -> None:
        events.append((event.kind, event.message))

    context = TrainContext(
        train=job.train,
        validation=job.validation,
        output=job.folder / "model",
        work=job.folder / "work",
        seed=3,
        emit=emit,
        cache=job.folder / "tokens",
    )
    job.folder.mkdir(parents=True, exist_ok=True)
    _watch(job, kept)
    found: dict[str, Any] = {"events": events, "error": "", "local_bytes": kept}
    try:
        result = importlib.import_module(job.trainer).train(context, TrainingConfig(**job.settings))
        found |= attrs.asdict(result)
    except HeimdallError as error:
        found["error"] = str(error)
    return found


def _watch(job: Job, kept: list[float]) -> None:
    step = Loop._step

    def watched(self: Loop) -> Any:
        if self.progress.step == job.die_after:
            os._exit(9)
        if not kept:
            kept.append(sum(_local(p).nbytes for p in self.model.base_model.layers.parameters()))
        return step(self)

    Loop._step = watched  # type: ignore[method-assign]


def _local(parameter: Any) -> torch.Tensor:
    found: torch.Tensor = getattr(parameter, "_local_tensor", parameter)
    return found

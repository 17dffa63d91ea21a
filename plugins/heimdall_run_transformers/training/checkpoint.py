"""Checkpoints: one safetensors file, replaced as a whole.

A single rename puts weights, best weights, the optimisers' moments and the counters (JSON in the
file's header) in place together, so a process that is killed at any moment leaves either the old
checkpoint or the new one, never a mixture. No pickle.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cattrs
import torch
from attrs import asdict, define, field
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from heimdall_core.errors import ModelError
from heimdall_run_transformers.training.optimizer import Optimizer, Tensors, like, whole
from heimdall_run_transformers.training.processes import Processes

FILE = "checkpoint.safetensors"


@define
class Sums:
    """What some optimiser steps saw."""

    loss: float = 0.0
    """Summed over the trained tokens, in nats, each by its weight."""
    weight: float = 0.0
    """Weights of the trained tokens, summed: their number, where no task has its own."""
    trained: int = 0
    """Tokens that the loss covers."""
    tokens: int = 0
    """Tokens without padding."""
    computed: int = 0
    """Tokens with padding."""
    seconds: float = 0.0

    @property
    def mean_loss(self) -> float:
        return self.loss / self.weight

    @property
    def padding_share(self) -> float:
        return 1 - self.tokens / self.computed

    def add(self, other: Sums) -> None:
        self.loss += other.loss
        self.weight += other.weight
        self.trained += other.trained
        self.tokens += other.tokens
        self.computed += other.computed
        self.seconds += other.seconds


@define
class Progress:
    """How far a run has come; all that is needed to go on, besides tensors."""

    step: int = 0
    """Optimiser steps done."""
    best_loss: float = math.inf
    """Lowest validation loss so far, in nats per trained token."""
    best_step: int = 0
    stale: int = 0
    """Validations since the best one."""
    stopped: bool = False
    """Ended before its last step, by early stopping."""
    parts: int = 1
    """Parts that every micro-batch is computed in, since memory ran out."""
    checkpointing: bool = False
    """Gradient checkpointing was turned on, since memory ran out on a single row."""
    best_train_loss: float = 0.0
    """Training loss over the steps between the best validation and the one before it."""
    seconds: float = 0.0
    """Time in all, validation and checkpoints too, over all starts of the run."""
    since_log: Sums = field(factory=Sums)
    since_validation: Sums = field(factory=Sums)
    total: Sums = field(factory=Sums)
    history: list[dict[str, float]] = field(factory=list)

    def add(self, sums: Sums) -> None:
        """Counts one optimiser step's sums in."""
        for part in (self.since_log, self.since_validation, self.total):
            part.add(sums)


def save_checkpoint(
    folder: Path,
    fingerprint: str,
    progress: Progress,
    trained: Mapping[str, torch.Tensor],
    optimizer: Optimizer,
    best: Tensors,
    *,
    scale: Mapping[str, Any] | None = None,
    processes: Processes | None = None,
) -> None:
    """Writes the checkpoint under a temporary name, syncs it and renames it: once, however many
    processes there are. `trained` are the parameters that are trained, `scale` the state of the
    loss scaling of fp16."""
    tensors: Tensors = {f"best/{name}": tensor for name, tensor in best.items()}
    for name, parameter in trained.items():
        tensors[f"weight/{name}"] = whole(parameter)
    tensors |= {f"state/{name}": tensor for name, tensor in optimizer.state().items()}
    if processes is not None and not processes.first:
        return
    metadata = {
        "fingerprint": fingerprint,
        "progress": json.dumps(asdict(progress)),
        "scale": json.dumps(dict(scale or {})),
    }
    temporary = folder / f".{FILE}.part"
    try:
        save_file({n: t.contiguous() for n, t in tensors.items()}, temporary, metadata)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(folder / FILE)
    except (OSError, SafetensorError) as error:
        temporary.unlink(missing_ok=True)
        raise ModelError(
            f"the checkpoint cannot be written: {error}",
            where=str(folder),
            hint="the one before it is still there; make room and start again to go on from it",
        ) from error


def read_progress(path: Path, fingerprint: str) -> Progress | None:
    """The counters of a checkpoint; None where there is none, or one of other data or settings
    (another fingerprint). Raises `ModelError` for a file that cannot be read."""
    if not path.exists():
        return None
    with _opened(path) as file:
        metadata: dict[str, str] = file.metadata() or {}
    if metadata.get("fingerprint") != fingerprint:
        return None
    return cattrs.structure(json.loads(metadata["progress"]), Progress)


def load_checkpoint(
    path: Path, trained: Mapping[str, torch.Tensor], optimizer: Optimizer
) -> tuple[Progress, Tensors, dict[str, Any]]:
    """Puts a checkpoint's weights and moments in place; gives its counters, its best weights and
    the state of the loss scaling."""
    with _opened(path) as file:
        metadata: dict[str, Any] = file.metadata() or {}
        # Cloned: tensors straight from the file are not aligned as PyTorch's own, and the
        # order of additions in a matrix product may depend on alignment.
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 - no mapping
    progress = cattrs.structure(json.loads(metadata["progress"]), Progress)
    with torch.no_grad():
        for name, parameter in trained.items():
            parameter.copy_(like(tensors[f"weight/{name}"], parameter))
    optimizer.restore(_below("state/", tensors))
    return progress, _below("best/", tensors), json.loads(metadata.get("scale", "{}"))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"the checkpoint cannot be read: {error}", where=str(path), hint="delete it"
        ) from error


def _below(prefix: str, tensors: Tensors) -> Tensors:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}

"""What runs in each process of a training on a cluster."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from attrs import evolve, frozen

from heimdall_core.config import TrainingConfig
from heimdall_core.errors import HeimdallError, WorkerLost
from heimdall_core.types import Event, TrainContext
from heimdall_exec_ray.mailbox import letters_of
from heimdall_exec_ray.worker import Shipped, loaded

#: File by which a worker knows whether it sees the disk of the process that started the training.
MARK: Final = ".here"

#: Seconds that a worker waits to hear why another one has left.
_PATIENCE: Final = 5.0


@frozen
class Task:
    """A training on its way to the workers."""

    train: Shipped
    config: TrainingConfig
    context: Path
    """Training rows, on the disk of the process that started the training; so the paths below."""
    validation: Path
    output: Path
    work: Path
    cache: Path | None
    seed: int
    threads: int
    cwd: Path
    mark: str
    """What the file `MARK` says to a worker that sees that disk; empty where not all do."""
    rows: Any
    """Reference to both files' bytes, where not all workers see them."""
    mailbox: Any


def run_worker(config: dict[str, Any]) -> None:
    """One process of a training. What the user must mend is told and ends the training; a worker
    that lost another one raises, and is started again with all of them."""
    import ray
    from ray import cloudpickle
    from ray.train import get_context

    task: Task = config["task"]
    rank = get_context().get_world_rank()
    try:
        train = loaded(task.train, cloudpickle.loads)
        if task.cwd.is_dir():
            os.chdir(task.cwd)  # relative paths of the recipe
        folder = None if _sees(task) else Path(tempfile.mkdtemp(prefix="heimdall-train-"))
        try:
            context = _context(task, folder, ray, rank)
            result = train(context, task.config)
            if rank == 0:
                if folder is not None:
                    for kind, value in letters_of(context.output):
                        ray.get(task.mailbox.put.remote(kind, value))
                ray.get(task.mailbox.put.remote("result", result))
        finally:
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
    except WorkerLost:
        end = time.monotonic() + _PATIENCE
        while ray.get(task.mailbox.failed.remote()) is None:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
    except HeimdallError as error:
        ray.get(task.mailbox.fail.remote(rank, error))


def _sees(task: Task) -> bool:
    if not task.mark:
        return False
    try:
        seen = (task.work / MARK).read_text(encoding="utf-8") == task.mark
    except OSError:
        seen = False
    if not seen:
        raise HeimdallError(
            "a machine that has joined does not see the disk that the others share",
            where=os.uname().nodename,
            hint="mount it there, or name a place that all reach in train.checkpoints",
        )
    return True


def _context(task: Task, folder: Path | None, ray: Any, rank: int) -> TrainContext:
    def emit(event: Event) -> None:
        if rank == 0:
            task.mailbox.put.remote("event", event)

    context = TrainContext(
        train=task.context,
        validation=task.validation,
        output=task.output,
        work=task.work,
        seed=task.seed,
        emit=emit,
        threads=task.threads,
        cache=task.cache,
    )
    if folder is None:
        return context
    train, validation = folder / task.context.name, folder / f"validation-{task.validation.name}"
    for path, data in zip((train, validation), ray.get(task.rows), strict=True):
        path.write_bytes(data)
    output = folder / "model"
    output.mkdir()
    return evolve(
        context,
        train=train,
        validation=validation,
        output=output,
        work=folder / "work",
        cache=folder / "tokens",
    )

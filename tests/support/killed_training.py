"""A training that is killed again and again: real processes, real SIGKILL.

Run as a script, it trains in `argv[2]` and kills itself a part of a step (`argv[5]`, 0 to 1) after
step `argv[4]` has ended: in the middle of a pass, of a validation or of a checkpoint's writing.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import attrs

from heimdall_core.config import TrainingConfig
from heimdall_core.types import Event, TrainContext


def kill_five_times(module: str, folder: Path, settings: TrainingConfig, seed: int) -> list[int]:
    """Starts a training in `folder` five times, and each of them is killed at a random point, later
    than the one before. Gives the steps after which the kills fell."""
    chance = random.Random(seed)
    assert settings.max_steps is not None
    steps = sorted(chance.sample(range(2, settings.max_steps - 4), 5))
    for step in steps:
        done = subprocess.run(
            [
                *(sys.executable, "-W", "ignore", __file__, module, str(folder)),
                *(json.dumps(attrs.asdict(settings)), str(step), str(chance.random())),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert not (folder / "killed" / "model" / "tokenizer.json").exists()
    return steps


def killed_context(folder: Path) -> TrainContext:
    """Where the killed training lives."""
    return TrainContext(
        train=folder / "train.jsonl",
        validation=folder / "validation.jsonl",
        output=folder / "killed" / "model",
        work=folder / "killed" / "work",
        seed=3,
        cache=folder / "tokens",
    )


def _child(module: str, folder: str, settings: str, step: str, part: str) -> None:
    given: dict[str, Any] = json.loads(settings)
    given["target_modules"] = tuple(given["target_modules"])
    before: list[float] = []
    armed: list[threading.Timer] = []

    def emit(event: Event) -> None:
        if event.kind != "progress":
            return
        before.append(time.perf_counter())
        if len(before) > 1 and event.done >= int(step) and not armed:
            delay = float(part) * (before[-1] - before[-2])
            armed.append(threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL)))
            armed[0].start()

    context = attrs.evolve(killed_context(Path(folder)), emit=emit)
    importlib.import_module(module).train(context, TrainingConfig(**given))


if __name__ == "__main__":
    _child(*sys.argv[1:])

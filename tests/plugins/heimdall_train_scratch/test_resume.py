"""A run that was killed goes on as if nothing had happened: real processes, real SIGKILL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from killed_training import kill_five_times, killed_context
from safetensors import safe_open
from safetensors.torch import load_file

from heimdall_core.config import TrainingConfig
from heimdall_core.errors import ModelError
from heimdall_core.types import Event, TrainContext
from heimdall_run_transformers.training.checkpoint import FILE
from heimdall_train_scratch.train import train

MakeConfig = Callable[..., TrainingConfig]
MakeContext = Callable[..., TrainContext]

#: Trains, and kills itself without any clean-up when the step in argv[4] is done, or (0) in the
#: middle of writing its second checkpoint.
CHILD = """
import json, os, signal, sys
from pathlib import Path
from heimdall_core.config import TrainingConfig
from heimdall_core.types import TrainContext
from heimdall_run_transformers.training import checkpoint
from heimdall_train_scratch.train import train

folder, name, settings, step = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
die = lambda: os.kill(os.getpid(), signal.SIGKILL)
write = checkpoint.save_file

def write_half(tensors, path, metadata):
    write(tensors, path, metadata)
    if step == 0 and path.with_name(checkpoint.FILE).exists():
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        die()

checkpoint.save_file = write_half
train(
    TrainContext(
        train=folder / "train.jsonl",
        validation=folder / "validation.jsonl",
        output=folder / name / "model",
        work=folder / name / "work",
        seed=3,
        emit=lambda event: die() if event.kind == "progress" and event.done == step else None,
    ),
    TrainingConfig(**json.loads(settings)),
)
"""


def killed(folder: Path, name: str, step: int, settings: dict[str, Any]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(folder), name, json.dumps(settings), str(step)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == -9, done.stderr
    assert not (folder / name / "model").exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="SIGKILL is needed")
@pytest.mark.parametrize("more", [{}, {"optimizer": "muon", "copy_drill_steps": 3}])
@pytest.mark.parametrize("step", [7, 0])
def test_a_killed_run_ends_with_the_same_bytes(
    context: MakeContext,
    config: MakeConfig,
    tiny: dict[str, Any],
    tmp_path: Path,
    step: int,
    more: dict[str, Any],
) -> None:
    """Eight steps, five to an epoch, a log line at every third, a checkpoint at every second: the
    kill falls between two checkpoints of the second epoch, or into the writing of one."""
    settings = {"max_steps": 8, "logging_steps": 3, "gradient_accumulation_steps": 2, **more}
    whole = context("whole")
    expected = train(whole, config(**settings))

    killed(tmp_path, "killed", step, {**tiny, **settings})
    notes: list[Event] = []
    again = context(
        "killed", lambda e: notes.append(e) if e.message.startswith("going on") else None
    )
    result = train(again, config(**settings))
    resumed = [note.done for note in notes if note.message.startswith("going on")]
    assert resumed == [2 if step == 0 else 6]
    for name in ("model.safetensors", "tokenizer.json", "config.json"):
        assert (again.output / name).read_bytes() == (whole.output / name).read_bytes(), name
    speeds = {
        "seconds",
        "tokens_per_second",
        "trained_tokens_per_second",
        "mfu",
        "peak_memory_bytes",
    }
    for one, other in zip(
        [expected.metrics, *expected.history], [result.metrics, *result.history], strict=True
    ):
        assert {k: v for k, v in one.items() if k not in speeds} == {
            k: v for k, v in other.items() if k not in speeds
        }


@pytest.mark.skipif(not hasattr(os, "fork"), reason="SIGKILL is needed")
def test_killed_at_five_random_points_the_weights_are_the_same_bytes(
    context: MakeContext, config: MakeConfig, tmp_path: Path
) -> None:
    """Muon and AdamW, accumulation, a validation and a checkpoint at every third step."""
    settings = config(
        max_steps=60, optimizer="muon", gradient_accumulation_steps=2, save_steps=3, eval_steps=3
    )
    whole = context("whole")
    train(whole, settings)
    kill_five_times("heimdall_train_scratch.train", tmp_path, settings, seed=5)
    notes: list[Event] = []
    again = attrs.evolve(killed_context(tmp_path), emit=notes.append)
    train(again, settings)
    assert next(n.done for n in notes if n.message.startswith("going on")) > 0
    for name in ("model.safetensors", "tokenizer.json", "config.json"):
        assert (again.output / name).read_bytes() == (whole.output / name).read_bytes(), name


def test_a_finished_run_is_not_trained_again(context: MakeContext, config: MakeConfig) -> None:
    made = context()
    train(made, config())
    events: list[Event] = []
    again = attrs.evolve(made, output=made.output.with_name("again"), emit=events.append)
    train(again, config())
    assert not [event for event in events if event.kind == "progress"]
    assert (again.output / "model.safetensors").read_bytes() == (
        made.output / "model.safetensors"
    ).read_bytes()


@pytest.mark.parametrize(
    "changes", [{"learning_rate": 1e-3}, {"weight_decay": 0.3}, {"intermediate_size": 96}]
)
def test_a_checkpoint_of_other_settings_is_not_taken(
    context: MakeContext, config: MakeConfig, changes: dict[str, float]
) -> None:
    made, fresh = context("made"), context("fresh")
    train(made, config())
    events: list[Event] = []
    again = attrs.evolve(made, output=made.output.with_name("again"), emit=events.append)
    train(again, config(**changes))
    train(fresh, config(**changes))
    assert [e.message for e in events if e.kind == "warning"] == [
        f"the checkpoint in {made.work} is of other data or settings; starting anew"
    ]
    assert (again.output / "model.safetensors").read_bytes() == (
        fresh.output / "model.safetensors"
    ).read_bytes()


def test_watching_more_often_is_the_same_run(context: MakeContext, config: MakeConfig) -> None:
    """`logging_steps`, `save_steps` and `threads` do not change what is learnt."""
    made = context()
    train(made, config())
    events: list[Event] = []
    again = attrs.evolve(made, output=made.output.with_name("again"), emit=events.append)
    train(again, config(logging_steps=1, save_steps=1, threads=1))
    assert not [event for event in events if event.kind in ("progress", "warning")]
    assert [event.message for event in events if event.message.startswith("going on")]


def test_a_checkpoint_is_plain_safetensors(context: MakeContext, config: MakeConfig) -> None:
    made = context()
    train(made, config())
    assert [path.name for path in made.work.iterdir() if path.is_file()] == [FILE]
    with safe_open(made.work / FILE, framework="pt") as file:
        progress = json.loads(file.metadata()["progress"])
    assert progress["step"] == 6
    tensors = load_file(made.work / FILE)
    assert {name.split("/")[0] for name in tensors} == {"weight", "best", "state"}


def test_a_damaged_checkpoint_is_one_clear_line(context: MakeContext, config: MakeConfig) -> None:
    made = context()
    made.work.mkdir(parents=True)
    (made.work / FILE).write_bytes(b"\x10\0\0\0\0\0\0\0nonsense")
    with pytest.raises(ModelError, match=r"checkpoint cannot be read.*delete it"):
        train(made, config())

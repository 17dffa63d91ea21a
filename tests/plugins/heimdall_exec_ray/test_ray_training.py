"""A training on a Ray cluster of this machine: two processes, losses and weights of one; a worker
that is killed is replaced, and what the user must mend is told at once."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from tiny_training import TINY

from heimdall_core.cli.main import entry
from heimdall_core.config import TrainingConfig
from heimdall_core.dataset.io import write_examples
from heimdall_core.errors import HeimdallError
from heimdall_core.types import Event, Example, TrainContext
from heimdall_exec_ray import training
from heimdall_exec_ray.options import RayOptions
from heimdall_exec_ray.training import ray_train
from heimdall_train_scratch.train import train

pytestmark = pytest.mark.usefixtures("ray_cluster")

SETTINGS: dict[str, Any] = {
    **TINY,
    "gradient_accumulation_steps": 2,
    "max_steps": 8,
    "threads": 1,
    "logging_steps": 1,
    "eval_steps": 4,
    "save_steps": 1,
}

TWO = RayOptions(train_workers=2)


@pytest.fixture
def context(tmp_path: Path) -> Callable[..., TrainContext]:
    """`context(name, emit)`: 36 rows, with folders of its own."""
    rows = [
        Example(f"{verb} the {prop} of each {label}", output=f"MATCH (n:{label}) RETURN n.{prop}")
        for verb in ("List", "Show")
        for label in ("Author", "Book", "Reader", "Branch", "Film", "City")
        for prop in ("name", "year", "size")
    ]
    write_examples(tmp_path / "train.jsonl", rows)
    write_examples(tmp_path / "validation.jsonl", rows[::5])

    def make(name: str, emit: Callable[[Event], None] = lambda event: None) -> TrainContext:
        (tmp_path / name / "model").mkdir(parents=True)
        return TrainContext(
            train=tmp_path / "train.jsonl",
            validation=tmp_path / "validation.jsonl",
            output=tmp_path / name / "model",
            work=tmp_path / name / "work",
            seed=3,
            emit=emit,
        )

    return make


def check_same(one: TrainContext, expected: Any, other: TrainContext, found: Any) -> None:
    for name in ("loss", "validation_loss"):
        assert [e[name] for e in found.history if name in e] == pytest.approx(
            [e[name] for e in expected.history if name in e], rel=1e-4
        )
    whole = load_file(one.output / "model.safetensors")
    shared = load_file(other.output / "model.safetensors")
    assert all((t - shared[name]).abs().max() < 1e-3 for name, t in whole.items())
    files = {p.name for p in one.output.iterdir()}
    assert {p.name for p in other.output.iterdir()} == files


@pytest.mark.parametrize(
    "shares",
    [True, pytest.param(False, marks=pytest.mark.slow)],
    ids=["one-disk", "own-disks"],
)
def test_workers_match_one_process(
    context: Callable[..., TrainContext],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    shares: bool,
) -> None:
    said: list[Event] = []
    one, other = context("one"), context("ray", said.append)
    config = TrainingConfig(**SETTINGS)
    expected = train(one, config)
    changes: dict[str, Any] = {}
    if not shares:
        monkeypatch.setattr(training, "_share", lambda *_: [True, False])
        changes = {"checkpoints": str(tmp_path / "shared")}
    found = ray_train(train, other, TrainingConfig(**SETTINGS, **changes), TWO)
    check_same(one, expected, other, found)
    assert [e.message for e in said if "share out each step" in e.message] == [
        "2 processes share out each step (DDP)"
    ]
    assert [e.done for e in said if e.kind == "progress"] == list(range(1, 9))
    assert (other.work / "checkpoint.safetensors").exists() == shares
    assert len(list((tmp_path / "shared").glob("*/checkpoint-*"))) == (not shares)


def dying(context: TrainContext, config: TrainingConfig) -> Any:
    """The trainer, whose second process is killed once, after the third step."""
    from heimdall_run_transformers.training.loop import Loop

    step, once = Loop._step, context.work / "killed"

    def watched(self: Loop) -> Any:
        if self.progress.step == 3 and self.processes.rank == 1 and not once.exists():
            once.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return step(self)

    Loop._step = watched  # type: ignore[method-assign]
    try:
        return train(context, config)
    finally:
        Loop._step = step  # type: ignore[method-assign]


@pytest.mark.slow
def test_a_worker_that_is_killed_is_replaced(context: Callable[..., TrainContext]) -> None:
    said: list[Event] = []
    one, other = context("one"), context("ray", said.append)
    config = TrainingConfig(**SETTINGS)
    expected = train(one, config)
    found = ray_train(_by_value(dying), other, config, TWO)
    check_same(one, expected, other, found)
    assert (other.work / "killed").exists()
    assert [e.message for e in said if "going on" in e.message] == [
        "going on from the checkpoint of step 3"
    ]


@pytest.mark.slow
def test_a_worker_that_dies_again_and_again_is_told(context: Callable[..., TrainContext]) -> None:
    def always(context: TrainContext, config: TrainingConfig) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(HeimdallError, match="workers were lost 2 times"):
        ray_train(always, context("ray"), TrainingConfig(**SETTINGS), RayOptions(retries=1))


def test_what_the_user_must_mend_is_told_without_another_try(
    context: Callable[..., TrainContext], tmp_path: Path
) -> None:
    made = context("ray")
    (tmp_path / "train.jsonl").write_text('{"instruction": 7}\n', "utf-8")
    with pytest.raises(HeimdallError, match=r"train\.jsonl") as error:
        ray_train(train, made, TrainingConfig(**SETTINGS), TWO)
    assert "\n" not in str(error.value)


def test_own_disks_need_a_place_for_checkpoints(
    context: Callable[..., TrainContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "_share", lambda *_: [True, False])
    with pytest.raises(HeimdallError, match="do not see this machine's disk"):
        ray_train(train, context("ray"), TrainingConfig(**SETTINGS), TWO)


def test_more_processes_than_the_cluster_has_room_for(
    context: Callable[..., TrainContext],
) -> None:
    with pytest.raises(HeimdallError, match="3 processes need a CPU each"):
        ray_train(train, context("ray"), TrainingConfig(**SETTINGS), RayOptions(train_workers=3))


@pytest.mark.slow
def test_the_command_trains_on_the_cluster(
    context: Callable[..., TrainContext],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    context("unused")
    lines = [f"{name} = {json.dumps(value)}" for name, value in SETTINGS.items()]
    (tmp_path / "tiny.toml").write_text("seed = 3\n[train]\n" + "\n".join(lines), "utf-8")
    monkeypatch.chdir(tmp_path)  # relative paths, as they are typed
    with pytest.raises(SystemExit) as left:
        entry(
            ["train", "--preset", "tiny.toml", "--dataset", "train.jsonl", "--validation",
             "validation.jsonl", "--output-dir", "model", "--executor", "ray",
             "--executor-set", "train_workers=2"]
        )  # fmt: skip
    said = capsys.readouterr()
    assert not left.value.code, said.err
    assert "training in 2 processes on 1 machine, 1 CPU each" in said.err
    assert (tmp_path / "model" / "model.safetensors").exists()
    logged = (tmp_path / "model" / "runs" / "metrics.jsonl").read_text("utf-8")
    assert logged.count('"loss"') == 8
    assert not (tmp_path / ".model.work").exists()


def _by_value(function: Any) -> Any:
    """Sent as it is: workers cannot import this file."""
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    return function

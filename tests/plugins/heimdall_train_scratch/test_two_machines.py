"""`torchrun` on two machines (network namespaces, a folder each): losses and weights of one
process; a machine that is killed is replaced by an empty one, and training goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from two_machines import ADDRESSES, available, start_on, two_machines

from heimdall_core.config import TrainingConfig
from heimdall_core.types import TrainContext
from heimdall_train_scratch.train import train

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not available(), reason="no network namespaces can be made here"),
]

#: A machine counts as gone after six seconds of silence, before the one in its place is there.
HEARTBEAT = "keep_alive_interval=2,keep_alive_max_attempt=3"

SETTINGS: dict[str, Any] = {
    "max_steps": 400,
    "num_train_epochs": 400,
    "gradient_accumulation_steps": 2,
    "logging_steps": 1,
    "eval_steps": 100,
    "save_steps": 5,
    "weight_decay": 0.05,
    "adam_beta2": 0.98,
    "learning_rate": 1e-3,
    "threads": 1,
}


@pytest.fixture
def machines() -> Iterator[tuple[str, str]]:
    with two_machines() as names:
        yield names


class Torchrun:
    """`torchrun` on both machines, a process on each."""

    def __init__(self, names: tuple[str, str], folder: Path, recipe: str) -> None:
        self.names, self.folder = names, folder
        (folder / "two.toml").write_text(recipe, "utf-8")
        self.running: dict[int, subprocess.Popen[Any]] = {}

    def start(self, machine: int, home: str) -> None:
        """`home` is the machine's own folder."""
        own = self.folder / home
        own.mkdir()
        self.running[machine] = start_on(
            self.names[machine],
            [
                *(sys.executable, "-W", "ignore", "-m", "torch.distributed.run"),
                *("--nnodes", "2", "--nproc-per-node", "1", "--max-restarts", "3"),
                *("--rdzv-backend", "c10d", "--rdzv-endpoint", f"{ADDRESSES[0]}:29417"),
                *("--rdzv-id", "tiny", "--local-addr", ADDRESSES[machine]),
                *("--rdzv-conf", f"is_host={int(machine == 0)},{HEARTBEAT}"),
                *("-m", "heimdall_core.cli.main", "train", "--preset", "../two.toml"),
                *("--dataset", "../train.jsonl", "--validation", "../validation.jsonl"),
                *("--output-dir", "model"),
            ],
            cwd=own,
            log=own / "log.txt",
            GLOO_SOCKET_IFNAME="cable",
            OMP_NUM_THREADS="1",
            # Else a machine that has kept rank 0 does not tell a new one where it listens.
            TORCH_DISABLE_SHARE_RDZV_TCP_STORE="1",
        )

    def kill(self, machine: int) -> None:
        """The machine, as by its power switch: no process of it says goodbye."""
        pids = subprocess.run(
            ["ip", "netns", "pids", self.names[machine]],  # noqa: S607
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for pid in pids:
            os.kill(int(pid), signal.SIGKILL)
        self.running.pop(machine).wait()

    def finish(self) -> None:
        for process in self.running.values():
            assert process.wait(300) == 0, self.said()

    def said(self) -> str:
        return "\n".join(p.read_text("utf-8") for p in sorted(self.folder.glob("*/log.txt")))


@pytest.fixture
def torchrun(machines: tuple[str, str], tmp_path: Path, tiny: dict[str, Any]) -> Iterator[Torchrun]:
    settings = {**tiny, **SETTINGS, "checkpoints": str(tmp_path / "shared")}
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    made = Torchrun(machines, tmp_path, "seed = 3\n[train]\n" + "\n".join(lines) + "\n")
    yield made
    for machine in list(made.running):
        made.kill(machine)


@pytest.fixture
def one(
    context: Callable[..., TrainContext], config: Callable[..., TrainingConfig]
) -> tuple[TrainContext, list[Any]]:
    """One process, not interrupted: where, and its losses."""
    made = context("one")
    result = train(made, config(**SETTINGS))
    return made, losses([dict(entry) for entry in result.history])


def losses(history: list[dict[str, float]]) -> list[float]:
    return [entry.get("loss", entry.get("validation_loss", 0.0)) for entry in history]


def check_same(one: tuple[TrainContext, list[Any]], torchrun: Torchrun) -> None:
    [model] = torchrun.folder.glob("machine*/model")  # written once
    found = json.loads((model / "training.json").read_text("utf-8"))
    # A gradient is a sum of the same terms in another order: rounding, over 400 steps.
    assert losses(found["history"]) == pytest.approx(one[1], rel=1e-5)
    whole = load_file(one[0].output / "model.safetensors")
    shared = load_file(model / "model.safetensors")
    assert all((tensor - shared[name]).abs().max() < 1e-3 for name, tensor in whole.items())


def test_two_machines_match_one_process(
    one: tuple[TrainContext, list[Any]], torchrun: Torchrun
) -> None:
    torchrun.start(0, "machine-a")
    torchrun.start(1, "machine-b")
    torchrun.finish()
    check_same(one, torchrun)
    assert "2 processes share out each step" in torchrun.said()


def test_a_machine_that_is_killed_is_replaced_by_an_empty_one(
    one: tuple[TrainContext, list[Any]], torchrun: Torchrun
) -> None:
    torchrun.start(0, "machine-a")
    torchrun.start(1, "machine-b")
    wait_for_step(torchrun, 20)
    torchrun.kill(1)
    torchrun.start(1, "machine-c")
    torchrun.finish()
    said = torchrun.said()
    assert "the connection to the other processes is gone" in said
    assert "going on from the checkpoint of step" in said
    check_same(one, torchrun)


def wait_for_step(torchrun: Torchrun, step: int) -> None:
    """Until a checkpoint of that step, or a later one, lies in the shared folder."""
    end = time.monotonic() + 300
    while time.monotonic() < end:
        for pointer in (torchrun.folder / "shared").glob("*/latest.json"):
            if json.loads(pointer.read_text("utf-8"))["step"] >= step:
                return
        assert all(p.poll() is None for p in torchrun.running.values()), torchrun.said()
        time.sleep(0.02)
    raise AssertionError(torchrun.said())

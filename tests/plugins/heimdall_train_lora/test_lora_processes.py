"""Two processes under torchrun's environment: losses and weights of one, saved and logged once."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from safetensors.torch import load_file

from heimdall_core.config import TrainingConfig
from heimdall_core.types import TrainContext
from heimdall_train_lora.train import train

#: The command line as torchrun starts it: `-m heimdall_core.cli.main train …` in each process.
MAIN = [sys.executable, "-W", "ignore", "-m", "heimdall_core.cli.main"]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def launch(arguments: list[str], cwd: Path, count: int = 2) -> list[str]:
    """What each of the processes printed on standard error."""
    environment = {
        **os.environ,
        "WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
        "OMP_NUM_THREADS": "1",
    }
    started = [
        subprocess.Popen(
            [*MAIN, *arguments],
            cwd=cwd,
            env={**environment, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(count)
    ]
    said = []
    for process in started:
        out, err = process.communicate(timeout=240)
        assert process.returncode == 0, err
        said.append(out + err)
    return said


@pytest.mark.parametrize(
    "shard", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["ddp", "fsdp"]
)
def test_two_processes_match_one(
    context: Callable[..., TrainContext],
    config: Callable[..., TrainingConfig],
    tmp_path: Path,
    shard: bool,
) -> None:
    changes: dict[str, Any] = {
        "lora_dropout": 0.0,
        "gradient_accumulation_steps": 2,
        "layout": "padded",
        "logging_steps": 1,
        "trackers": ("files",),
    }
    single = context("single")
    settings = config("llama", **changes)
    expected = train(single, settings)
    recipe = {k: v for k, v in attrs.asdict(settings).items() if v is not None}
    lines = ['trainer = "lora"']
    defaults = attrs.asdict(TrainingConfig())
    for key, value in recipe.items():
        if value != defaults.get(key) and key != "trainer":
            shown = list(value) if isinstance(value, tuple) else value
            lines.append(f"{key} = {json.dumps(shown)}")
    (tmp_path / "two.toml").write_text(
        "seed = 3\n[train]\n" + "\n".join(lines) + f"\nshard = {str(shard).lower()}\n", "utf-8"
    )
    said = launch(
        ["train", "--preset", "two.toml", "--dataset", "train.jsonl", "--validation",
         "validation.jsonl", "--output_dir", "out"],
        tmp_path,
    )  # fmt: skip
    assert ("FSDP" if shard else "DDP") in said[0]
    assert said[1].strip() == ""  # the second process prints nothing
    found = json.loads((tmp_path / "out" / "training.json").read_text("utf-8"))
    logged = [e["loss"] for e in found["history"] if "loss" in e]
    assert logged == pytest.approx([e["loss"] for e in expected.history if "loss" in e], rel=1e-4)
    assert found["metrics"]["validation_loss"] == pytest.approx(
        expected.metrics["validation_loss"], rel=1e-4
    )
    one = load_file(single.output / "adapter_model.safetensors")
    two = load_file(tmp_path / "out" / "adapter_model.safetensors")
    assert one.keys() == two.keys()
    for name, tensor in one.items():
        assert (tensor - two[name]).abs().max() < 2e-3, name
    lines = (tmp_path / "out" / "runs" / "metrics.jsonl").read_text("utf-8").splitlines()
    steps = [json.loads(line)["step"] for line in lines if '"loss"' in line]
    assert steps == [1, 2, 3, 4, 5, 6]  # logged once
    left = sorted(p.name for p in tmp_path.glob(".out*"))
    assert left == []

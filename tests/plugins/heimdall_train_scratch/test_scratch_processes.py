"""Training from scratch in two processes that share no disk: losses and weights of one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
import torch
from safetensors.torch import load_file
from together import Died, together
from training_job import Job, run_job

from heimdall_core.types import TrainContext

#: Two micro-batches to a step, one for each process, and a checkpoint at each of six steps.
STEPS: dict[str, Any] = {
    "gradient_accumulation_steps": 2,
    "per_device_train_batch_size": 4,
    "logging_steps": 1,
    "save_steps": 1,
    "threads": 1,
}


@pytest.fixture
def job(
    context: Callable[..., TrainContext], tiny: dict[str, Any], tmp_path: Path
) -> Callable[..., Job]:
    """`job(folder, setting=value, …)`."""
    made = context()

    def make(folder: str, die_after: int | None = None, **changes: Any) -> Job:
        return Job(
            "heimdall_train_scratch.train",
            {**tiny, **STEPS, **changes},
            made.train,
            made.validation,
            tmp_path / folder,
            die_after,
        )

    return make


def losses(found: dict[str, Any]) -> list[float]:
    return [e.get("loss", e.get("validation_loss")) for e in found["history"]]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model" / "model.safetensors")


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.allclose(t, other[n], rtol=0, atol=1e-5) for n, t in one.items())


@pytest.mark.parametrize("count", [2, 3])
def test_processes_match_one(job: Callable[..., Job], tmp_path: Path, count: int) -> None:
    [one] = together(run_job, [job("one")])
    found = together(run_job, [job(f"of-{count}-{rank}") for rank in range(count)])
    for each in found:  # the same on every one of them, summed over all
        assert losses(each) == pytest.approx(losses(one), rel=1e-5)
        assert each["counts"] == one["counts"]
    assert same(weights(tmp_path / "one"), weights(tmp_path / f"of-{count}-0"))
    assert any("processes share out" in message for _, message in found[0]["events"])
    for rank in range(1, count):  # saves and says nothing
        assert found[rank]["events"] == []
        assert not (tmp_path / f"of-{count}-{rank}" / "model").exists()
        assert not list((tmp_path / f"of-{count}-{rank}" / "work").glob("*.safetensors"))


def test_a_process_that_dies_stops_the_other_and_both_go_on(
    job: Callable[..., Job], tmp_path: Path
) -> None:
    together(run_job, [job("whole-0"), job("whole-1")])
    first, second = together(run_job, [job("a"), job("b", die_after=3)])
    assert "connection to the other processes is gone" in first["error"]
    assert isinstance(second, Died)
    assert (tmp_path / "a" / "work" / "checkpoint.safetensors").exists()
    # The other way round: the first one has no checkpoint and gets it from the second.
    first, second = together(run_job, [job("b"), job("a")])
    assert ("note", "going on from the checkpoint of step 3") in first["events"]
    assert same(weights(tmp_path / "whole-0"), weights(tmp_path / "b"))
    assert [p.name for p in (tmp_path / "b" / "work").glob("*sent*")] == []


def test_other_data_on_one_machine_is_told_by_all(job: Callable[..., Job], tmp_path: Path) -> None:
    one, other = job("a"), job("b")
    fewer = tmp_path / "fewer.jsonl"
    rows = one.train.read_text("utf-8").splitlines(keepends=True)
    fewer.write_text("".join(rows[:-1]), "utf-8")
    found = together(run_job, [one, attrs.evolve(other, train=fewer)])
    for each in found:
        assert "process 1 of 2 has other data" in each["error"]


def test_what_stops_the_first_stops_the_others(job: Callable[..., Job], tmp_path: Path) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"instruction": 7}\n', "utf-8")
    jobs = [attrs.evolve(job(name), train=broken) for name in ("a", "b")]
    first, second = together(run_job, jobs)
    assert "broken.jsonl" in first["error"]
    assert "the first process stopped" in second["error"]
    assert first["error"] in second["error"]

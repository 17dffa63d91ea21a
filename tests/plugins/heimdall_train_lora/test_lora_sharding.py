"""The base's weights shared out among two processes (FSDP), which share no disk: losses and weights
of one process, in half the memory for the decoder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from safetensors.torch import load_file
from together import Died, together
from training_job import Job, run_job

from heimdall_core.config import TrainingConfig
from heimdall_core.errors import RecipeError
from heimdall_core.types import TrainContext
from heimdall_run_transformers.training.precision import Precision
from heimdall_run_transformers.training.shard import check_sharding
from heimdall_train_lora.settings import check_config

STEPS: dict[str, Any] = {
    "lora_dropout": 0.0,
    "gradient_accumulation_steps": 2,
    "logging_steps": 1,
    "save_steps": 1,
}


def slow(*values: Any) -> Any:
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.fixture
def job(
    context: Callable[..., TrainContext], config: Callable[..., TrainingConfig], tmp_path: Path
) -> Callable[..., Job]:
    """`job(folder, family, setting=value, …)`."""
    made = context()

    def make(
        folder: str, family: str = "llama", die_after: int | None = None, **changes: Any
    ) -> Job:
        settings = attrs.asdict(config(family, **{**STEPS, **changes}))
        return Job(
            "heimdall_train_lora.train",
            settings,
            made.train,
            made.validation,
            tmp_path / folder,
            die_after,
        )

    return make


def check_same(tmp_path: Path, one: Any, found: list[Any]) -> None:
    for each in [one, *found]:
        assert not isinstance(each, Died), each
        assert each["error"] == ""
    expected = [e.get("loss", e.get("validation_loss")) for e in one["history"]]
    for each in found:
        seen = [e.get("loss", e.get("validation_loss")) for e in each["history"]]
        assert seen == pytest.approx(expected, rel=1e-4)
    whole = load_file(tmp_path / "one" / "model" / "adapter_model.safetensors")
    parts = load_file(tmp_path / "a" / "model" / "adapter_model.safetensors")
    assert whole.keys() == parts.keys()
    for name, tensor in whole.items():
        assert (tensor - parts[name]).abs().max() < 2e-3, name


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        ("llama", {}),  # embedding rows for added markers are trained beside it
        slow("qwen2", {"gradient_checkpointing": True, "layout": "padded"}),
        slow("qwen2", {"use_dora": True}),
        slow("phi3", {"lora_init": "eva"}),
    ],
    ids=["markers", "checkpointing", "dora", "eva"],
)
def test_shared_out_weights_learn_the_same(
    job: Callable[..., Job], tmp_path: Path, family: str, changes: dict[str, Any]
) -> None:
    [one] = together(run_job, [job("one", family, **changes)])
    found = together(run_job, [job(n, family, shard=True, **changes) for n in ("a", "b")])
    check_same(tmp_path, one, found)
    assert any("share out each step (FSDP)" in message for _, message in found[0]["events"])
    for each in found:
        assert each["local_bytes"][0] < 0.55 * one["local_bytes"][0]


def test_whole_weights_match_one_with_the_measured_micro_batch(
    job: Callable[..., Job], tmp_path: Path
) -> None:
    found = together(run_job, [job(name, "qwen2", micro_batch="fit") for name in ("a", "b")])
    said = next(m for _, m in found[0]["events"] if m.startswith("measured: "))
    rows, times = (int(word) for word in said.split() if word.isdigit())
    assert rows * times == 8
    given = {"per_device_train_batch_size": rows, "gradient_accumulation_steps": times}
    [one] = together(run_job, [job("one", "qwen2", **given)])
    check_same(tmp_path, one, found)


def test_pissa_in_two_processes_starts_from_the_same_base(
    job: Callable[..., Job], tmp_path: Path
) -> None:
    [one] = together(run_job, [job("one", "qwen2", lora_init="pissa")])
    found = together(run_job, [job(name, "qwen2", lora_init="pissa") for name in ("a", "b")])
    check_same(tmp_path, one, found)


def test_a_sharded_training_goes_on_after_a_loss(job: Callable[..., Job], tmp_path: Path) -> None:
    [one] = together(run_job, [job("one")])
    first, _ = together(
        run_job, [job("b", shard=True), job("a", shard=True, die_after=3)], seconds=60
    )
    assert "connection to the other processes is gone" in first["error"]
    # They come back in another order, on machines that have each other's place.
    found = together(run_job, [job("a", shard=True), job("b", shard=True)])
    assert ("note", "going on from the checkpoint of step 3") in found[0]["events"]
    check_same(tmp_path, one, found)


def test_what_cannot_be_shared_out_is_refused(config: Callable[..., TrainingConfig]) -> None:
    import torch

    cpu = torch.device("cpu")
    settings = config("qwen2", shard=True)
    with pytest.raises(RecipeError, match="this is a single one"):
        check_sharding(settings, 1, Precision("fp32", cpu))
    with pytest.raises(RecipeError, match="does not go with fp16"):
        check_sharding(settings, 2, Precision("fp16", cpu))
    with pytest.raises(RecipeError, match="turned into a plain adapter"):
        check_config(config("qwen2", shard=True, lora_init="pissa"))
    with pytest.raises(RecipeError, match="measured by one process"):
        check_config(config("qwen2", shard=True, micro_batch="fit"))


def test_a_single_process_is_refused_before_the_base_is_read(
    job: Callable[..., Job],
) -> None:
    [found] = together(run_job, [job("one", shard=True)])
    assert found["error"].startswith("train.shard: shard = true shares out the weights among")

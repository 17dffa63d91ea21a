"""Replay, the forgetting matrix, the refusal, and tasks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_bases import ROWS
from tiny_models import LESSONS, build_model

from heimdall_core import Registry
from heimdall_core.config import TrainingConfig
from heimdall_core.dataset.io import write_examples
from heimdall_core.errors import FindingsError
from heimdall_core.pipeline.steps.train import train_model
from heimdall_core.types import Event, Example, TrainContext
from heimdall_run_transformers.training.forgetting import compare
from heimdall_run_transformers.training.validation import Validation
from heimdall_train_lora.train import train

MakeConfig = Callable[..., TrainingConfig]
MakeContext = Callable[..., TrainContext]

OLD = [
    Example(f"Remove every {label} number {n}", output="MATCH (x) DELETE x", category=c)
    for n in range(20)
    for label, c in (("Book", "removal"), ("City", "cleaning"))
]


def validation_of(right: list[float], tasks: list[int]) -> Validation:
    count = len(right)
    return Validation(np.ones(count), np.asarray(right), np.full(count, 2), np.asarray(tasks))


def test_the_matrix_by_hand() -> None:
    before = validation_of([1, 1, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1])
    after = validation_of([1, 1, 1, 0, 1, 0], [0, 0, 0, 0, 1, 1])
    lost, won = compare(before, after, ("counting", "listing"), limit=2.0)
    assert (lost.task, lost.rows, lost.before, lost.after) == ("counting", 4, 1.0, 0.75)
    assert lost.change == -25.0
    assert lost.low == pytest.approx(-25 - 1.96 * 50 / 2)
    assert lost.high == pytest.approx(-25 + 1.96 * 50 / 2)
    assert lost.forgotten
    assert won.change == 50.0
    assert not won.forgotten
    assert not compare(before, after, ("a", "b"), limit=25.0)[0].forgotten


def test_replayed_rows_are_the_share_that_was_asked_for(
    context: MakeContext, config: MakeConfig, tmp_path: Path
) -> None:
    write_examples(tmp_path / "old.jsonl", [*OLD, *ROWS[:6]])
    events: list[Event] = []
    made = context(emit=events.append)
    result = train(
        made, config(replay_dataset=str(tmp_path / "old.jsonl"), replay_ratio=0.25, max_steps=2)
    )
    assert result.counts["train_rows"] == 36 + 12
    assert result.counts["replayed_rows"] == 12
    assert [e for e in events if "12 replayed rows beside 36 new ones" in e.message]
    matrix = json.loads((made.output / "forgetting.json").read_text("utf-8"))
    assert {task["task"] for task in matrix["tasks"]} <= {"removal", "cleaning"}
    assert sum(task["rows"] for task in matrix["tasks"]) == 4  # a tenth of what is not new


def test_a_model_that_forgot_is_set_aside(
    context: MakeContext, config: MakeConfig, tmp_path: Path
) -> None:
    """A base that knows its lessons by heart; new rows at a ruinous rate wipe them out."""
    base = build_model(tmp_path / "taught", taught=LESSONS)
    old = [Example(q, output=a, category="lessons") for q, a in LESSONS]
    write_examples(tmp_path / "old.jsonl", old)
    made = context("new")

    def promote(name: str, rate: float) -> None:
        train_model(
            Registry(third_party=False),
            config(
                base_model=str(base),
                replay_dataset=str(tmp_path / "old.jsonl"),
                replay_ratio=0.01,
                learning_rate=rate,
                max_steps=3,
                trainer="lora",
            ),
            train=made.train,
            validation=made.validation,
            output=tmp_path / name,
            work=made.work / name,
            seed=3,
        )

    with pytest.raises(FindingsError, match=r"not promoted: lessons lost 100.0 points of exact"):
        promote("ruined", 0.5)
    assert not (tmp_path / "ruined").exists()
    refused = tmp_path / "ruined-refused"
    matrix = json.loads((refused / "forgetting.json").read_text("utf-8"))
    assert not matrix["promoted"]
    [task] = matrix["tasks"]
    assert (task["before"], task["after"]) == (1.0, 0.0)
    assert task["low"] <= task["change"] <= task["high"]
    assert (refused / "adapter_model.safetensors").is_file()
    promote("kept", 1e-6)
    kept = json.loads((tmp_path / "kept" / "forgetting.json").read_text("utf-8"))
    assert kept["promoted"]
    assert kept["tasks"][0]["after"] == 1.0


def test_validation_is_shown_for_each_task_and_weights_count(
    context: MakeContext, config: MakeConfig
) -> None:
    one: Any = train(context("one"), config(lora_dropout=0.0, max_steps=2))
    entry = next(e for e in one.history if "validation_loss" in e)
    assert {"validation_loss/listing", "validation_loss/projection"} <= entry.keys()
    other = train(
        context("other"),
        config(lora_dropout=0.0, max_steps=2, task_weights={"listing": 5.0}),
    )
    assert other.history[0]["loss"] != one.history[0]["loss"]
    by_source = train(context("source"), config(task_field="source", max_steps=2))
    assert not [k for e in by_source.history for k in e if k.startswith("validation_loss/")]

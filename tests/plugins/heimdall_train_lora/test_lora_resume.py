"""A training that was killed goes on as if nothing had happened: real processes, real SIGKILL."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from killed_training import kill_five_times, killed_context

from heimdall_core.config import TrainingConfig
from heimdall_core.errors import ModelError
from heimdall_core.types import Event, TrainContext
from heimdall_run_transformers.training import fit as fit_module
from heimdall_run_transformers.training import loop as loop_module
from heimdall_run_transformers.training.checkpoint import FILE
from heimdall_run_transformers.training.checkpointing import checkpoints_activations
from heimdall_train_lora.train import train

MakeConfig = Callable[..., TrainingConfig]
MakeContext = Callable[..., TrainContext]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="SIGKILL is needed")
def test_killed_at_five_random_points_the_weights_are_the_same_bytes(
    context: MakeContext, config: MakeConfig, tmp_path: Path
) -> None:
    """Dropout, two micro-batches to a step, a checkpoint at every second step; each kill falls
    wherever the clock says, and the next start goes on from there."""
    settings = config(
        "llama", max_steps=60, gradient_accumulation_steps=2, lora_dropout=0.1, save_steps=2,
        eval_steps=20,
    )  # fmt: skip
    whole = context("whole")
    expected = train(whole, settings)
    kill_five_times("heimdall_train_lora.train", tmp_path, settings, seed=11)
    notes: list[Event] = []
    again = attrs.evolve(killed_context(tmp_path), emit=notes.append)
    result = train(again, settings)
    assert next(n.done for n in notes if n.message.startswith("going on")) > 0
    for name in ("adapter_model.safetensors", "adapter_config.json", "tokenizer.json"):
        assert (again.output / name).read_bytes() == (whole.output / name).read_bytes(), name
    same = ("train_loss", "validation_loss", "best_step", "steps")
    assert [result.metrics[k] for k in same] == [expected.metrics[k] for k in same]


def test_memory_that_runs_out_halves_the_micro_batch_and_nothing_else(
    context: MakeContext, config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config(per_device_train_batch_size=8, lora_dropout=0.0)
    expected = train(context("roomy"), settings)
    real = loop_module.answer_loss

    def tight(model: Any, batch: Any) -> Any:
        if len(batch.rows.unique()) > 2:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you…")
        return real(model, batch)

    monkeypatch.setattr(loop_module, "answer_loss", tight)
    events: list[Event] = []
    result = train(context("tight", events.append), settings)
    warnings = [event.message for event in events if event.kind == "warning"]
    assert len(warnings) == 2
    assert "micro-batches of 8 rows: 4 from now on, with the same 8 rows to a step" in warnings[0]
    for one, other in zip(expected.history, result.history, strict=True):
        if "loss" in one:
            assert other["loss"] == pytest.approx(one["loss"], rel=1e-4)


def test_memory_that_runs_out_on_one_row_is_an_error(
    context: MakeContext, config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(model: Any, batch: Any) -> Any:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(loop_module, "answer_loss", never)
    with pytest.raises(ModelError, match=r"memory ran out on a single row.*use_qlora"):
        train(context(), config())


def test_memory_that_runs_out_on_one_row_turns_checkpointing_on(
    context: MakeContext, config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is learnt is the same, dropout included; killed and started again as well."""
    settings = config(per_device_train_batch_size=1, lora_dropout=0.1, save_steps=1)
    expected = train(context("roomy"), settings)
    real, calls = loop_module.answer_loss, []

    def tight(model: Any, batch: Any) -> Any:
        if not checkpoints_activations(model):
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(model, batch)

    monkeypatch.setattr(loop_module, "answer_loss", tight)
    events: list[Event] = []
    with pytest.raises(KeyboardInterrupt):
        train(context("tight", events.append), settings)
    warnings = [event.message for event in events if event.kind == "warning"]
    assert warnings == [
        "memory ran out on a single row: activations are computed twice from now on "
        "(gradient_checkpointing), which learns the same in more time"
    ]
    events.clear()
    result = train(context("tight", events.append), settings)
    assert not [event for event in events if event.kind == "warning"]
    assert result.metrics["mfu"] > 0
    for one, other in zip(expected.history, result.history, strict=True):
        for name in one.keys() & {"loss", "validation_loss"}:
            assert other[name] == pytest.approx(one[name], rel=1e-5)


def test_where_no_row_fits_the_measured_micro_batch_has_checkpointing(
    context: MakeContext, config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fit_module.answer_loss

    def tight(model: Any, batch: Any) -> Any:
        if not (checkpoints_activations(model) and model.training):
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return real(model, batch)

    monkeypatch.setattr(fit_module, "answer_loss", tight)
    events: list[Event] = []
    settings = config(micro_batch="fit", max_steps=2)
    train(context("fit", events.append), settings)
    assert [
        e for e in events if e.message.startswith("measured: ") and "without which" in e.message
    ]
    assert json.loads((context("fit").work / "fit.json").read_text("utf-8"))["checkpointing"]
    formula = next(e.message for e in events if e.message.startswith("MFU = "))
    assert "tokens/s × 6 ×" in formula


def test_a_loss_that_is_no_number_stops_and_keeps_the_state_before(
    context: MakeContext, config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = loop_module.answer_loss, []

    def broken(model: Any, batch: Any) -> Any:
        calls.append(1)
        return real(model, batch) * (float("nan") if len(calls) == 4 else 1.0)

    monkeypatch.setattr(loop_module, "answer_loss", broken)
    made = context()
    with pytest.raises(ModelError, match=r"loss is nan.* step 4; .*lower learning_rate"):
        train(made, config(save_steps=100))
    assert (made.work / FILE).is_file()
    monkeypatch.setattr(loop_module, "answer_loss", real)
    notes: list[Event] = []
    train(attrs.evolve(made, emit=notes.append), config(save_steps=100))
    assert [n.done for n in notes if n.message.startswith("going on")] == [3]


def test_early_stopping_keeps_the_best(context: MakeContext, config: MakeConfig) -> None:
    ruin = config(
        learning_rate=3.0, max_steps=40, eval_steps=1, early_stopping_patience=3, warmup_ratio=0.0
    )
    events: list[Event] = []
    result = train(context(emit=events.append), ruin)
    losses = [e["validation_loss"] for e in result.history if "validation_loss" in e]
    assert result.metrics["steps"] < 40
    assert result.metrics["validation_loss"] == min(losses)
    assert len(losses) - 1 - losses.index(min(losses)) == 3
    assert [e.message for e in events if "no better validation loss" in e.message]


def test_a_measured_micro_batch_keeps_the_global_batch(
    context: MakeContext, config: MakeConfig
) -> None:
    settings = config(
        micro_batch="fit",
        per_device_train_batch_size=3,
        gradient_accumulation_steps=4,
        lora_dropout=0.0,
    )
    plain = attrs.evolve(settings, micro_batch="given")
    measured, given = train(context("fit"), settings), train(context("given"), plain)
    assert measured.metrics["steps"] == given.metrics["steps"]
    assert measured.counts["tokens_seen"] == given.counts["tokens_seen"]
    kept = json.loads((context("fit").work / "fit.json").read_text("utf-8"))
    assert 12 % kept["rows"] == 0

"""Training from rows to a model directory."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from heimdall_core.config import TrainingConfig
from heimdall_core.dataset.io import read_examples, write_examples
from heimdall_core.errors import DatasetError, HeimdallError, ModelError, PromptError, RecipeError
from heimdall_core.prompt import messages_for, render_prompt
from heimdall_core.testing import TrainerContract
from heimdall_core.types import Event, Example, TrainContext
from heimdall_run_transformers.load import load
from heimdall_run_transformers.training.loop import Loop
from heimdall_run_transformers.training.validation import Validation
from heimdall_train_scratch.plan import DEFAULTS, READS
from heimdall_train_scratch.train import estimate, train

MakeConfig = Callable[..., TrainingConfig]
MakeContext = Callable[..., TrainContext]


class TestScratchTrainer(TrainerContract):
    plugin = "heimdall_train_scratch.plugin"


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_a_trained_model_answers(context: MakeContext, config: MakeConfig) -> None:
    """The whole way: it learns the task, is saved, loads again and answers with an end token."""
    made = context()
    result = train(made, config(max_steps=260, eval_steps=65, hidden_size=128, weight_decay=0.0))
    rows = list(read_examples(made.train))[::4]
    with load(made.output) as model:
        prompts = [render_prompt(messages_for(row.instruction, row.input)) for row in rows]
        completions = model.generate(prompts, max_new_tokens=30)
    right = [c.text == row.output for c, row in zip(completions, rows, strict=True)]
    assert sum(right) >= 0.9 * len(rows)
    assert {c.finish for c in completions} == {"stop"}
    assert result.metrics["validation_loss"] < 0.2


def test_what_is_saved(context: MakeContext, config: MakeConfig) -> None:
    made = context()
    result = train(made, config())
    saved = {path.name for path in made.output.iterdir()}
    assert saved == {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    settings = json.loads((made.output / "config.json").read_text())
    model = AutoModelForCausalLM.from_pretrained(made.output)
    assert model.num_parameters() == result.metrics["parameters"]
    # The vocabulary is what the rows gave, not what was asked for.
    vocabulary = json.loads((made.output / "tokenizer.json").read_text())["model"]["vocab"]
    assert settings["vocab_size"] == len(vocabulary) == result.metrics["vocab_size"] < 400
    assert settings["tie_word_embeddings"] is True
    assert (settings["eos_token_id"], settings["pad_token_id"]) == (2, 0)
    assert json.loads((made.output / "generation_config.json").read_text())["eos_token_id"] == [
        2,
        0,
    ]
    assert "chat_template" in json.loads((made.output / "tokenizer_config.json").read_text())
    assert not list(made.output.glob("*.bin"))


def test_figures_and_events(context: MakeContext, config: MakeConfig) -> None:
    events: list[Event] = []
    result = train(context(emit=events.append), config(gradient_accumulation_steps=2))
    metrics = result.metrics
    assert metrics["steps"] == 6
    assert metrics["epochs"] == pytest.approx(6 / 5)  # 36 rows: 9 batches, 5 steps
    assert 0 <= metrics["padding_share"] < 0.3
    assert 0 < metrics["trained_tokens_per_second"] < metrics["tokens_per_second"]
    assert metrics["seconds"] > 0
    logged = [entry for entry in result.history if "loss" in entry]
    assert [entry["step"] for entry in logged] == [2, 4, 6]
    assert all(entry.keys() >= {"learning_rate", "grad_norm", "epoch"} for entry in logged)
    validations = {e["step"]: e["validation_loss"] for e in result.history if len(e) == 2}
    assert list(validations) == [2, 4, 6]
    assert metrics["validation_loss"] == min(validations.values())
    assert validations[metrics["best_step"]] == metrics["validation_loss"]
    assert math.isfinite(metrics["train_loss"])
    assert result.counts["train_rows"] == 36
    assert result.counts["tokens_seen"] > result.counts["tokens"]
    assert [e.done for e in events if e.kind == "progress"] == [1, 2, 3, 4, 5, 6]
    assert {"loss", "padding_share"} <= {k for e in events if e.kind == "metric" for k in e.values}
    json.dumps(attrs.asdict(result))


def test_the_best_weights_are_kept_not_the_last(context: MakeContext, config: MakeConfig) -> None:
    """A learning rate that wrecks the model after the first validation."""
    made = context()
    ruin = {"learning_rate": 3.0, "warmup_ratio": 0.0, "min_learning_rate_ratio": 1.0}
    result = train(made, config(max_steps=4, eval_steps=1, **ruin))
    losses = [e["validation_loss"] for e in result.history if "validation_loss" in e]
    assert result.metrics["best_step"] < 4
    assert losses[-1] > min(losses)

    again = context("until_best")
    train(again, config(max_steps=int(result.metrics["best_step"]), eval_steps=1, **ruin))
    assert weights(again.output) == weights(made.output)


def test_the_same_settings_give_the_same_bytes(context: MakeContext, config: MakeConfig) -> None:
    folders = [context("one"), context("two"), attrs.evolve(context("three"), seed=4)]
    for made in folders:
        train(made, config())
    one, two, three = (weights(made.output) for made in folders)
    assert one == two
    assert one != three
    names = ("tokenizer.json", "config.json", "tokenizer_config.json")
    assert all(
        (folders[0].output / n).read_bytes() == (folders[1].output / n).read_bytes() for n in names
    )


def test_accumulation_is_a_larger_batch(context: MakeContext, config: MakeConfig) -> None:
    """20 and 16 rows are the 36 rows at once: the mean is over tokens, not over micro-batches."""
    one_step = {"max_steps": 1, "warmup_ratio": 0.0}
    whole = train(context("whole"), config(per_device_train_batch_size=36, **one_step))
    parts = train(
        context("parts"),
        config(per_device_train_batch_size=20, gradient_accumulation_steps=2, **one_step),
    )
    for figure in ("loss", "grad_norm"):
        assert parts.history[0][figure] == pytest.approx(whole.history[0][figure], rel=1e-4)
    tensors = [load_file(context(n).output / "model.safetensors") for n in ("whole", "parts")]
    for name, tensor in tensors[0].items():
        assert torch.allclose(tensor, tensors[1][name], atol=2e-4), name


def test_random_state_and_threads_are_left_alone(context: MakeContext, config: MakeConfig) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state(), torch.get_num_threads()
    train(context(), config(threads=1))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert torch.get_num_threads() == before[1]


class Recorder:
    """Stands in for a config and notes which fields are read."""

    def __init__(self, config: TrainingConfig) -> None:
        self._config = config
        self.read: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.read.add(name)
        return getattr(self._config, name)


def test_reads_are_the_fields_that_are_read(context: MakeContext, config: MakeConfig) -> None:
    recorder = Recorder(config())
    train(context(), recorder)  # type: ignore[arg-type]
    assert recorder.read == READS
    recorder.read.clear()
    estimate(recorder, 36, 20.0)  # type: ignore[arg-type]
    assert recorder.read <= READS
    assert set(DEFAULTS) <= READS


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"hidden_size": 65}, RecipeError, "hidden_size = 65 cannot be divided"),
        ({"max_seq_length": 100}, RecipeError, "more than the model's max_position_embeddings"),
        ({"train_from_scratch": False}, RecipeError, "train_from_scratch"),
        ({"vocab_size": 100}, RecipeError, "vocab_size = 100 is too small"),
        ({"max_seq_length": 10}, ModelError, "36 of 36 rows are longer than max_seq_length = 10"),
    ],
)
def test_settings_that_cannot_work_stop_before_any_step(
    context: MakeContext,
    config: MakeConfig,
    changes: dict[str, Any],
    error: type[HeimdallError],
    message: str,
) -> None:
    events: list[Event] = []
    with pytest.raises(error, match=message) as caught:
        train(context(emit=events.append), config(**changes))
    assert "\n" not in str(caught.value)
    assert events == []


@pytest.mark.parametrize(
    ("part", "rows", "error", "message"),
    [
        ("train", [], DatasetError, "train.jsonl: the file has no rows"),
        ("validation", [], DatasetError, "validation.jsonl: the file has no rows"),
        ("train", [Example("a <|im_end|>", output="b")], PromptError, "train.jsonl: row 1"),
    ],
)
def test_rows_that_cannot_be_trained_on_are_refused(
    context: MakeContext,
    config: MakeConfig,
    part: str,
    rows: list[Example],
    error: type[HeimdallError],
    message: str,
) -> None:
    made = context()
    write_examples(getattr(made, part), rows)
    with pytest.raises(error, match=message):
        train(made, config())


def test_long_rows_within_the_allowance_are_counted(
    context: MakeContext, config: MakeConfig
) -> None:
    made = context()
    rows = [*read_examples(made.train), Example("long " * 80, output="x")]
    write_examples(made.train, rows)
    with pytest.raises(ModelError, match="1 of 37 rows"):
        train(made, config())
    result = train(made, config(max_truncated=0.05))
    assert result.counts["train_rows_too_long"] == 1
    assert result.counts["train_rows"] == 36


def test_a_loss_that_is_no_number_stops_the_run(context: MakeContext, config: MakeConfig) -> None:
    made = context()
    with pytest.raises(ModelError, match=r"the loss is (nan|inf) .* at step \d+.*learning_rate"):
        train(made, config(learning_rate=1e30, warmup_ratio=0.0, max_steps=20))
    assert not made.output.exists()


def test_a_run_whose_validations_come_to_no_number_leaves_no_model(
    context: MakeContext, config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Loop.check

    def nothing(self: Loop) -> Validation:
        found = real(self)
        found.losses.fill(math.nan)
        return found

    monkeypatch.setattr(Loop, "check", nothing)
    made = context()
    with pytest.raises(ModelError, match=r"no validation came to a number.*lower learning_rate"):
        train(made, config())
    assert not made.output.exists()


def test_a_forecast_says_what_it_rests_on(config: MakeConfig) -> None:
    made = config(max_steps=None, num_train_epochs=2)
    forecast = estimate(made, 1000, 20.0)
    assert forecast.details["parameters"] > 0
    assert forecast.details["tokens"] == 40_000
    assert "timed on this machine" in forecast.details["basis"]
    assert forecast.seconds is not None
    assert forecast.bytes is not None
    longer = estimate(config(max_steps=None, num_train_epochs=20), 1000, 20.0)
    assert longer.details["tokens"] == 400_000
    for made_of in (forecast, longer):  # time follows from what was measured, whatever that was
        rate = made_of.details["tokens_per_second"]
        assert made_of.seconds == pytest.approx(made_of.details["tokens"] / rate)
    parts = ("bytes_process", "bytes_weights_and_optimizer", "bytes_activations")
    assert forecast.bytes == sum(forecast.details[part] for part in parts)
    assert all(forecast.details[part] > 0 for part in parts)


def test_a_model_too_large_to_time_whole_is_timed_in_part(config: MakeConfig) -> None:
    made = config(hidden_size=512, num_hidden_layers=48, intermediate_size=2048)
    forecast = estimate(made, 100_000, 60.0)
    assert " of 48 layers" in forecast.details["basis"]
    assert " 48 of 48 layers" not in forecast.details["basis"]
    assert forecast.details["parameters"] > 150_000_000

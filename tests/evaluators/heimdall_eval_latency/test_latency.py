"""Latency, by a clock that the test moves, and once on a real model."""

from __future__ import annotations

import math

import pytest

from heimdall_core.errors import HeimdallError
from heimdall_core.pipeline.statistics import summarise
from heimdall_core.types import Completion, EvaluateContext, Example
from heimdall_eval_latency.measure import measure, median
from heimdall_eval_latency.options import LatencyOptions


class Clockwork:
    """A model whose answers take as long as their question says: `first whole`, in seconds."""

    name, context_size = "clockwork", 100

    def __init__(self) -> None:
        self.now = 0.0
        self.asked: list[str] = []

    def generate(self, prompts, *, max_new_tokens, on_text=None):
        (prompt,) = prompts
        question = prompt.split("\n")[1].removesuffix("<|im_end|>")
        self.asked.append(question)
        first, whole = map(float, question.split())
        start = self.now
        if first >= 0:
            self.now = start + first
            on_text("M")
            on_text("ATCH")
        self.now = start + whole
        return [Completion("MATCH" if first >= 0 else "", 10, "stop")]


def run(questions, **options):
    model = Clockwork()
    context = EvaluateContext([Example(q, output="x") for q in questions], (), model)
    return model, measure(context, LatencyOptions(**options), clock=lambda: model.now)


def test_first_token_whole_answer_and_tokens_per_second():
    _, (found,) = run(["0.05 0.2"], warmup=0)
    assert found.value == pytest.approx(200)
    assert found.detail["first_token_ms"] == pytest.approx(50)
    assert found.detail["tokens_per_second"] == pytest.approx(50)
    assert found.detail["tokens"] == 10


def test_a_mute_model_is_not_a_fast_one():
    _, found = run(["-1 0.000004", "0.1 0.3"], warmup=0)
    assert [m.weight for m in found] == [0, 1]
    assert found[0].detail == {"skipped": "the answer is empty"}
    assert median(found) == pytest.approx(300)
    _, found = run(["-1 0.000004"], warmup=0)
    assert math.isnan(median(found))


def test_the_median_is_given_and_is_not_moved_by_one_slow_answer():
    _, found = run(["0.1 0.1", "0.1 0.2", "0.1 90"], warmup=0)
    assert median(found) == pytest.approx(200)
    assert summarise(found, median).value == pytest.approx(200)
    assert math.isnan(median([]))


def test_only_some_rows_are_asked_spread_over_all_after_a_warmup():
    model, found = run([f"0 {n}" for n in range(10)], queries=2, warmup=1)
    assert model.asked == ["0 0", "0 0", "0 5"]
    assert [n for n, m in enumerate(found) if m.weight] == [0, 5]
    assert len(found) == 10


def test_needs_a_model():
    with pytest.raises(HeimdallError, match="needs a model"):
        measure(EvaluateContext([Example("q")], (), None))


def test_a_real_model_streams(taught_gguf):
    from heimdall_run_llamacpp.load import load

    with load(taught_gguf) as model:
        rows = [Example("Find all people.", output="")]
        context = EvaluateContext(rows, (), model, max_new_tokens=32)
        (found,) = measure(context)
    assert 0 < found.detail["first_token_ms"] < found.value
    assert found.detail["tokens"] > 3

"""Perplexity against values computed by hand, and against PyTorch on a real (tiny) model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from tiny_models import LESSONS, build_model
from transformers import AutoModelForCausalLM

from heimdall_core.errors import HeimdallError, ModelError
from heimdall_core.prompt import render_example
from heimdall_core.testing import EvaluatorContract
from heimdall_core.types import EvaluateContext, Example, ExportContext, Measurement, TokenScores
from heimdall_core.windows import windows
from heimdall_eval_perplexity.measure import aggregate, measure, measure_row, of_row
from heimdall_eval_perplexity.options import PerplexityOptions
from heimdall_eval_perplexity.plugin import heimdall_evaluators
from heimdall_run_llamacpp.load import load as load_gguf
from heimdall_run_transformers.load import load as load_directory


class FakeModel:
    """Gives every character of an answer the same probability, and notes what it was asked."""

    context_size = 1000

    def __init__(self, probability: float = 0.5) -> None:
        self.probability = probability
        self.asked: list[tuple[str, str]] = []

    def tokenize(self, text: str) -> list[int]:
        return [ord(character) for character in text]

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[TokenScores]:
        self.asked += pairs
        if any(len(prompt) + len(answer) > self.context_size for prompt, answer in pairs):
            raise ModelError("pair 1 is too long")
        return [TokenScores((math.log(self.probability),) * len(answer)) for _, answer in pairs]


class TestContract(EvaluatorContract):
    plugin = "heimdall_eval_perplexity.plugin"

    def context(self) -> EvaluateContext:
        return EvaluateContext(examples=self.examples, completions=(), model=FakeModel())


def test_of_a_row_by_hand():
    # Probabilities 1/2, 1/4, 1/8: the geometric mean is 1/4.
    measurement = of_row([math.log(1 / 2), math.log(1 / 4), math.log(1 / 8)])
    assert measurement.value == pytest.approx(4.0, rel=1e-12)
    assert measurement.weight == 3
    assert measurement.detail == {"log_prob": pytest.approx(-math.log(64)), "tokens": 3}
    assert of_row([0.0, 0.0]).value == 1.0


def test_of_all_rows_by_hand():
    rows = [of_row([math.log(1 / 2)] * 3), of_row([math.log(1 / 16)])]
    # 2·2·2·16 = 128 over 4 tokens, and not the mean of 2 and 16.
    assert aggregate(rows) == pytest.approx(128 ** (1 / 4), rel=1e-12)
    assert math.isnan(aggregate([]))
    assert math.isnan(aggregate([Measurement(0.0, weight=0.0)]))


def test_both_metrics_ask_for_the_answers_once():
    model, alone = FakeModel(), FakeModel()
    examples = [Example("Count", output="MATCH"), Example("Find", output="RETURN 1")]
    context = EvaluateContext(examples=examples, completions=(), model=model)
    first, row = measure(context), measure_row(context)
    answers = [
        (r.prompt, r.answer)
        for r in (render_example(e.instruction, "", e.output) for e in examples)
    ]
    assert [model.asked.count(pair) for pair in answers] == [1, 1]
    assert row == measure_row(EvaluateContext(examples=examples, completions=(), model=alone))
    # Other rows, another model, another overlap: asked anew.
    other = EvaluateContext(examples=examples[:1], completions=(), model=model)
    assert measure(other) == first[:1]
    assert model.asked.count(answers[0]) == 2
    measure(other, PerplexityOptions(overlap=3))
    assert model.asked.count(answers[0]) == 3


def test_an_impossible_token_is_infinitely_surprising():
    row = of_row([0.0, -math.inf])
    assert row.value == math.inf
    assert aggregate([row, of_row([-1.0])]) == math.inf
    assert of_row([-800.0]).value == math.inf


def test_the_answer_is_scored_with_its_end_and_the_prompt_is_not():
    model = FakeModel()
    examples = [Example("Count", "the cities", output="MATCH", system="Be brief.")]
    (measurement,) = measure(EvaluateContext(examples=examples, completions=(), model=model))
    rendered = render_example("Count", "the cities", "MATCH", "Be brief.")
    assert model.asked == [(rendered.prompt, "MATCH<|im_end|>")]
    assert measurement.weight == len("MATCH<|im_end|>")
    assert measurement.value == pytest.approx(2.0)


def test_needs_a_model_and_rows_that_fit():
    examples = [Example("a", output="b", id="row-7"), Example("a", output="b" * 2000, id="row-8")]
    with pytest.raises(HeimdallError, match="needs a model"):
        measure(EvaluateContext(examples=examples, completions=(), model=None))
    with pytest.raises(HeimdallError, match=r"row row-8 has \d+ tokens, the model's context 1000"):
        measure(EvaluateContext(examples=examples, completions=(), model=FakeModel()))


def test_another_failure_of_the_model_is_left_as_it_is(monkeypatch):
    def fail(self: FakeModel, pairs: object) -> list[TokenScores]:
        raise ModelError("out of memory")

    monkeypatch.setattr(FakeModel, "score", fail)
    examples = [Example("a", output="b")]
    with pytest.raises(ModelError, match="out of memory"):
        measure(EvaluateContext(examples=examples, completions=(), model=FakeModel()))


@pytest.fixture(scope="module")
def random_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two layers of random weights: no token is certain."""
    return build_model(tmp_path_factory.mktemp("random") / "random")


EXAMPLES = [Example(question, output=answer) for question, answer in LESSONS]


def by_hand(path: Path) -> tuple[list[float], float]:
    """Each row's perplexity and the whole one, with PyTorch's own cross entropy."""
    network = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
    rows, losses = [], []
    with load_directory(path) as model, torch.inference_mode():
        for example in EXAMPLES:
            rendered = render_example(example.instruction, "", example.output)
            prompt, answer = model.tokenize(rendered.prompt), model.tokenize(rendered.answer)
            logits = network(torch.tensor([prompt + answer])).logits[0]
            predicting = logits[len(prompt) - 1 : -1]
            loss = torch.nn.functional.cross_entropy(
                predicting.double(), torch.tensor(answer), reduction="none"
            )
            rows.append(math.exp(loss.mean().item()))
            losses += loss.tolist()
    return rows, math.exp(sum(losses) / len(losses))


def test_equals_pytorchs_cross_entropy_and_the_f16_gguf_agrees(random_model, tmp_path):
    from heimdall_export_gguf.export import export
    from heimdall_export_gguf.options import GGUFOptions

    evaluator, _ = heimdall_evaluators()
    rows, whole = by_hand(random_model)
    assert whole > 20
    with load_directory(random_model) as model:
        found = measure(EvaluateContext(examples=EXAMPLES, completions=(), model=model))
    assert [m.value for m in found] == pytest.approx(rows, rel=1e-5)
    assert evaluator.aggregate(found) == pytest.approx(whole, rel=1e-5)
    context = ExportContext(random_model, tmp_path / "random.gguf")
    (artefact,) = export(context, GGUFOptions(quant_types=("F16",)))
    with load_gguf(artefact.path) as model:
        found = measure(EvaluateContext(examples=EXAMPLES, completions=(), model=model))
    assert [m.value for m in found] == pytest.approx(rows, rel=0.01)
    assert evaluator.aggregate(found) == pytest.approx(whole, rel=0.01)


LONG = Example(
    "Find all people. " * 30,
    output="MATCH (p:Person)-[:KNOWS]->(:Person {name: 'Ada'}) RETURN p.name " * 18,
)


def long_by_hand(path: Path, size: int, overlap: int) -> list[float]:
    """Log-probabilities of the long row's answer, one forward pass per window."""
    network = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
    found: list[float] = []
    with load_directory(path) as model, torch.inference_mode():
        rendered = render_example(LONG.instruction, "", LONG.output)
        prompt = model.tokenize(rendered.prompt)
        ids = prompt + model.tokenize(rendered.answer)
        at = len(prompt)
        while at < len(ids):
            start = max(0, at - overlap)
            window = ids[start : start + size]
            logs = network(torch.tensor([window])).logits[0].double().log_softmax(-1)
            for place in range(at - start, len(window)):
                found.append(float(logs[place - 1, window[place]]))
            at = start + len(window)
    return found


@pytest.mark.parametrize("overlap", [0, 32])
def test_a_row_longer_than_the_context_is_scored_in_windows(random_model, tmp_path, overlap):
    from heimdall_export_gguf.export import export
    from heimdall_export_gguf.options import GGUFOptions

    effective = min(overlap or 128, 255)
    expected = of_row(long_by_hand(random_model, 256, effective))
    assert expected.weight > 256
    context = ExportContext(random_model, tmp_path / "random.gguf")
    (artefact,) = export(context, GGUFOptions(quant_types=("F16",)))
    options = PerplexityOptions(overlap=overlap)
    for load, path, close in (
        (load_directory, random_model, 1e-5),
        (load_gguf, artefact.path, 0.01),
    ):
        with load(path) as model:
            assert model.context_size == 256
            examples = [EXAMPLES[0], LONG]
            found = measure(EvaluateContext(examples, (), model), options)
            short = measure(EvaluateContext(EXAMPLES[:1], (), model))
        assert found[1].weight == expected.weight
        assert found[1].value == pytest.approx(expected.value, rel=close)
        # A short row beside it is scored as it is alone.
        assert found[0].value == pytest.approx(short[0].value, rel=1e-4)


def test_the_whole_row_counts_the_prompt_too(random_model):
    network = AutoModelForCausalLM.from_pretrained(random_model, dtype=torch.float32).eval()
    rendered = render_example(EXAMPLES[0].instruction, "", EXAMPLES[0].output)
    with load_directory(random_model) as model, torch.inference_mode():
        ids = model.tokenize(rendered.prompt) + model.tokenize(rendered.answer)
        logits = network(torch.tensor([ids])).logits[0]
        loss = torch.nn.functional.cross_entropy(logits[:-1].double(), torch.tensor(ids[1:]))
        (found,) = measure_row(EvaluateContext(EXAMPLES[:1], (), model))
    assert found.weight == len(ids) - 1
    assert found.value == pytest.approx(math.exp(loss.item()), rel=1e-5)


def test_windows_score_every_token_once_with_enough_before_it():
    prompt, answer = list(range(10)), list(range(10, 95))
    pieces = list(windows(prompt, answer, 20, 8))
    assert [token for _, scored in pieces for token in scored] == answer
    for given, scored in pieces:
        assert len(given) == 8
        assert len(given) + len(scored) <= 20
        assert scored[0] == given[-1] + 1
    assert list(windows(prompt, answer, 95, 8)) == [(prompt, answer)]
    for wrong in (([], 20, 8), (prompt, 20, 20), (prompt, 20, 0)):
        with pytest.raises(ValueError, match="overlap"):
            list(windows(wrong[0], answer, wrong[1], wrong[2]))

"""Measuring: answers taken up again, groups, targets, and metrics that fail."""

from __future__ import annotations

import json

import attrs
import pytest
import toy_plugins
from toy_evaluation import ROWS, Parrot, call, evaluate, measured

from heimdall_core import HeimdallError, Registry, hookimpl
from heimdall_core.pipeline.steps.answers import AnswerLog, read_answers
from heimdall_core.pipeline.steps.evaluate import (
    difficulty,
    evaluate_model,
    missed_targets,
)
from heimdall_core.pipeline.steps.guard import guarded
from heimdall_core.pipeline.steps.models import answer_rows
from heimdall_core.types import Evaluator, Example, Measurement


@pytest.fixture
def registry() -> Registry:
    return Registry(discover=False, plugins=[("toy", toy_plugins)])


def test_skipped_rows_are_counted_by_reason():
    from heimdall_core.cli.summary import skipped_lines
    from heimdall_core.pipeline.steps.evaluate import skipped_reasons

    def skipped(*reasons):
        return [Measurement(1.0), *(Measurement(0.0, 0.0, {"skipped": r}) for r in reasons)]

    assert skipped_reasons(skipped("b: 1", "a", "b: 1")) == {"b: 1": 2, "a": 1}
    assert skipped_reasons(skipped(*(f"b: {n}" for n in range(20)))) == {"b": 20}
    assert skipped_reasons([Measurement(0.0, 0.0)]) == {"no reason given": 1}
    lines = skipped_lines({"m": {"skipped": {"b": 2, "a": 1}}, "n": {"skipped": {}}})
    assert lines == ["m: 3 rows not measured (2: b; 1: a)"]


def test_answers_are_taken_up_where_a_killed_run_has_left_them(tmp_path):
    path = tmp_path / "log.jsonl"
    model = Parrot()
    with AnswerLog(path, "key") as log:
        first = answer_rows(model, ROWS[:30], max_new_tokens=9, log=log)
        assert len(path.read_text(encoding="utf-8").splitlines()) == 31
    with path.open("a", encoding="utf-8") as file:
        file.write(
            '{"prompt": "ab',
        )  # the line that was being written
    model = Parrot()
    with AnswerLog(path, "key") as log:
        found = answer_rows(model, ROWS, max_new_tokens=9, log=log)
    assert len(model.asked) == 10
    assert found[:30] == first
    assert [a.text for a in found] == [row.output for row in ROWS]
    model = Parrot()
    with AnswerLog(path, "another model") as log:
        answer_rows(model, ROWS, max_new_tokens=9, log=log)
    assert len(model.asked) == 40


def test_a_prompt_that_several_rows_share_is_asked_once():
    model = Parrot()
    found = answer_rows(model, [ROWS[0], ROWS[1], ROWS[0]], max_new_tokens=9)
    assert len(model.asked) == 2
    assert [a.text for a in found] == ["FETCH 0", "FETCH 1", "FETCH 0"]


def test_an_answers_file_reads_back(registry, tmp_path):
    path = measured(registry, tmp_path / "a.jsonl", 10)
    rows = list(read_answers(path))
    assert [row.measurements["same"].value for row in rows] == [1.0] * 10 + [0.0] * 30
    assert rows[0].expected == rows[0].answer == "FETCH 0"
    assert rows[0].category == "even"
    path.write_text('{"instruction": "a row of a dataset", "output": "x"}\n', encoding="utf-8")
    with pytest.raises(HeimdallError, match=r"a\.jsonl:1.*no line of an answers file"):
        list(read_answers(path))


def test_a_missed_target_is_said_and_one_that_nothing_was_measured_for(registry):
    [result] = evaluate(registry, targets={"same": 0.9}).results
    assert missed_targets({"same": result.to_dict()}) == ["same 0.25 (target 0.9)"]
    [result] = evaluate(registry, targets={"same": 0.2}).results
    assert missed_targets({"same": result.to_dict()}) == []

    class Weightless:
        @staticmethod
        def measure(context, options):
            return [Measurement(0.0, weight=0.0) for _ in context.examples]

    plugin = Evaluator("none", "measures nothing", Weightless.measure, target=0.5)

    class Plugin:
        @hookimpl
        def heimdall_evaluators(self):
            yield plugin

    registry = Registry(discover=False, plugins=[("nothing", Plugin())])
    for targets, missed in (({}, []), ({"none": 0.5}, ["none was not measured (target 0.5)"])):
        [result] = evaluate_model(
            registry, Parrot(), ROWS, {"none": None}, max_new_tokens=9, targets=targets
        ).results
        assert missed_targets({"none": result.to_dict()}) == missed


def test_aggregates_by_category_difficulty_and_context_size(registry):
    rows = [
        attrs.evolve(
            row,
            category="odd" if n % 2 else "even",
            context_size="small" if n < 20 else "xl",
            meta={"difficulty": "hard"} if n < 10 else {},
        )
        for n, row in enumerate(ROWS)
    ]
    report = evaluate(registry, rows)
    [result] = report.results
    assert {k: m.n for k, m in result.by_category.items()} == {"even": 20, "odd": 20}
    assert {k: m.value for k, m in result.by_difficulty.items()} == {"hard": 1.0, "none": 0.0}
    assert {k: m.value for k, m in result.by_context_size.items()} == {"small": 0.5, "xl": 0.0}
    for groups in (result.by_category, result.by_difficulty, result.by_context_size):
        assert all(m.low <= m.value <= m.high for m in groups.values())


def test_difficulty_comes_from_the_row_or_its_language():
    registry = Registry(third_party=False)
    query = "MATCH (p:Person) RETURN p.name"
    assert difficulty(Example("q", output=query, language="cypher"), registry) == "1"
    assert difficulty(Example("q", output=query, meta={"difficulty": 3}), registry) == "3"
    assert difficulty(Example("q", output="prose"), registry) == ""
    assert difficulty(Example("q", output="MATCH (", language="cypher"), registry) in ("", "1")


class Measures:
    """Evaluators of somebody else."""

    @hookimpl
    def heimdall_evaluators(self):
        def broken(context, options):
            raise TypeError("unsupported operand")

        def lost(context, options):
            gone = {"skipped": "the server is gone", "lost": "the server is gone"}
            return [
                Measurement(1.0) if n < 3 else Measurement(0.0, 0.0, gone)
                for n in range(len(context.examples))
            ]

        def scores(context, options):
            return [Measurement(sum(s.log_probs)) for s in context.model.score([("a", "b")])]

        def odd(measurements):
            raise ZeroDivisionError("no rows")

        right = lambda context, options: [Measurement(1.0) for _ in context.examples]  # noqa: E731
        yield Evaluator("broken", "raises", broken)
        yield Evaluator("lost", "is left alone", lost)
        yield Evaluator("scores", "asks for scores", scores, needs=frozenset({"model"}))
        yield Evaluator("odd", "cannot be summed up", right, aggregate=odd)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("broken", "evaluator broken: TypeError: unsupported operand"),
        ("lost", "lost: the server is gone"),
        ("odd", "evaluator odd: aggregate: ZeroDivisionError: no rows"),
    ],
)
def test_a_metric_that_fails_leaves_the_others_their_figures(name, told):
    registry = Registry(discover=False, plugins=[("toy", toy_plugins), ("m", Measures())])
    events = []
    evaluators = {name: None, "same": registry.evaluator("same").options()}
    report = evaluate_model(
        registry, Parrot(10), ROWS, evaluators, max_new_tokens=9, emit=events.append
    )
    values = {r.metric: r.value.value for r in report.results}
    assert values["same"] == 0.25
    assert [str(error) for error in report.failed.values()] == [told]
    assert any(told.split(": ", 1)[1] in e.message for e in events if e.kind == "warning")
    with pytest.raises(HeimdallError, match=r"not measured to the end: .*; nothing is lost"):
        report.require_all("m", "nothing is lost")
    if name == "lost":
        [result] = [r for r in report.results if r.metric == "lost"]
        assert result.skipped == {"the server is gone": 37}


@pytest.mark.parametrize(
    ("score", "told"),
    [
        (lambda self, pairs: None + 1, "score: TypeError: unsupported operand"),
        (lambda self, pairs: None, "score: returned NoneType for 1 prompts"),
        (lambda self: [], "score: TypeError: "),
    ],
)
def test_what_a_runtime_does_wrong_is_not_the_evaluators_fault(score, told):
    registry = Registry(discover=False, plugins=[("toy", toy_plugins), ("m", Measures())])
    model = type("Model", (Parrot,), {"score": score})()
    report = evaluate_model(registry, model, ROWS[:1], {"scores": None}, max_new_tokens=9)
    error = str(report.failed["scores"])
    assert error.startswith("runtime of ")
    assert "test_evaluate_step.Model: " in error
    assert told in error
    assert "evaluator" not in error
    toy = toy_plugins.ToyModel.__new__(toy_plugins.ToyModel)
    assert guarded(registry, toy)._owner.startswith("runtime toy")


def test_figures_are_shown_and_written_before_the_error(tmp_path, taught_gguf, monkeypatch):
    from heimdall_core.dataset import write_examples
    from heimdall_eval_exact_match import measure as exact

    monkeypatch.setattr(exact, "measure", lambda context, options=None: 1 / 0)
    data, output = tmp_path / "test.jsonl", tmp_path / "answers.jsonl"
    write_examples(data, [Example("Count the cities.", output="MATCH (c:City) RETURN count(c)")])
    arguments = ("--model-dir", taught_gguf, "--test-dataset", data, "--output", output)
    metrics = ("--metric", "exact_match", "--metric", "perplexity", "--max-new-tokens", 48)
    done = call("evaluate", *arguments, *metrics)
    assert done.exception.exit_code == 2
    assert "evaluator exact_match: ZeroDivisionError" in str(done.exception)
    assert f"the other figures are above and in {output}" in str(done.exception)
    assert "perplexity" in done.output
    [row] = read_answers(output)
    assert list(row.measurements) == ["perplexity"]
    assert (tmp_path / ".answers.jsonl.answers").exists()  # the next call need not ask again
    found = json.loads(call("evaluate", *arguments, *metrics, "--json").stdout)
    assert list(found["metrics"]) == ["perplexity"]
    assert "ZeroDivisionError" in found["failed"]["exact_match"]


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (("--metric", "exact_mach"), "did you mean 'exact_match'"),
        (("--metric", "exact_match", "--set", "exact_match.mod=raw"), "did you mean 'mode'"),
        (("--metric", "exact_match", "--set", "mode=raw"), "METRIC.KEY=VALUE"),
        (("--metric", "exact_match", "--target", "exact=1"), "did you mean 'exact_match'"),
        (("--metric", "exact_match", "--target", "exact_match=high"), "'high' is no number"),
    ],
)
def test_bad_settings_are_one_clear_line(tmp_path, extra, message):
    from heimdall_core.dataset import write_examples

    data = tmp_path / "test.jsonl"
    write_examples(data, ROWS[:2])
    done = call("evaluate", "--model-dir", tmp_path / "no.gguf", "--test-dataset", data, *extra)
    assert isinstance(done.exception, HeimdallError)
    assert message in str(done.exception)

"""What counts as right, what does not, and how the metric can(not) be fooled."""

from __future__ import annotations

import pytest

from heimdall_core.errors import HeimdallError
from heimdall_core.testing import EvaluatorContract
from heimdall_core.types import (
    Completion,
    EvaluateContext,
    Example,
    Language,
    Measurement,
    Normalised,
)
from heimdall_eval_exact_match.measure import measure
from heimdall_eval_exact_match.options import ExactMatchOptions

RIGHT = "MATCH (p:Person) RETURN p.name"


class TestContract(EvaluatorContract):
    plugin = "heimdall_eval_exact_match.plugin"


def normalise(query: str) -> Normalised:
    """A toy language: queries start with MATCH, `q` and `p` are the same variable, and anything
    after a semicolon, or in a fence, does not parse."""
    if not query.startswith("MATCH") or "`" in query or ";" in query or query.count("MATCH") > 1:
        raise HeimdallError("does not parse")
    return Normalised(" ".join(query.replace("(q:", "(p:").replace("q.", "p.").split()), "")


TOY = Language(
    name="toy",
    summary="",
    dialects=("toy",),
    check=lambda query, request: (),
    normalise=normalise,
    format=lambda query: query,
    extract=lambda answer: answer,
)


def judge(
    answer: str,
    mode: str = "canonical",
    *,
    expected: str = RIGHT,
    language: str = "toy",
    finish: str = "stop",
) -> Measurement:
    context = EvaluateContext(
        examples=[Example("a question", output=expected, language=language)],
        completions=[Completion(answer, 5, finish)],
        model=None,
        language={"toy": TOY}.get,
    )
    (measurement,) = measure(context, ExactMatchOptions(mode=mode))
    return measurement


@pytest.mark.parametrize(
    ("answer", "raw", "whitespace", "canonical"),
    [
        (RIGHT, 1, 1, 1),
        ("MATCH (p:Person)\n  RETURN p.name ", 0, 1, 1),
        ("MATCH (q:Person) RETURN q.name", 0, 0, 1),
        ("MATCH (p:Person) RETURN p.age", 0, 0, 0),
        ("match (p:Person) return p.name", 0, 0, 0),
        ("", 0, 0, 0),
        (" ", 0, 0, 0),
        (f"{RIGHT} {RIGHT}", 0, 0, 0),
        (f"{RIGHT}\n{RIGHT}", 0, 0, 0),
        (f"```cypher\n{RIGHT}\n```", 0, 0, 0),
        (f"{RIGHT}; This finds all people.", 0, 0, 0),
        (f"Here you are: {RIGHT}", 0, 0, 0),
        (RIGHT[:-1], 0, 0, 0),
    ],
)
def test_each_comparison_is_made_and_told(answer, raw, whitespace, canonical):
    expected = {"raw": raw, "whitespace": whitespace, "canonical": canonical}
    for mode, value in expected.items():
        measurement = judge(answer, mode)
        assert measurement.value == value
        assert measurement.weight == 1
        assert measurement.detail == {**expected, "by": mode}


@pytest.mark.parametrize("mode", ["raw", "whitespace", "canonical"])
@pytest.mark.parametrize("finish", ["length", "context"])
def test_an_answer_that_was_cut_off_is_wrong(mode, finish):
    assert judge(RIGHT, mode, finish=finish).value == 0


@pytest.mark.parametrize("language", ["", "unknown"])
def test_without_a_language_whitespace_decides_and_that_is_said(language):
    measurement = judge("Hello   there.", expected="Hello there.", language=language)
    assert measurement.value == 1
    assert measurement.detail == {"raw": 0, "whitespace": 1, "canonical": None, "by": "whitespace"}
    assert judge("Hello you.", expected="Hello there.", language=language).value == 0


def test_a_right_answer_that_does_not_parse_is_compared_by_whitespace():
    measurement = judge("Not  a query.", expected="Not a query.")
    assert measurement.value == 1
    assert measurement.detail["by"] == "whitespace"


def test_the_right_answer_is_compared_as_the_model_has_seen_it():
    decomposed = "Zoe\u0308"  # rendered for training as one character
    assert judge("Zo\u00eb", "raw", expected=decomposed).value == 1
    assert judge(decomposed, "raw", expected=decomposed).value == 0


def test_answers_and_rows_must_correspond():
    context = EvaluateContext(examples=[Example("a", output="b")], completions=[], model=None)
    with pytest.raises(HeimdallError, match="0 answers for 1 rows"):
        measure(context)

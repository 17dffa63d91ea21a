"""Constrained decoding: every finished answer follows the grammar."""

from __future__ import annotations

import re

import pytest

from heimdall_core.errors import ModelError

_DIGITS = 'root ::= "N" [0-9] [0-9] [0-9]? ";"'


def test_answers_follow_the_grammar(model, prompts):
    answers = model.generate(prompts[:20], max_new_tokens=20, grammar=_DIGITS)
    assert all(answer.finish == "stop" for answer in answers)
    assert all(re.fullmatch(r"N\d{2,3};", answer.text) for answer in answers)


def test_samples_follow_the_grammar(model, prompts):
    answers = model.generate(
        prompts[:10], max_new_tokens=20, grammar=_DIGITS, temperature=2.0, seed=1
    )
    assert all(re.fullmatch(r"N\d{2,3};", answer.text) for answer in answers)
    assert len({answer.text for answer in answers}) > 3


def test_a_grammar_that_allows_the_answer_changes_nothing(model, ask):
    (answer,) = model.generate(
        [ask("Find all people.")], max_new_tokens=30, grammar='root ::= "MATCH " [ -~]+'
    )
    assert answer.text == "MATCH (p:Person) RETURN p"


def test_the_end_is_allowed_only_where_the_grammar_ends(model, ask):
    (answer,) = model.generate(
        [ask("Smile.")], max_new_tokens=30, grammar='root ::= "😀" "a" "b" "c"'
    )
    assert (answer.text, answer.finish) == ("😀abc", "stop")


@pytest.mark.parametrize(
    "grammar", ['root ::= "a', 'start ::= "a"', "root ::= missing", "nonsense", "root ::= root"]
)
def test_a_broken_grammar_is_one_error_and_prints_nothing(model, ask, capfd, grammar):
    with pytest.raises(ModelError, match="the grammar cannot be read") as caught:
        model.generate([ask("a")], max_new_tokens=5, grammar=grammar)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""
    assert model.generate([ask("Smile.")], max_new_tokens=5)[0].text == "😀"

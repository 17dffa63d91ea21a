"""Causes of wrong answers, against a hundred that a person labelled."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from heimdall_core import Registry
from heimdall_eval_execution.failures import KINDS, explain

spec = importlib.util.spec_from_file_location(
    "wrong_answers", Path(__file__).with_name("wrong_answers.py")
)
assert spec is not None
assert spec.loader is not None
labelled = importlib.util.module_from_spec(spec)
spec.loader.exec_module(labelled)


def test_at_least_85_of_100_labels_agree():
    extract = Registry(third_party=False).language("cypher").extract
    pairs = [(ref, *pair) for ref, pairs in labelled.LABELLED.items() for pair in pairs]
    assert len(pairs) == 100
    assert len({(ref, answer) for ref, _, answer in pairs}) == 100
    assert {label for _, label, _ in pairs} <= set(KINDS)
    apart = [
        (label, found, answer)
        for ref, label, answer in pairs
        if (found := explain(ref, extract(answer), labelled.SCHEMA).kind) != label
    ]
    assert len(apart) <= 15, apart


@pytest.mark.parametrize("reference", list(labelled.LABELLED))
def test_a_right_answer_in_other_words_has_no_cause(reference):
    assert explain(reference, reference, labelled.SCHEMA).kind == "other"
    spelt = reference.replace("MATCH", "match").replace("RETURN", "\n  return") + ";"
    assert explain(reference, spelt, labelled.SCHEMA).kind == "other"


def test_the_cause_says_what_differs():
    found = explain(
        "MATCH (p:Person) WHERE p.age > 40 RETURN p.name",
        "MATCH (x:Person) WHERE x.age < 40 RETURN x.name",
    )
    assert found.kind == "wrong_filter"
    assert "missing: Person.age > 40" in found.detail
    assert "instead: Person.age < 40" in found.detail

"""The facts files and the rows that are made of them."""

from __future__ import annotations

import random
import re

import pytest

from heimdall_core.errors import HeimdallError
from heimdall_repo_nornicdb.callable import alternative, is_callable, mark_of
from heimdall_repo_nornicdb.facts import (
    NAMES,
    apoc_signatures,
    facts,
    fill,
    settings,
    slots_of,
    version,
)
from heimdall_repo_nornicdb.rows.plans import explain, operators
from heimdall_repo_nornicdb.rows.prose import answers, diagnosis, untold
from heimdall_repo_nornicdb.rows.slots import Slots
from heimdall_repo_nornicdb.rows.slots import operators as meanings


@pytest.mark.parametrize("name", NAMES)
def test_entries_are_whole_and_their_answers_follow_from_what_is_shown(name: str) -> None:
    known = facts(name)
    assert len({f.id for f in known}) == len(known)
    assert version(name).startswith("1 (orneryd/NornicDB ")
    for fact in known:
        assert fact.symptoms, fact.id
        assert fact.cause.strip(), fact.id
        assert bool(fact.seen) == bool(fact.mark), fact.id
        assert not untold(fact), f"{fact.id}: the answer names {untold(fact)} out of nowhere"
        for symptom in fact.symptoms:
            assert slots_of(symptom), f"{fact.id}: nothing varies in {symptom!r}"


def test_there_are_facts_enough() -> None:
    assert len(facts("troubleshooting")) >= 200
    assert sum(len(facts(name)) for name in NAMES) >= 330


@pytest.mark.parametrize("name", NAMES)
def test_every_slot_has_a_value(name: str) -> None:
    for fact in facts(name):
        for seed in range(3):
            slots = Slots(random.Random(seed))
            for text in (*fact.symptoms, fact.cause, fact.fix):
                for slot in slots_of(text):
                    if slot == "sequence":
                        continue  # stands in a message of the server as it is
                    assert slots(slot) != f"<{slot}>", f"{fact.id}: {slot}"


_POLAR = r"(?:Is|Are|Can|Do|Does|Must|May|Has|Have|Will|Should|Did)"


@pytest.mark.parametrize("name", ["apoc", "nornicdb"])
def test_a_question_and_its_answer_are_of_one_kind(name: str) -> None:
    """What can be answered by yes or no is so answered; a how or what is not."""
    for fact in facts(name):
        answered = re.match(r"(?:Yes|No|Not|Only)\b", fact.cause) is not None
        for symptom in fact.symptoms:
            polar = re.match(rf"{_POLAR}\b", symptom) or re.search(
                rf"[:,.] {_POLAR} [^?]*\?$", symptom, re.IGNORECASE
            )
            assert (polar is not None) == answered, f"{fact.id}: {symptom} – {fact.cause}"


def test_an_unknown_facts_file() -> None:
    with pytest.raises(HeimdallError, match="no facts file 'nornic'"):
        facts("nornic")


def test_values_of_a_row_belong_together() -> None:
    for seed in range(200):
        slots = Slots(random.Random(seed))
        label = slots.domain.by_name[slots("label")]
        assert slots("key") == label.key.name
        assert slots("var") == label.name[0].lower()
        assert any(e.type == slots("rel") and e.start is label for e in slots.domain.edges)
        assert slots("n2") != slots("n")
        assert slots("value2") != slots("value")
        assert slots("dim2") != slots("dim")


def test_unknown_slots_stay_as_they_are() -> None:
    assert fill("a <sequence> <n>", lambda name: "7" if name == "n" else f"<{name}>") == (
        "a <sequence> 7"
    )


@pytest.mark.parametrize("name", NAMES)
def test_one_prompt_has_one_answer(name: str) -> None:
    make = answers(facts(name))
    if name == "troubleshooting":
        make = diagnosis(facts(name), lambda fact, rng: "What is wrong?")
    seen: dict[tuple[str, str], str] = {}
    rng = random.Random(11)
    for _ in range(4000):
        draft = make(rng)
        assert draft is not None
        assert draft.fact
        key = (draft.prompt, draft.input)
        assert seen.setdefault(key, draft.answer) == draft.answer, key


def test_settings_have_values_to_be_set_to() -> None:
    known = settings()
    assert len({s.env for s in known}) == len(known) >= 115
    assert all(s.env.startswith("NORNICDB_") and s.means for s in known)


def test_the_apoc_tables_agree() -> None:
    names = apoc_signatures()
    assert len(names) == 983
    assert all(mark_of(name) for name in names)
    marks = [mark_of(name) for name in names]
    assert (marks.count("right") + marks.count("plugin"), marks.count("differs")) == (65, 21)
    assert is_callable("apoc.coll.sum")
    assert is_callable("apoc.util.uuid")  # its example is another one every time, and no more
    assert not is_callable("apoc.coll.split")
    assert alternative("apoc.rel.type") == "type(r)"
    assert alternative("apoc.coll.sum") == ""


def test_a_plan_is_laid_out_as_the_server_does_it() -> None:
    query = "MATCH (t:Truck) WHERE t.plate = 'A 1' RETURN t.model ORDER BY t.model LIMIT 5"
    assert [name for name, _, _ in operators(query)] == [
        "ProduceResults",
        "Limit",
        "Sort",
        "Filter",
        "NodeByLabelScan",
    ]
    lines = explain("MATCH (n) RETURN count(n)").splitlines()
    assert lines[1] == f"| {'EXPLAIN Query Plan':<60} |"
    assert lines[3] == f"| {'+- EagerAggregation (Aggregate results)':<60} |"
    assert lines[5] == f"| {'|  +- AllNodesScan (Scan all nodes)':<60} |"
    assert lines[6] == f"| {'  |   Estimated Rows: 10000':<60} |"
    assert set(meanings()) >= {"NodeIndexSeek", "Expand", "Distinct", "AllNodesScan"}

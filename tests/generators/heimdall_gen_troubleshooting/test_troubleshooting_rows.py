"""Rows of the generator `troubleshooting`: real symptoms, one cause, a remedy that works."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from nornic_tree import write_tree

from heimdall_core.errors import HeimdallError
from heimdall_core.types import CheckRequest, Example, GenerateContext
from heimdall_gen_troubleshooting.generate import examples, schemas_as_json
from heimdall_gen_troubleshooting.options import CATEGORIES, TroubleOptions
from heimdall_lang_cypher.checker import check

SCHEMAS = schemas_as_json(TroubleOptions())
REQUESTS = {
    name: CheckRequest(dialect="nornicdb", schema=schema, performance=False)
    for name, schema in SCHEMAS.items()
}


@pytest.fixture(scope="module")
def made() -> list[Example]:
    return list(examples(GenerateContext(count=6000, seed=5), TroubleOptions()))


def test_all_rows_asked_for_are_unique_and_of_every_category(made: list[Example]) -> None:
    assert len(made) == len({r.prompt_key for r in made}) == 6000
    assert {r.category for r in made} == set(CATEGORIES)


def test_prose_has_diagnosis_action_and_a_fact(made: list[Example]) -> None:
    facts: Counter[str] = Counter()
    shown: dict[str, set[str]] = {}
    for row in made:
        if row.language:
            continue
        assert re.match(r"(?s)Diagnosis: .+\nAction: .+", row.output), row.output
        assert row.input, "the symptom is the row's input"
        assert not re.search(r"<[a-z]+\d?>", row.output), f"an empty slot in {row.output}"
        facts[row.meta["fact"]] += 1
        shown.setdefault(row.meta["fact"], set()).add(row.input)
    assert len(facts) >= 250
    assert max(facts.values()) <= 40
    # The symptom varies, not only the wording around it.
    varied = sum(len(shown[f]) / facts[f] > 0.5 for f in facts if facts[f] >= 10)
    assert varied >= 0.9 * sum(count >= 10 for count in facts.values())


def test_repairs_are_right_and_what_they_repair_is_not(made: list[Example]) -> None:
    repairs = [r for r in made if r.category == "troubleshooting_fix_query"]
    assert len(repairs) > 1500
    broken = 0
    for row in repairs:
        request = REQUESTS[row.schema]
        errors = [f for f in check(row.output, request) if f.severity == "error"]
        assert not errors, row
        assert row.meta["wrong"] != row.output
        assert row.input.startswith(row.meta["wrong"])
        broken += any(f.severity != "info" for f in check(row.meta["wrong"], request))
    # A turned arrow or an "= NULL" may be valid Cypher and still not what was asked for.
    assert broken > 0.9 * len(repairs)


def test_an_error_that_is_shown_is_the_checkers_own(made: list[Example]) -> None:
    rows = [r for r in made if r.language and "\nError: " in r.input]
    assert rows
    for row in rows[:300]:
        told = row.input.rpartition("Error: ")[2]
        found = check(row.meta["wrong"], REQUESTS[row.schema])
        messages = {f"{f.line}:{f.column}: {f.message} [{f.code}]" for f in found}
        assert told in messages, told


def test_what_an_action_tells_to_write_is_right(made: list[Example]) -> None:
    rows = [r for r in made if "\nAction: Write MATCH" in r.output]
    assert len(rows) > 100
    for row in rows:
        query = row.output.rpartition("Action: Write ")[2]
        schemas = [s for s in SCHEMAS.values() if _speaks_of(query, s)]
        found = [
            check(query, CheckRequest(dialect="nornicdb", schema=s, performance=False))
            for s in schemas
        ]
        assert any(not [f for f in each if f.severity == "error"] for each in found), row.output


def _speaks_of(query: str, schema: object) -> bool:
    labels = re.findall(r"\(\w*:(\w+)", query)
    return all(label in schema["nodes"] for label in labels)  # type: ignore[index]


def test_one_prompt_has_one_answer_whatever_the_seed() -> None:
    seen: dict[tuple[str, str, str], str] = {}
    for seed in range(3):
        for row in examples(GenerateContext(count=2500, seed=seed), TroubleOptions()):
            assert seen.setdefault(row.prompt_key, row.output) == row.output, row.prompt_key


def test_a_checkout_takes_facts_away_and_says_which(tmp_path: Path) -> None:
    notes: list[str] = []
    context = GenerateContext(count=400, seed=2, repo=write_tree(tmp_path), note=notes.append)
    made = list(examples(context, TroubleOptions()))
    assert len(made) == 400
    [said] = [n for n in notes if "facts are left out, which the checkout does not bear out" in n]
    assert re.match(r"(\d+) of \d+ facts .*: (troubleshooting:[a-z-]+ \(.+?\)(, | and )){3}", said)
    gone = int(said.split()[0])
    assert said.endswith(f" and {gone - 3} more")
    facts = {r.meta.get("fact") for r in made}
    assert "troubleshooting:port-in-use" not in facts
    # Observed by running the server, so no file of the checkout can take it away.
    results = examples(
        GenerateContext(count=200, seed=2, repo=tmp_path),
        TroubleOptions(categories=("troubleshooting_results",)),
    )
    assert {"troubleshooting:xor"} <= {r.meta["fact"] for r in results}


def test_options_refuse_what_leaves_no_room() -> None:
    with pytest.raises(HeimdallError, match="leave no room"):
        TroubleOptions(repairs=0.9, findings=0.2)
    with pytest.raises(HeimdallError, match="unknown category 'fix'"):
        TroubleOptions(categories=("fix",))

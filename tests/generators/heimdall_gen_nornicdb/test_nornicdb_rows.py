"""Rows of the generator `nornicdb`: right, unique, and resting on something."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from pathlib import Path

import pytest
from nornic_tree import write_tree

from heimdall_core.errors import HeimdallError
from heimdall_core.registry import Registry
from heimdall_core.types import CheckRequest, Example, GenerateContext
from heimdall_gen_nornicdb.generate import examples, schemas_as_json
from heimdall_gen_nornicdb.options import CATEGORIES, NornicOptions
from heimdall_lang_cypher.checker import check
from heimdall_repo_nornicdb.builtin import builtin_prompt
from heimdall_repo_nornicdb.serving import parse_action

REQUESTS = {
    name: CheckRequest(dialect="nornicdb", schema=schema, performance=False)
    for name, schema in schemas_as_json(NornicOptions()).items()
} | {"none": CheckRequest(dialect="nornicdb", performance=False)}


def _errors(query: str, schema: str = "none") -> list[str]:
    return [f.message for f in check(query, REQUESTS[schema]) if f.severity == "error"]


@pytest.fixture(scope="module")
def made() -> list[Example]:
    return list(examples(GenerateContext(count=8000, seed=5), NornicOptions()))


def test_all_rows_asked_for_are_unique_and_of_every_category(made: list[Example]) -> None:
    assert len(made) == len({r.prompt_key for r in made}) == 8000
    assert {r.category for r in made} == set(CATEGORIES) - {"nornicdb_checkout"}


def test_cypher_passes_the_check_against_its_own_schema(made: list[Example]) -> None:
    for row in made:
        if row.language:
            assert row.language == "cypher"
            assert not _errors(row.output, row.schema), row


def test_other_answers_name_their_fact_or_hold_checked_cypher(made: list[Example]) -> None:
    facts: Counter[str] = Counter()
    for row in made:
        if row.language:
            continue
        if row.family == "transaction_steps":
            first, *inner, last = row.output.split("\n")
            assert first == "BEGIN"
            assert last in ("COMMIT", "ROLLBACK")
            for line in inner:
                assert not _errors(line, row.schema), line
        elif row.family == "http_transaction":
            for statement in json.loads(row.output)["statements"]:
                assert not _errors(statement["statement"], row.schema), statement
        elif row.family.startswith("actions_") and row.output.startswith("{"):
            assert parse_action(row.output), row.output
        else:
            assert row.meta["fact"], row
            facts[row.meta["fact"]] += 1
    assert max(facts.values()) <= 40
    assert len(facts) >= 150


def test_actions_exist_and_their_queries_are_right(made: list[Example]) -> None:
    source = builtin_prompt()
    own = {a.name for a in source.actions}
    all_names = own | {a.name for a in source.watcher_actions}
    rows = [r for r in made if r.category == "nornicdb_actions"]
    assert len(rows) > 800
    for row in rows:
        parsed = parse_action(row.output)
        if parsed is None:
            assert not row.output.startswith("{"), "a reply that begins with { stays hidden"
            continue
        name, params = parsed
        assert name in (all_names if row.meta["watcher"] else own)
        if name == "heimdall.watcher.query":
            assert not _errors(params["cypher"], row.schema), params
        if "max_tokens" in params:
            pytest.fail("the action refuses every max_tokens")


def test_one_prompt_has_one_answer_whatever_the_seed() -> None:
    seen: dict[tuple[str, str, str], str] = {}
    for seed in range(4):
        for row in examples(GenerateContext(count=3000, seed=seed), NornicOptions()):
            system = "watcher" if row.meta.get("watcher") else "none"
            # The order of the system message's parts is chance; the answer must not hang on it.
            key = (system if row.system else "", row.instruction, row.input)
            assert seen.setdefault(key, row.output) == row.output, key


def test_rewrites_show_what_the_dialect_minds(made: list[Example]) -> None:
    rows = [r for r in made if r.category == "nornicdb_rewrites"]
    for row in random.Random(1).sample(rows, 300):
        wrong = check(row.meta["wrong"], REQUESTS[row.schema])
        assert any(f.kind == "dialect" for f in wrong), row.meta["wrong"]


def test_plans_wrap_the_query_that_is_shown(made: list[Example]) -> None:
    rows = [r for r in made if r.family == "plan_of_query"]
    assert rows
    for row in rows:
        assert row.output in (f"EXPLAIN {row.input}", f"PROFILE {row.input}")


def test_a_checkout_gives_its_prompt_its_settings_and_its_queries(tmp_path: Path) -> None:
    notes: list[str] = []
    registry = Registry(third_party=False)
    context = GenerateContext(
        count=1500,
        seed=2,
        repo=write_tree(tmp_path),
        language=registry.language,
        note=notes.append,
    )
    made = list(examples(context, NornicOptions(actions=0.4, knowledge=0.5, tails=0.3)))
    rows = [r for r in made if r.category == "nornicdb_actions"]
    assert len(rows) > 500
    assert all(r.system and "JSON only.\n" in r.system[-20:] for r in rows)
    whole = [r for r in rows if r.system.startswith("You watch the bridge.")]
    assert 0 < len(rows) - len(whole) < len(rows), "some rows show the tail alone"
    assert any("=== KNOWN ===" in r.system for r in whole)
    watched = [r for r in whole if r.meta["watcher"]]
    assert {"heimdall.watcher.query" in r.system for r in watched} == {True}
    assert {"heimdall.watcher.query:" in r.system for r in whole if not r.meta["watcher"]} == {
        False
    }
    described = {r.meta["fact"] for r in made if r.category == "nornicdb_configuration"}
    assert described == {
        "config:NORNICDB_BOLT_PORT",
        "config:NORNICDB_HTTP_ENABLED",
        "config:NORNICDB_QUERY_CACHE_TTL",
    }
    queries = [r for r in made if r.category == "nornicdb_checkout"]
    assert {r.meta["checkout"].split(":")[0] for r in queries} == {
        "docs/guide.md",
        "pkg/cypher/cypher_test.go",
    }
    assert not any("count {" in r.output for r in queries), "the dialect refuses that query"
    assert any("without a description: NORNICDB_NOT_DESCRIBED" in n for n in notes)
    assert len([n for n in notes if "facts are left out" in n]) == 1


def test_a_folder_that_is_no_checkout_falls_back_and_says_so(tmp_path: Path) -> None:
    notes: list[str] = []
    context = GenerateContext(count=300, seed=2, repo=tmp_path, note=notes.append)
    made = list(examples(context, NornicOptions()))
    assert len(made) == 300
    assert any("built-in ones take their place" in n for n in notes)


def test_options_choose_and_refuse() -> None:
    only = NornicOptions(categories=("nornicdb_databases",))
    rows = list(examples(GenerateContext(count=50, seed=1), only))
    assert {r.category for r in rows} == {"nornicdb_databases"}
    none = list(examples(GenerateContext(count=400, seed=1), NornicOptions(actions=0.0)))
    assert not any(r.system for r in none)
    with pytest.raises(HeimdallError, match=r"unknown category 'nornicdb_database'"):
        NornicOptions(categories=("nornicdb_database",))
    with pytest.raises(ValueError, match="must be <= 1"):
        NornicOptions(tails=1.5)


def test_values_named_in_the_answer_stand_in_the_prompt(made: list[Example]) -> None:
    """Nothing has to be guessed: every name, number and text of a statement is in its prompt."""
    word = re.compile(r"'(?:[^'\\]|\\.)*'|\b\d+(?:\.\d+)?\b")
    for row in made:
        if not row.language or row.family.startswith(("rewrite_", "single", "database_lists")):
            continue
        shown = f"{row.instruction}\n{row.input}"
        for value in word.findall(row.output):
            bare = value.strip("'").replace("\\'", "'")
            assert bare in shown or value in shown or bare.rstrip("s") in shown or bare == "1", (
                value,
                row,
            )

"""Rows of the generator `apoc`: nothing that Cypher does not evaluate is taught as a query."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from nornic_tree import write_tree

from heimdall_core.errors import HeimdallError
from heimdall_core.types import CheckRequest, Example, GenerateContext
from heimdall_gen_apoc.families.registered import verdict
from heimdall_gen_apoc.generate import examples, schemas_as_json
from heimdall_gen_apoc.options import CATEGORIES, ApocOptions
from heimdall_lang_cypher.checker import check
from heimdall_repo_nornicdb.callable import alternative, is_callable, mark_of
from heimdall_repo_nornicdb.facts import apoc_signatures

REQUESTS = {
    name: CheckRequest(dialect="nornicdb", schema=schema, performance=False)
    for name, schema in schemas_as_json(ApocOptions()).items()
} | {"none": CheckRequest(dialect="nornicdb", performance=False)}


@pytest.fixture(scope="module")
def made() -> list[Example]:
    return list(examples(GenerateContext(count=8000, seed=5), ApocOptions()))


def test_all_rows_asked_for_are_unique_and_of_every_category(made: list[Example]) -> None:
    assert len(made) == len({r.prompt_key for r in made}) == 8000
    assert {r.category for r in made} == set(CATEGORIES)


def test_cypher_passes_the_check_and_calls_what_works(made: list[Example]) -> None:
    called: set[str] = set()
    for row in made:
        if not row.language:
            continue
        found = check(row.output, REQUESTS[row.schema])
        assert not [f for f in found if f.severity == "error"], row
        if row.category == "apoc_functions":
            for name in re.findall(r"apoc\.\w+\.\w+(?=\()", row.output):
                called.add(name)
                assert is_callable(name), row.output
    assert len(called) >= 50


def test_start_nodes_are_ids_and_what_is_returned_has_no_call(made: list[Example]) -> None:
    """NornicDB reads these arguments as text, up to the last parenthesis of the statement."""
    for row in made:
        if re.match(r"CALL apoc\.(?:algo|neighbors)\.", row.output):
            assert re.match(r"CALL [\w.]+\('[\w-]+'", row.output), row.output
            _, _, after = row.output.partition(" RETURN ")
            assert "(" not in after, row.output
        if row.output.startswith("CALL apoc.path."):
            assert "({id: '" in row.output


def test_every_registered_name_gets_its_verdict() -> None:
    verdicts = {name: verdict(name) for name in apoc_signatures()}
    assert sum(v.startswith("Yes") for v in verdicts.values()) == 65 + 9
    assert sum(v.startswith("It runs") for v in verdicts.values()) == 21 - 9
    # Nothing rules these out, and their examples name values that are not there.
    unknown = [name for name, v in verdicts.items() if v.startswith("That is not known")]
    assert len(unknown) == 21
    assert "apoc.scoring.cosine" in unknown
    assert sum(v.startswith("No.") for v in verdicts.values()) == 983 - 86 - 21
    assert "use type(r)" in verdicts["apoc.rel.type"]
    assert "compute it in the client" in verdicts["apoc.hashing.jumpHash"]
    assert verdicts["apoc.number.random"].startswith(
        "It runs, but not as documented: it gives 0.5 with every call."
    )


def test_no_two_rows_say_different_things_of_a_function(made: list[Example]) -> None:
    """What one family lets a query call, no other one calls unusable, and the other way round."""
    calls = {n for r in made if r.language for n in re.findall(r"apoc\.\w+\.\w+(?=\()", r.output)}
    functions = {n for n in calls if mark_of(n) and not any(f"CALL {n}" in r.output for r in made)}
    assert {"apoc.create.uuid", "apoc.util.timestamp", "apoc.math.random"} <= functions
    assert not [n for n in functions if not verdict(n).startswith("Yes")]
    for row in made:
        if row.category != "apoc_registered":
            continue
        name = row.meta["fact"].removeprefix("apoc:")
        if row.family == "registered_signature":
            told = ("A query" in row.output) or ("No call" in row.output)
            assert told != verdict(name).startswith("Yes"), row.output
        elif row.family in ("registered_alternative", "registered_category"):
            assert not verdict(name).startswith("Yes"), row.output
            offered = re.findall(r"apoc\.\w+\.\w+", row.output)
            assert all("CALL" in row.output or is_callable(n) for n in offered), row.output


def test_alternatives_do_what_they_stand_in_for() -> None:
    # By position, not by value; nothing in a query does it in one call.
    assert alternative("apoc.coll.remove") == ""
    assert alternative("apoc.coll.removeAll") == "apoc.coll.subtract(list, [value])"
    for name in ("apoc.coll.duplicates", "apoc.text.camelCase", "apoc.map.keys"):
        assert alternative(name) == ""
    for name in apoc_signatures():
        for other in re.findall(r"(?<!CALL )apoc\.\w+\.\w+(?=\()", alternative(name)):
            assert is_callable(other), f"{name}: {other}"
        assert not (alternative(name) and is_callable(name)), name


def test_prose_rests_on_facts(made: list[Example]) -> None:
    facts = Counter(r.meta["fact"] for r in made if not r.language)
    assert len(facts) >= 600
    assert max(facts.values()) <= 40


def test_one_prompt_has_one_answer_whatever_the_seed() -> None:
    seen: dict[tuple[str, str, str], str] = {}
    for seed in range(4):
        for row in examples(GenerateContext(count=3000, seed=seed), ApocOptions()):
            assert seen.setdefault(row.prompt_key, row.output) == row.output, row.prompt_key


def test_a_checkout_describes_what_it_registers(tmp_path: Path) -> None:
    notes: list[str] = []
    context = GenerateContext(count=600, seed=2, repo=write_tree(tmp_path), note=notes.append)
    made = list(examples(context, ApocOptions(registered=0.5)))
    described = [r for r in made if r.family == "registered_description"]
    assert {r.meta["fact"] for r in described} == {
        "apoc/apoc.go:4",
        "apoc/apoc.go:5",
        "apoc/apoc.go:6",
    }
    [degree] = {r.output for r in described if "node.degree" in r.instruction}
    assert degree == ("Its documentation says: Counts. A query does not evaluate it as a function.")
    names = {n for r in made if r.category == "apoc_registered" for n in [r.meta["fact"]]}
    assert {n for n in names if n.startswith("apoc:")} <= {
        "apoc:apoc.coll.sum",
        "apoc:apoc.text.join",
        "apoc:apoc.node.degree",
    }
    assert any("980 names are no longer registered" in n for n in notes)


def test_options_refuse_what_leaves_no_room() -> None:
    with pytest.raises(HeimdallError, match="leave no room"):
        ApocOptions(registered=0.9, plugins=0.2)
    with pytest.raises(HeimdallError, match="unknown category 'apoc'"):
        ApocOptions(categories=("apoc",))
    none = list(examples(GenerateContext(count=300, seed=1), ApocOptions(plugins=0.0)))
    assert not any(r.category == "heimdall_plugins" for r in none)

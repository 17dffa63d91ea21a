"""Drawing rows: unique, limited per fact, continued by a larger count, and honest at the end."""

from __future__ import annotations

import random
import re

import pytest

from heimdall_core.types import CheckRequest, GenerateContext
from heimdall_lang_cypher.checker import check
from heimdall_repo_nornicdb.rows.domains import domains, literal, one, value, words
from heimdall_repo_nornicdb.rows.families import Draft, Family, context_size, prose, rows
from heimdall_repo_nornicdb.rows.queries import _SHAPES
from heimdall_repo_nornicdb.rows.rewrites import REWRITES


def _numbers(most: int) -> Family:
    def draw(rng: random.Random) -> Draft:
        n = rng.randrange(most)
        return Draft(f"What is {n}?", f"RETURN {n}")

    return Family("numbers", "a", draw)


def _facts(count: int) -> Family:
    def draw(rng: random.Random) -> Draft:
        fact = f"f{rng.randrange(count)}"
        return prose(f"{fact}, {rng.random()}?", "yes", fact)

    return Family("facts", "b", draw, 2.0)


def test_rows_are_unique_and_end_with_a_note() -> None:
    notes: list[str] = []
    context = GenerateContext(count=1000, seed=1, note=notes.append)
    made = list(rows(context, [_numbers(30)], source="s"))
    assert len(made) == len({r.instruction for r in made}) == 30
    assert notes == ["30 rows made of 1000 wanted: these options allow no more"]


def test_a_fact_carries_so_many_rows_and_no_more() -> None:
    context = GenerateContext(count=1000, seed=1)
    made = list(rows(context, [_facts(3)], source="s", rows_per_fact=7))
    assert len(made) == 21
    assert {r.meta["fact"] for r in made} == {"f0", "f1", "f2"}


def test_a_larger_count_continues_a_smaller_one() -> None:
    families = [_numbers(100), _facts(20)]
    short = list(rows(GenerateContext(count=40, seed=3), families, source="s"))
    long = list(rows(GenerateContext(count=90, seed=3), families, source="s"))
    assert long[:40] == short
    assert list(rows(GenerateContext(count=40, seed=4), families, source="s")) != short


def test_weights_share_the_rows() -> None:
    made = list(rows(GenerateContext(count=90, seed=3), [_numbers(500), _facts(20)], source="s"))
    assert sum(r.category == "b" for r in made) == 60


def test_quotas_and_what_nobody_here_makes() -> None:
    notes: list[str] = []
    context = GenerateContext(count=25, seed=1, quotas={"a": 25, "other": 5}, note=notes.append)
    made = list(rows(context, [_numbers(100), _facts(5)], source="s"))
    assert [r.category for r in made] == ["a"] * 25
    assert notes == ["the quota for 'other' is left to others: no category here has that name"]


def test_paraphrases_share_a_combination() -> None:
    drafts = iter([Draft("a?", "RETURN 1"), Draft("b?", "RETURN 1"), Draft("c?", "RETURN 2")])
    family = Family("f", "a", lambda rng: next(drafts, None), patience=2)
    made = list(rows(GenerateContext(count=9, seed=1), [family], source="s"))
    assert made[0].combination == made[1].combination != made[2].combination


def test_context_size_follows_the_rendered_length() -> None:
    assert context_size(Draft("a", "b")) == "small"
    assert context_size(Draft("a", "b", system="x" * 2000)) == "medium"
    assert context_size(Draft("a", "b", system="x" * 9200)) == "xl"


def test_sample_queries_follow_from_their_phrase_and_pass_the_check() -> None:
    requests = {
        d.name: CheckRequest(dialect="nornicdb", schema=d.as_json(), performance=False)
        for d in domains()
    }
    rng = random.Random(2)
    seen: dict[tuple[str, str], str] = {}
    for shape in _SHAPES:
        for _ in range(40):
            of = rng.choice(domains())
            found = shape(of, rng)
            assert not check(found.cypher, requests[of.name]), found
            assert seen.setdefault((of.name, found.ask), found.cypher) == found.cypher


def test_rewrites_are_refused_on_one_side_and_accepted_on_the_other() -> None:
    rng = random.Random(3)
    for name, make, _ in REWRITES:
        for of in domains():
            pair = make(of, rng)
            if pair is None:
                continue
            request = CheckRequest(dialect="nornicdb", schema=of.as_json(), performance=False)
            wrong = {f.code for f in check(pair.wrong, request) if f.kind == "dialect"}
            assert wrong, f"{name}: nothing minds {pair.wrong}"
            assert not check(pair.right, request), f"{name}: {pair.right}"


def test_conditions_of_a_union_are_apart() -> None:
    """Some values meet the one, some the other, some neither, and none both."""
    make = next(make for name, make, _ in REWRITES if name == "union")
    rng = random.Random(4)
    for _ in range(40):
        for of in domains():
            pair = make(of, rng)
            assert pair is not None
            found = re.search(
                r"WHERE \w+\.(\w+) (\S+) (.+) OR \w+\.\1 (\S+) (.+) RETURN", pair.right
            )
            assert found is not None, pair.right
            (_, first, low, second, high) = found.groups()
            assert {"true", "false"}.isdisjoint((low, high)), pair.right
            assert low != high, pair.right
            if low[0] != "'":
                (first, a), (second, b) = sorted(
                    [(first, float(low)), (second, float(high))], key=lambda each: each[1]
                )
                assert (first in ("<", "<=", "="), second in (">", ">=", "=")) == (True, True)
                assert a < b, pair.right


@pytest.mark.parametrize("name", ["pattern_comprehension", "correlated_call", "collect_subquery"])
def test_what_is_gathered_per_node_is_so_where_two_nodes_share_a_name(name: str) -> None:
    database = pytest.importorskip("graphdblite").Database
    make = next(make for each, make, _ in REWRITES if each == name)
    rng = random.Random(5)
    for of in domains():
        pair = make(of, rng)
        assert pair is not None
        a, start, key, kind, end = re.search(  # type: ignore[union-attr]
            r"MATCH \((\w+):(\w+)\)-\[:(\w+)\]->\(\w+:(\w+)\).* RETURN \w+\.(\w+)", pair.right
        ).group(1, 2, 5, 3, 4)
        shown = re.search(r"collect\(\w+\.(\w+)\)", pair.right)
        held = f" {{{shown[1]}: 'x'}}" if shown else ""
        with database.open_memory() as graph:
            for ends in (2, 3):
                made = " ".join(f"CREATE ({a})-[:{kind}]->(:{end}{held})" for _ in range(ends))
                graph.execute(f"CREATE ({a}:{start} {{{key}: 'same'}}) {made}")
            rows = [list(row.values()) for row in graph.query(pair.right)]
        assert [row[0] for row in rows] == ["same", "same"], pair.right
        sizes = sorted(row[1] if isinstance(row[1], int) else len(row[1]) for row in rows)
        assert sizes == [2, 3], pair.right


def test_schemas_do_not_share_a_label() -> None:
    labels = [label.name for domain in domains() for label in domain.labels]
    assert len(set(labels)) == len(labels) >= 90
    assert len(domains()) >= 30


def test_values_fit_their_kinds() -> None:
    rng = random.Random(1)
    for domain in domains():
        for label in domain.labels:
            for of in label.properties:
                if of.kind in ("date", "vector"):
                    continue
                drawn = value(of, rng)
                assert isinstance(drawn, float) == (of.kind == "amount")
                assert isinstance(drawn, bool) == (of.kind == "flag")
    assert literal("O'Hara") == "'O\\'Hara'"
    assert (one("Exhibit"), one("Truck")) == ("an Exhibit", "a Truck")
    assert words("WindFarm") == "wind farm"

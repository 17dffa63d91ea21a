"""What every family promises: its phrasings name all that the query needs, and no more."""

from __future__ import annotations

import re
from collections import Counter
from itertools import islice

import pytest

from heimdall_core.types import Example
from heimdall_gen_cypher.families import CATEGORIES, FAMILIES
from heimdall_gen_cypher.family import DIALECTS, Family, slots_of
from heimdall_gen_cypher.generate import pairs
from heimdall_gen_cypher.options import CypherOptions
from heimdall_gen_cypher.schema import Schema, load_schema

#: Valid Cypher that NornicDB answers wrongly without an error, or misreads.
WRONG_ON_NORNICDB = {
    "UNION is swallowed by the alias before it": r"\bUNION\b",
    "pattern as a predicate": r"(WHERE|AND|OR|NOT) \(\w*(:\w+)?\)\s*<?-",
    "pattern inside a function": r"\b(size|exists)\(\(",
    "EXISTS without MATCH": r"EXISTS \{ (?!MATCH)",
    "COUNT subquery": r"COUNT \{",
    "COLLECT subquery": r"COLLECT \{",
    "CALL subquery": r"CALL (\(\w*\) )?\{",
    "map projection": r"\b\w+ ?\{ ?\.",
    "filter on a collected list": r"collect\([^)]*\) AS \w+ WHERE",
    "filter after UNWIND": r"UNWIND .* WITH .* WHERE",
    "OPTIONAL MATCH": r"OPTIONAL MATCH",
    "collect after WITH and LIMIT": r"WITH .* LIMIT \d+ RETURN collect",
    "aggregate compared after WITH": r"WITH (avg|sum|min|max)\(.* MATCH",
    "SET of a relationship, then RETURN": r"SET rel\..* RETURN",
    "RETURN after MERGE": r"MERGE .* RETURN",
    "count after a write": r"(CREATE|SET) .* RETURN count",
    "chained comparison": r"[<>]=? \w+(\.\w+)? [<>]",
    "XOR": r"\bXOR\b",
    "difference of aggregates": r"\) - \w+\(",
    "statistics": r"(stDev|percentile)",
    "label set and property removed at once": r"SET \w+:\w+ REMOVE",
    "label expression": r"\(\w*:\w+[&|!]",
    "WHERE inside a pattern": r"\(\w+:\w+ WHERE",
    "quantified path": r"\)\)?(\{\d|\+)",
    "temporal component": r"date\(\)\.",
    "power": r"\^",
    "similarity in a projection": r"RETURN .*vector\.similarity",
    "aggregate after YIELD": r"YIELD .* RETURN (count|collect)",
    "MATCH after YIELD": r"YIELD .* MATCH",
    "index kinds that are read as a pattern": r"CREATE (RANGE|TEXT|POINT|LOOKUP) INDEX",
    "ignored statements": r"^DROP ",
    "index options that are ignored": r"OPTIONS",
    "constraints other than unique": r"(IS NOT NULL$|NODE KEY)",
    "several statements": r";",
    "integer division": r"\d / \d",
}


def test_there_are_enough() -> None:
    nornicdb = [family for family in FAMILIES if "nornicdb" in family.dialects]
    assert len(nornicdb) >= 32
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
    assert set(CATEGORIES) >= {
        "cypher_basic",
        "cypher_filtering",
        "cypher_relationships",
        "cypher_aggregation",
        "cypher_ordering",
        "cypher_create",
        "cypher_merge",
        "cypher_update",
        "cypher_delete",
        "cypher_paths",
        "cypher_subqueries",
        "cypher_schema",
    }


def test_phrasings_differ_in_more_than_names(family: Family) -> None:
    assert len(family.phrasings) >= 3
    skeletons = {re.sub(r"<\w[^>]*>", "_", phrasing) for phrasing in family.phrasings}
    assert len(skeletons) == len(family.phrasings)


def test_prompt_names_what_the_query_needs(family: Family) -> None:
    for dialect in family.dialects:
        needed = {
            slot
            for slot in slots_of(family.template(dialect))
            # A node's variable follows from its label.
            if not (slot.islower() and slot.upper() in _names(family))
        }
        for phrasing in family.phrasings:
            missing = needed - slots_of(phrasing)
            assert not missing, f"{phrasing!r} does not name {missing}"


def test_prompt_names_nothing_else(family: Family) -> None:
    for dialect in family.dialects:
        for phrasing in family.phrasings:
            extra = slots_of(phrasing) - slots_of(family.template(dialect))
            assert not extra, f"{phrasing!r} names {extra}, which the query does not hold"


def test_no_phrasing_belongs_to_two_families() -> None:
    for dialect in DIALECTS:
        owners = Counter(
            re.sub(r"<\w[^>]*>", "<>", phrasing).lower()
            for family in FAMILIES
            if dialect in family.dialects
            for phrasing in family.phrasings
        )
        assert [skeleton for skeleton, count in owners.items() if count > 1] == []


def test_every_schema_has_every_family(schema: Schema) -> None:
    for family in FAMILIES:
        prompts = sum(family.size(binding) for binding in family.bindings(schema))
        assert prompts >= len(family.phrasings), family.name


@pytest.mark.parametrize("dialect", DIALECTS)
def test_one_query_per_prompt(dialect: str, templates: CypherOptions) -> None:
    """Looks at pairs before the generator drops prompts that it has given already."""
    schemas = [load_schema(name) for name in templates.schemas]
    query_of: dict[str, tuple[str, str]] = {}
    for family in FAMILIES:
        if dialect not in family.dialects:
            continue
        for pair in islice(pairs(family, schemas, dialect, 11), 800):
            known = query_of.setdefault(pair.prompt, (family.name, pair.query))
            assert known == (family.name, pair.query), pair.prompt
    assert len(query_of) > 30_000


def test_rows_are_one_line_and_hold_no_open_slot(rows: list[Example]) -> None:
    for row in rows:
        for text in (row.instruction, row.output):
            assert text == " ".join(text.split())
            assert not re.search(r"<\w+(\|\w+)?>", text)


@pytest.mark.parametrize(("what", "form"), WRONG_ON_NORNICDB.items(), ids=WRONG_ON_NORNICDB)
def test_nothing_is_taught_that_nornicdb_gets_wrong(
    what: str, form: str, by_plan: dict[tuple[str, str], list[tuple[str, str]]]
) -> None:
    wrong = re.compile(form)
    bad = [
        query
        for plans in by_plan.values()
        for _, query in plans
        if wrong.search(re.sub(r"'[^']*'", "''", query))
    ]
    assert not bad, f"{what}: {bad[:3]}"


def _names(family: Family) -> set[str]:
    return {
        slot
        for draw in family.names
        for slot in (getattr(draw, name, None) for name in ("slot", "start", "end"))
        if isinstance(slot, str) and slot.isupper()
    }

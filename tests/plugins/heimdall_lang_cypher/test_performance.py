"""Findings about queries that are right but slow."""

from __future__ import annotations

import pytest

from heimdall_core.types import Finding
from heimdall_lang_cypher.parser import parse_statement
from heimdall_lang_cypher.performance import performance_findings
from heimdall_lang_cypher.schema import read_schema

SCHEMA = read_schema(
    {
        "nodes": {
            "Person": {"properties": {"name": "STRING", "email": "STRING", "age": "INTEGER"}},
            "City": {"properties": {"name": "STRING"}},
        },
        "relationships": [{"type": "LIVES_IN", "from": "Person", "to": "City"}],
        "indexes": [
            {"label": "Person", "properties": ["email"], "kind": "RANGE"},
            {"label": "City", "properties": ["name"], "kind": "TEXT"},
        ],
    }
)


def findings(text: str, *, with_schema: bool = False) -> list[Finding]:
    return performance_findings(parse_statement(text), SCHEMA if with_schema else None, text)


def codes(text: str, *, with_schema: bool = False) -> set[tuple[str, str]]:
    """Code and severity of what is found, literals left out: they are nearly everywhere."""
    return {
        (each.code, each.severity)
        for each in findings(text, with_schema=with_schema)
        if each.code != "LiteralInsteadOfParameter"
    }


PRODUCT, SOFT_PRODUCT = ("CartesianProduct", "warning"), ("CartesianProduct", "info")
SCAN = ("AllNodesScan", "warning")
UNBOUNDED = ("UnboundedVariableLengthPattern", "warning")
EAGER, EAGER_FILE = ("EagerOperator", "info"), ("EagerOperator", "warning")
NO_LIMIT = ("MissingLimit", "info")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # products
        ("MATCH (a:A), (b:B) WHERE a.x > 1 RETURN a", {PRODUCT}),
        ("MATCH (a:A), (b:B) WHERE a.x = b.x RETURN a", {SOFT_PRODUCT}),
        ("MATCH (a:A {x: $x}), (b:B {y: $y}) CREATE (a)-[:R]->(b)", {SOFT_PRODUCT}),
        ("MATCH (a:A)-->(b:B), (b)-->(c:C) WHERE a.x > 1 RETURN a", set()),
        ("MATCH (a:A), (b:B), (a)-->(b) WHERE a.x > 1 RETURN a", set()),
        ("MATCH (a:A) WHERE a.x > 1 MATCH (a)-->(b), (a)-->(c) RETURN b", set()),
        ("MATCH (a:A) WHERE a.x > 1 WITH a MATCH (a)-->(b), (c:C) RETURN b", {PRODUCT}),
        # scans
        ("MATCH (n) WHERE n.x = $x RETURN n", {SCAN}),
        ("MATCH (n) WHERE n:A AND n.x = $x RETURN n", set()),
        ("MATCH (n:A|B) WHERE n.x = $x RETURN n", set()),
        ("MATCH (n:!A) WHERE n.x = $x RETURN n", {SCAN}),
        ("MATCH (n)-[:R]->(m) WHERE n.x = $x RETURN n", set()),
        ("MATCH (n) WHERE elementId(n) = $id RETURN n", set()),
        ("MATCH (n) WHERE id(n) IN $ids RETURN n", set()),
        ("MATCH (n) RETURN n LIMIT 10", set()),
        ("MATCH (n) RETURN n ORDER BY n.x LIMIT 10", {SCAN}),
        ("MATCH (n) RETURN count(*)", set()),
        ("MATCH (n) RETURN count(DISTINCT n.x)", {SCAN}),
        ("MATCH (a:A) WHERE a.x = $x MATCH (a)-->(n) RETURN n", set()),
        ("MERGE (n {x: $x})", {SCAN}),
        ("MERGE (n:A {x: $x})", set()),
        ("MATCH (a:A) WHERE a.x = $x AND EXISTS { (a)-->(n) } RETURN a", set()),
        ("MATCH (a:A) WHERE a.x = $x AND EXISTS { (n) WHERE n.y = a.y } RETURN a", {SCAN}),
        ("MATCH (a:A) WHERE a.x = $x CALL (a) { MATCH (a)-->(b) RETURN b } RETURN b", set()),
        ("MATCH (a:A) WHERE a.x = $x CALL () { MATCH (a)-[r]-(b) RETURN b } RETURN b", {SCAN}),
        # paths
        ("MATCH (a:A {x: $x})-[*]->(b) RETURN b", {UNBOUNDED}),
        ("MATCH (a:A {x: $x})-[:R*2..]->(b) RETURN b", {UNBOUNDED}),
        ("MATCH (a:A {x: $x})-[:R*..5]->(b) RETURN b", set()),
        ("MATCH (a:A {x: $x})-[:R]->+(b) RETURN b", {UNBOUNDED}),
        ("MATCH (a:A {x: $x}) ((c)-[:R]->(d))* (b) RETURN b", {UNBOUNDED}),
        ("MATCH p = ANY SHORTEST (a:A {x: $x})-[:R]->+(b:B) RETURN p", set()),
        (
            "MATCH p = shortestPath((a:A {x: $x})-[:R*]->(b:B)) RETURN p",
            {("UnboundedVariableLengthPattern", "info")},
        ),
        (
            "MATCH p = shortestPath((a:A {x: $x})-[:R*..9]->(b:B)) WHERE length(p) > 1 RETURN p",
            {("ExhaustiveShortestPath", "warning")},
        ),
        (
            "MATCH p = shortestPath((a:A {x: $x})-[:R*..9]->(b:B)) "
            "WHERE all(n IN nodes(p) WHERE n.ok) RETURN p",
            set(),
        ),
        # reading what is written
        ("MATCH (a:A {x: $x}) CREATE (b:A)", {EAGER}),
        ("MATCH (a:A {x: $x}) CREATE (b:B)-[:R]->(a)", set()),
        ("MATCH (a:A {x: $x}) WITH count(*) AS c CREATE (b:A)", set()),
        ("LOAD CSV FROM $f AS r MERGE (a:A {x: r[0]}) MERGE (b:A {x: r[1]})", {EAGER_FILE}),
        ("LOAD CSV FROM $f AS r MERGE (a:A {x: r[0]}) MERGE (b:B {x: r[1]})", set()),
        ("MERGE (a:A {x: $x}) MERGE (b:A {x: $y})", set()),
        # everything
        ("MATCH (n) DETACH DELETE n", {("AllNodesDelete", "warning")}),
        ("MATCH (n:A) DETACH DELETE n", {("AllNodesDelete", "info")}),
        ("MATCH (n:A) WHERE n.x = $x DETACH DELETE n", set()),
        ("MATCH (n:A) RETURN n", {NO_LIMIT}),
        ("MATCH (n:A)-->(m) RETURN n.x, m.y ORDER BY n.x", {NO_LIMIT}),
        ("MATCH (n:A) RETURN n.x, count(*)", set()),
        ("MATCH (n:A) RETURN collect(n)", {("UnboundedCollect", "info")}),
        ("MATCH (n:A) RETURN n.x, collect(n)", set()),
        ("MATCH (n:A) WITH collect(n) AS ns UNWIND ns AS m RETURN m LIMIT 1",
         {("UnboundedCollect", "info"), ("CollectThenUnwind", "info")}),
        ("MATCH (n:A) RETURN n SKIP 5 LIMIT 5", {("SkipWithoutOrder", "info")}),
        (
            "MATCH (n:A {x: $x}) OPTIONAL MATCH (n)-[:R]->(m) OPTIONAL MATCH (n)-[:S]->(o) "
            "RETURN n, count(m)",
            {("MultipliedRows", "info")},
        ),
        (
            "MATCH (n:A {x: $x}) OPTIONAL MATCH (n)-[:R]->(m) OPTIONAL MATCH (n)-[:S]->(o) "
            "RETURN n, count(DISTINCT m)",
            set(),
        ),
        (
            "MATCH (n:A {x: $x}) OPTIONAL MATCH (n)-[:R]->(m) WITH n, count(m) AS c "
            "OPTIONAL MATCH (n)-[:S]->(o) RETURN n, c, count(o)",
            set(),
        ),
        # conversions
        ("MATCH (n:A) WHERE toLower(n.x) = $x RETURN n", {("IndexDefeated", "info")}),
        ("MATCH (n:A) WHERE n.x + 1 > $x RETURN n", {("IndexDefeated", "info")}),
        ("MATCH (n:A) WHERE n.x / n.y > 2 RETURN n", set()),
        ("MATCH (n:A) WHERE n[$key] = 1 RETURN n", {("DynamicProperty", "info")}),
        # nothing to say
        ("RETURN 1", set()),
        ("CREATE (n:A {x: 1})", set()),
        ("CREATE INDEX FOR (n:A) ON (n.x)", set()),
        ("SHOW INDEXES", set()),
    ],
)  # fmt: skip
def test_codes_without_a_schema(text: str, expected: set[tuple[str, str]]) -> None:
    assert codes(text) == expected


NO_INDEX = ("NoApplicableIndex", "warning")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MATCH (p:Person {email: $e}) RETURN p", set()),
        ("MATCH (p:Person {name: $n}) RETURN p", {NO_INDEX}),
        ("MATCH (p:Person {name: $n, email: $e}) RETURN p", set()),
        ("MATCH (p:Person) WHERE p.age > $a RETURN p", {NO_INDEX}),
        ("MATCH (p:Person) WHERE p.email STARTS WITH $e RETURN p", set()),
        ("MATCH (p:Person) WHERE p.email CONTAINS $e RETURN p", {NO_INDEX}),
        ("MATCH (c:City) WHERE c.name ENDS WITH $e RETURN c", set()),
        ("MATCH (p:Person)-[:LIVES_IN]->(c:City {name: $n}) WHERE p.age > 1 RETURN p", set()),
        ("MATCH (p:Person {email: $e}) MATCH (p)-->(q:Person {name: $n}) RETURN q", set()),
        ("MERGE (p:Person {name: $n})", {NO_INDEX}),
        ("MATCH (x:Unknown {name: $n}) RETURN x", set()),
        ("MATCH (p:Person) WHERE toLower(p.email) = $e RETURN p", {("IndexDefeated", "warning")}),
        ("MATCH (p:Person) WHERE toLower(p.name) = $e RETURN p", set()),
    ],
)
def test_codes_with_indexes(text: str, expected: set[tuple[str, str]]) -> None:
    assert codes(text, with_schema=True) == expected


def test_a_schema_without_indexes_says_nothing_about_them() -> None:
    schema = read_schema({"nodes": {"Person": {"properties": {"name": "STRING"}}}})
    text = "MATCH (p:Person {name: $n}) RETURN p"
    assert performance_findings(parse_statement(text), schema, text) == []


def test_missing_index_suggests_the_statement_that_makes_it() -> None:
    text = "MATCH (p:Person)\nWHERE p.`full name` = $n RETURN p"
    schema = read_schema(
        {
            "nodes": {"Person": {"properties": {"full name": "STRING"}}},
            "indexes": [{"label": "Person", "properties": ["email"]}],
        }
    )
    (found,) = performance_findings(parse_statement(text), schema, text)
    assert found.suggestion == "CREATE INDEX FOR (n:Person) ON (n.`full name`)"
    assert (found.line, found.column, found.kind) == (2, 7, "performance")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("MATCH (a:A {x: 'v'}) RETURN a", 1),
        ("MATCH (a:A {x: 'v'}) WHERE a.y IN [1, 2] AND a.z = $z RETURN a", 2),
        ("MATCH (a:A) WHERE a.x > 5 RETURN a", 0),
        ("MATCH (a:A {x: $v}) RETURN a", 0),
        ("MERGE (a:A {x: 1.5})", 1),
        ("CREATE (a:A {x: 1})", 0),
        ("MATCH (a:A {x: $v}) WHERE EXISTS { (a)-->(:B {y: 1}) } RETURN a", 1),
    ],
)
def test_literals_are_reported_once(text: str, count: int) -> None:
    found = [each for each in findings(text) if each.code == "LiteralInsteadOfParameter"]
    assert len(found) == min(count, 1)
    if count > 1:
        assert f"and {count - 1} more" in found[0].message


def test_nested_subqueries_are_looked_at_once() -> None:
    text = (
        "MATCH (a:A {x: $x}) WHERE EXISTS { MATCH (a)-->(b) WHERE EXISTS "
        "{ (b)-[:R*]->(c) } } RETURN a"
    )
    assert [each.code for each in findings(text)] == ["UnboundedVariableLengthPattern"]


def test_findings_come_in_the_order_of_the_text() -> None:
    text = "MATCH (a)-[*]->(b), (c:C) WHERE toLower(c.x) = 'v'\nRETURN a SKIP 1"
    places = [(each.line, each.column) for each in findings(text)]
    assert places == sorted(places)
    assert len(places) >= 4


def test_many_patterns_take_linear_time() -> None:
    text = f"MATCH {', '.join(f'(a{i}:A)' for i in range(3_000))} RETURN 1 AS x LIMIT 1"
    assert ("CartesianProduct", "warning") in codes(text)

"""Scopes: what is defined where, what a projection and a subquery let through."""

from __future__ import annotations

import pytest

from heimdall_core.types import CheckRequest, Finding
from heimdall_lang_cypher.checker import check


def find(marked: str, dialect: str = "neo4j") -> tuple[int, list[Finding]]:
    """The column of `»` in a query of one line, and the findings of the query without it."""
    query = marked.replace("»", "")
    request = CheckRequest(dialect=dialect, performance=False)
    return marked.find("»") + 1, list(check(query, request))


def errors(query: str, dialect: str = "neo4j") -> list[str]:
    """Codes of the errors of a query."""
    return [each.code for each in find(query, dialect)[1] if each.severity == "error"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("RETURN »x", "UndefinedVariable"),
        ("MATCH (n) RETURN »m.name", "UndefinedVariable"),
        ("MATCH (n) WHERE »m.age > 3 RETURN n", "UndefinedVariable"),
        ("MATCH (n {age: »m.age}) RETURN n", "UndefinedVariable"),
        ("MATCH (n) WITH n.name AS name RETURN »n", "UndefinedVariable"),
        ("MATCH (n), (m) WITH n WITH n ORDER BY »m.age RETURN n", "UndefinedVariable"),
        ("MATCH (n) DELETE »m", "UndefinedVariable"),
        ("MATCH (n) SET »m.age = 1", "UndefinedVariable"),
        ("MATCH (n) REMOVE »m:Person", "UndefinedVariable"),
        ("MERGE (n) ON CREATE SET »m.age = 1", "UndefinedVariable"),
        ("UNWIND »list AS x RETURN x", "UndefinedVariable"),
        ("FOREACH (x IN [1] | CREATE (n)) RETURN »n", "UndefinedVariable"),
        ("MATCH (n) WHERE (n)-->(»m) RETURN n", "UndefinedVariable"),
        ("MATCH (n) WHERE (n)-[»r]->() RETURN n", "UndefinedVariable"),
        ("RETURN [x IN [1] | x] + »x", "UndefinedVariable"),
        ("RETURN reduce(s = 0, x IN [1] | s + x) + »s", "UndefinedVariable"),
        ("RETURN any(x IN [1] WHERE x > 0) AND »x", "UndefinedVariable"),
        ("MATCH (n) RETURN [(n)-->(m) | m.age] + »m.age", "UndefinedVariable"),
        ("MATCH (n) WHERE EXISTS { (n)-->(m) } RETURN »m", "UndefinedVariable"),
        ("MATCH (n) CALL { RETURN »n.age AS x } RETURN x", "UndefinedVariable"),
        ("MATCH (n) CALL (»m) { RETURN 1 AS x } RETURN x", "UndefinedVariable"),
        ("MATCH (n) CALL () { RETURN »n.age AS x } RETURN x", "UndefinedVariable"),
        ("MATCH (n) CALL { WITH n AS m RETURN m.x AS x } RETURN x", "UndefinedVariable"),
        ("MATCH (n) RETURN n {»m}", "UndefinedVariable"),
        ("CREATE (b {name: »missing})", "UndefinedVariable"),
        ("CREATE (a {x: »a.y})", "UndefinedVariable"),
        ("MATCH (n:A) USING INDEX »m:A(x) WHERE n.x = 1 RETURN n", "UndefinedVariable"),
        ("CREATE INDEX FOR (n:A) ON (»m.x)", "UndefinedVariable"),
        ("CREATE CONSTRAINT FOR (n:A) REQUIRE »m.x IS UNIQUE", "UndefinedVariable"),
        ("RETURN 1 AS x NEXT RETURN »y", "UndefinedVariable"),
        ("RETURN »*", "NoVariablesInScope"),
        ("MATCH (n) UNWIND [1] AS »n RETURN n", "VariableAlreadyBound"),
        ("MATCH (n) LET »n = 1 RETURN n", "VariableAlreadyBound"),
        ("MATCH (p) MATCH »p = (a)-->(b) RETURN p", "VariableAlreadyBound"),
        ("MATCH »p = (p)-->(b) RETURN p", "VariableAlreadyBound"),
        ("MATCH (»n) CREATE (n)", "VariableAlreadyBound"),
        ("MATCH (n) CREATE (»n:Person)-[:KNOWS]->(m)", "VariableAlreadyBound"),
        ("MATCH ()-[r]->() CREATE ()-[»r:T]->()", "VariableAlreadyBound"),
        ("MATCH (n) MERGE (»n)", "VariableAlreadyBound"),
        ("MATCH (n) CALL { WITH n »RETURN n } RETURN n", "VariableAlreadyBound"),
        ("MATCH (n) CALL (n) { UNWIND [1] AS »n RETURN n AS x } RETURN x", "VariableAlreadyBound"),
        (
            "MATCH (n) WHERE EXISTS { WITH 1 AS »n MATCH (m) RETURN m } RETURN n",
            "VariableAlreadyBound",
        ),
        ("CALL db.labels() YIELD label AS a, label AS »a RETURN a", "VariableAlreadyBound"),
        ("MATCH ((a)-->(b))+, (»b) RETURN b", "VariableTypeConflict"),
    ],
)
def test_reports_a_variable_that_is_undefined_or_bound_twice(query: str, code: str) -> None:
    column, findings = find(query)
    assert [each.code for each in findings if each.severity == "error"][:1] == [code]
    # A path and the alias of an import are found at the part of the text that names them first.
    if column and code in ("UndefinedVariable", "NoVariablesInScope") and "*" not in query:
        assert findings[0].column == column


@pytest.mark.parametrize(
    "query",
    [
        "MATCH (n) WITH n.name AS name WHERE n.age > 3 RETURN name",
        "MATCH (n) WITH n.name AS name ORDER BY n.age RETURN name",
        "MATCH (n) RETURN n.name AS n ORDER BY n",
        "MATCH (n) RETURN [n IN [1, 2] | n + 1]",
        "MATCH (n {age: m.age}), (m) RETURN n",
        "MATCH (n) CREATE (n)-[:KNOWS]->(m) RETURN m",
        "CREATE (a:A)-[:R]->(a)",
        "MATCH (n) CALL { WITH n MATCH (n)-->(m) RETURN m } RETURN n, m",
        "MATCH (n) CALL (n) { MATCH (n)-->(m) WITH m RETURN n.x AS x, m } RETURN x, m",
        "MATCH (n) CALL (*) { RETURN n.x AS x } RETURN x",
        "MATCH (n) CALL { WITH n RETURN n.x AS x UNION WITH n RETURN n.y AS x } RETURN x",
        "MATCH (n) WHERE EXISTS { MATCH (n)-->(m) WITH m RETURN n } RETURN n",
        "MATCH (n) RETURN COUNT { (n)-->(m) WHERE m.x > n.x } AS c",
        "MATCH (n) RETURN COLLECT { MATCH (n)-->(m) RETURN m.name } AS names",
        "MATCH (s) MATCH (s) ((a)-[r]->(b) WHERE a.x < s.x){1,3} (e) RETURN r, e",
        "MATCH (n) FOREACH (x IN [1] | CREATE (m {v: x}) SET m.w = n.w)",
        "MATCH (n) WITH * RETURN n",
        "MATCH (n) CALL (n) { SET n.x = 1 } RETURN n",
        "SHOW INDEXES YIELD name, type WHERE type = 'RANGE' RETURN name",
        "RETURN 1 AS x NEXT RETURN x + 1 AS y",
    ],
)
def test_accepts_what_is_in_scope(query: str) -> None:
    assert errors(query) == []


def test_names_the_nearest_variable() -> None:
    _, findings = find("MATCH (movie) RETURN movi.title")
    assert findings[0].suggestion == "`movie`"


def test_reports_an_undefined_variable_once() -> None:
    assert errors("RETURN x, x.a, x + 1") == ["UndefinedVariable"]


def test_warns_of_a_variable_that_hides_one_of_the_outer_query() -> None:
    _, findings = find("MATCH (n) CALL { MATCH (n) RETURN count(n) AS c } RETURN n, c")
    assert [(each.code, each.severity) for each in findings] == [
        ("SubqueryVariableShadowing", "warning")
    ]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("MATCH (n) WITH n, count(*) RETURN n", "NoExpressionAlias"),
        ("MATCH (n) RETURN n AS a, n.x AS a", "ColumnNameConflict"),
        ("MATCH (n) RETURN n.name, n.name", "ColumnNameConflict"),
        ("MATCH (n) RETURN n, n {.name}", "ColumnNameConflict"),
        ("RETURN 1 AS a UNION RETURN 2 AS b", "DifferentColumnsInUnion"),
        ("RETURN 1 AS a UNION ALL RETURN 2 AS a UNION RETURN 3 AS a", "InvalidClauseComposition"),
        ("CREATE (n) UNION RETURN 1 AS x", "InvalidClauseComposition"),
    ],
)
def test_reports_columns_that_do_not_fit(query: str, code: str) -> None:
    assert errors(query) == [code]


def test_a_map_projection_needs_no_alias() -> None:
    assert errors("MATCH (n) WITH n {.name} RETURN n") == []


def test_columns_of_a_union_may_stand_in_another_order() -> None:
    assert errors("RETURN 1 AS a, 2 AS b UNION RETURN 3 AS b, 4 AS a") == []

"""Aggregation: where it may stand, what may stand beside it, what is left after it."""

from __future__ import annotations

import pytest

from heimdall_core.types import CheckRequest
from heimdall_lang_cypher.checker import check


def found(query: str, dialect: str) -> list[tuple[str, int]]:
    """Code and column of each error."""
    findings = check(query, CheckRequest(dialect=dialect, performance=False))
    return [(each.code, each.column) for each in findings if each.severity == "error"]


@pytest.mark.parametrize("dialect", ["neo4j", "neo4j5", "opencypher9"])
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("MATCH (n) WHERE »count(n) > 1 RETURN n", "InvalidAggregation"),
        ("MATCH (n) WITH n WHERE n.x = »max(n.x) RETURN n", "InvalidAggregation"),
        ("MATCH (n {x: »count(*)}) RETURN n", "InvalidAggregation"),
        ("UNWIND »collect(1) AS x RETURN x", "InvalidAggregation"),
        ("MATCH (n) SET n.x = »count(*)", "InvalidAggregation"),
        ("MATCH (n) RETURN [x IN [1] | »count(x)]", "InvalidAggregation"),
        ("MATCH (n) RETURN count(»count(n))", "NestedAggregation"),
        ("MATCH (n) RETURN »n.x + count(*)", "AmbiguousAggregationExpression"),
        (
            "MATCH (n)-->(m) RETURN n.x + m.x AS g, »n.x + m.x + count(*) AS c",
            "AmbiguousAggregationExpression",
        ),
        ("MATCH (n) RETURN {a: »n.x, c: count(*)}", "AmbiguousAggregationExpression"),
        ("MATCH (n) RETURN size(collect(n)) + »n.x", "AmbiguousAggregationExpression"),
        (
            "MATCH (n) RETURN n.x, [(»n)-->(m) | m.x][0] + count(*)",
            "AmbiguousAggregationExpression",
        ),
        ("MATCH (n) RETURN n.x AS x, count(*) AS c ORDER BY »n.y", "UndefinedVariable"),
        ("MATCH (n) RETURN DISTINCT n.x AS x ORDER BY »n.y", "UndefinedVariable"),
        ("MATCH (n) WITH n.x AS x, count(*) AS c WHERE »n.y > 1 RETURN x", "UndefinedVariable"),
        ("MATCH (n) RETURN count(*) AS c ORDER BY »n.y + count(*)", "UndefinedVariable"),
        (
            "MATCH (n)-->(m) RETURN n.x + m.x AS g, count(*) AS c ORDER BY »n.x + m.x + count(*)",
            "AmbiguousAggregationExpression",
        ),
    ],
)
def test_reports_misused_aggregation(query: str, code: str, dialect: str) -> None:
    assert found(query.replace("»", ""), dialect) == [(code, query.index("»") + 1)]


@pytest.mark.parametrize("dialect", ["neo4j", "neo4j5", "opencypher9"])
@pytest.mark.parametrize(
    "query",
    [
        "MATCH (n) RETURN n.x, n.x + count(*)",
        "MATCH (n) RETURN n, n.x + count(*)",
        "MATCH (n) RETURN n.x AS a, n.x + count(*) AS b",
        "MATCH (n) RETURN 1 + count(*) + $p",
        "MATCH (n) RETURN max(n.x) - min(n.x) AS spread",
        "MATCH (n) RETURN [x IN collect(n) | x.age]",
        "MATCH (n) RETURN n.x AS x, count(*) AS c ORDER BY n.x, count(*), c + 1, x",
        "MATCH (n) RETURN toUpper(n.x) AS x, count(*) AS c ORDER BY toUpper(n.x)",
        "MATCH (n) RETURN n AS m, count(*) AS c ORDER BY n.x, m.y",
        "MATCH (n) WITH n.x AS x, count(*) AS c WHERE count(*) > 3 AND n.x = 1 RETURN x",
        "MATCH (n) RETURN DISTINCT n.x ORDER BY n.x",
        "MATCH (n) RETURN DISTINCT n ORDER BY n.x",
        "MATCH (n) WITH *, count(*) AS c RETURN c",
        "MATCH (n) RETURN CASE WHEN count(*) > 3 THEN 'many' ELSE 'few' END AS size",
    ],
)
def test_accepts_what_is_the_same_in_a_group(query: str, dialect: str) -> None:
    assert found(query, dialect) == []


def test_cypher_5_sorts_by_an_aggregation_with_a_warning() -> None:
    query = "MATCH (n)-->(m) RETURN n ORDER BY count(m) DESC"
    assert found(query, "neo4j5") == []
    assert found(query, "neo4j") == [("InvalidAggregation", 35)]
    (finding,) = check(query, CheckRequest(dialect="neo4j5", performance=False))
    assert (finding.code, finding.severity) == ("InvalidAggregation", "warning")


def test_cypher_25_sorts_by_a_further_aggregation_with_a_warning() -> None:
    query = "MATCH (n) RETURN n.x AS x, count(*) AS c ORDER BY sum(n.y)"
    assert found(query, "neo4j") == []
    assert found(query, "neo4j5") == [("UndefinedVariable", 55)]


def test_opencypher_aggregates_nothing_random() -> None:
    query = "RETURN count(rand()) AS c"
    assert found(query, "opencypher9") == [("NonConstantExpression", 14)]
    assert found(query, "neo4j") == []


def test_an_aggregation_in_a_subquery_is_its_own() -> None:
    query = "MATCH (n) WHERE COUNT { MATCH (n)-->(m) RETURN count(m) } > 1 RETURN n"
    assert found(query, "neo4j") == []


def test_says_which_columns_are_left() -> None:
    query = "MATCH (p) RETURN p.name AS name, count(*) AS c ORDER BY p.born"
    (finding,) = check(query, CheckRequest(performance=False))
    assert "`name` and `c`" in finding.message

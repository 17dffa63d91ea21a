"""Levels and context sizes, on queries of the kinds that the training guide names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from heimdall_lang_cypher.complexity import complexity

GUIDE = Path(__file__).parents[3] / ".." / "shared" / "guide" / "heimdall-training-guide.md"

ANALYTICAL = """
MATCH (a:Author)-[:WROTE]->(b:Book)
WITH a, collect(b) AS books, sum(b.pages) AS pages
WHERE pages > 900
MATCH (a)-[:WROTE]->(b:Book)-[:IN_GENRE]->(g:Genre)
WITH a, g, count(b) AS written, pages
ORDER BY written DESC
WITH a, collect({genre: g.name, written: written})[0..3] AS best, pages
MATCH (a)-[:LIVES_IN]->(c:City)<-[:LIVES_IN]-(peer:Author)
WHERE peer <> a
WITH a, best, pages, collect(peer) AS peers
UNWIND peers AS p
MATCH (p)-[:WROTE]->(pb:Book)-[:IN_GENRE]->(pg:Genre)
WHERE pg.name IN [each IN best | each.genre]
RETURN a.name, best, pages, count(DISTINCT pb) AS shared
ORDER BY pages DESC LIMIT 10
"""

LEVELS = {
    "a node": ("MATCH (b:Book {title: 'Emma'}) RETURN b", 1, "small"),
    "a node created": ("CREATE (:Book {title: 'Emma'})", 1, "small"),
    "an aggregation": (
        "MATCH (a:Author)-[:WROTE]->(b:Book) WHERE b.year > 1900 AND a.alive "
        "RETURN a.name, collect(b.title) AS titles ORDER BY size(titles) DESC LIMIT 10",
        2,
        "medium",
    ),
    "stages": (
        "MATCH (a:Author)-[:WROTE]->(b:Book)<-[:READ]-(r:Reader) WHERE a.city = r.city "
        "WITH a, b, count(DISTINCT r) AS readers WHERE readers > 5 "
        "MATCH (a)-[:WROTE]->(b)-[:IN_GENRE]->(g:Genre) "
        "WITH a, collect(DISTINCT g.name) AS genres, count(DISTINCT b) AS books "
        "RETURN a.name, genres, books ORDER BY books DESC LIMIT 20",
        3,
        "large",
    ),
    "two short stages": (
        "MATCH (a:Author) WITH a.city AS c, count(*) AS n WITH max(n) AS m RETURN m",
        3,
        "large",
    ),
    "many stages": (ANALYTICAL, 4, "xl"),
    "a session": ("CREATE (:A); MATCH (a:A) RETURN a;", 5, "max"),
}


@pytest.mark.parametrize(("query", "level", "size"), LEVELS.values(), ids=LEVELS.keys())
def test_levels(query: str, level: int, size: str) -> None:
    found = complexity(query)
    assert (found.level, found.context_size) == (level, size)


def test_the_guides_own_examples() -> None:
    if not GUIDE.exists():
        pytest.skip("the training guide is not here")
    examples = re.findall(
        r"#### \w[^\n]* Context \(\d+ tokens\).*?```cypher\n(.*?)```", GUIDE.read_text(), re.S
    )
    assert [complexity(query).context_size for query in examples] == [
        "small",
        "medium",
        "large",
        "xl",
    ]
    assert complexity(";\n".join(examples)).context_size == "max"


def test_counts() -> None:
    found = complexity(
        "MATCH (a)-[:R*1..3]->(b)--(c) WHERE EXISTS { (a)<-[:S]-() } "
        "CALL (a) { MATCH (a)-->(d) RETURN count(*) AS n } "
        "WITH a, n, [x IN [1] | x] AS l, any(y IN l WHERE y > 1) AS k "
        "RETURN max(n) UNION RETURN 1 AS x"
    )
    assert {name: found.counts[name] for name in ("clauses", "stages", "unions")} == {
        "clauses": 7,
        "stages": 1,
        "unions": 1,
    }
    assert found.counts["hops"] == 4
    assert found.counts["variable_hops"] == 1
    assert found.counts["aggregations"] == 2
    assert found.counts["subqueries"] == 2
    assert found.counts["comprehensions"] == 2


def test_names_are_no_clauses() -> None:
    found = complexity("MATCH (n:Match {set: 1}) WHERE n.name STARTS WITH 'a' RETURN n.return")
    assert found.counts["clauses"] == 2
    merge = complexity("MERGE (n:A) ON CREATE SET n.x = 1 ON MATCH SET n.x = 2")
    assert merge.counts["clauses"] == 1


def test_a_long_text_needs_a_large_context() -> None:
    short = complexity("RETURN 'a' AS x")
    long = complexity(f"RETURN '{'a' * 4000}' AS x")
    assert (short.level, long.level) == (1, 1)
    assert (short.context_size, long.context_size) == ("small", "xl")


def test_a_query_with_a_mistake_has_a_complexity_too() -> None:
    assert complexity("MATCH (n)-[:R]->(m) RETRUN [m.x | m IN n]").counts["hops"] == 1
    assert complexity("").level == 1


def test_time_is_linear() -> None:
    assert complexity("RETURN " + "[(" * 20_000).level >= 1

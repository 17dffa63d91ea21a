"""Two thousand queries, good and bad, with the verdicts of Neo4j's own front end.

`neo4j_verdicts.txt` holds a query a line, after one letter for Cypher 5 and one for Cypher 25: `v`
valid, `x` refused by `@neo4j-cypher/language-support` 2.0.0-next.38. Where the checker says
something else, `DIFFERENT` says why.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from heimdall_core.types import CheckRequest
from heimdall_lang_cypher.checker import check

VERDICTS = Path(__file__).with_name("neo4j_verdicts.txt")

#: Queries that are judged otherwise, by why.
DIFFERENT = {
    "it has no table of procedures and functions": (
        "CALL db.labels() YIELD foo RETURN foo",
        "CALL db.labels(1) YIELD label RETURN label",
        "MATCH (n) CALL db.labels() RETURN n",
        "CALL db.foo()",
        "CALL db.indexes()",
        "CALL db.create.setVectorProperty($n, 'e', [1.0]) YIELD node RETURN node",
        "CALL db.index.fulltext.queryNodes('i') YIELD node RETURN node",
        "RETURN duration.inSeconds(date())",
        "MATCH p=()-->() RETURN rels(p)",
        "RETURN distance(point({x:1,y:2}), point({x:1,y:2}))",
        "MATCH (a) WHERE CONTAINS(a.x, 'x') RETURN a",
        "MATCH (n)-[r]->(m) RETURN reverse(n.x), reverse(n)",
    ),
    "openCypher forbids arguments that are left out in a query": (
        "CALL db.labels YIELD label RETURN label",
        "MATCH (a) CALL a.foo RETURN a",
    ),
    "the planner refuses it later": (
        "MATCH (n) CREATE (n:A)-[:R]->(:B)",
        "CREATE ANY SHORTEST (a)-[:R]->(b)",
        "MATCH (n) REMOVE n",
        "MATCH (n) REMOVE n.x.y",
        "MATCH (a) ORDER BY count(a) RETURN a",
        "MATCH (n) RETURN CASE (n)-->() WHEN true THEN 1 END",
        "RETURN 'a\\uZZZZ'",
    ),
    "it takes the first word for a statement that it does not know, and says nothing": (
        "UNION RETURN 1 AS a",
        "MANDATORY MATCH (n) RETURN n",
    ),
    "openCypher finds the fault when the query runs; here it is a warning at most": (
        "MATCH (a) RETURN percentileDisc(a.x, 1.5)",
        "RETURN range('a', 2)",
        "RETURN range(1, 2.5)",
        "MATCH (n), (m) SET n = m RETURN n",
        "MATCH (n), (m) SET n += m RETURN n",
    ),
    "whether it may stand depends on the database, a composite one": (
        "USE graph.byName('x') MATCH (n) RETURN n",
        "USE x CALL { USE y RETURN 1 AS a } RETURN a",
    ),
    "administration is read leniently": (
        "CREATE DATABASE foo SET DEFAULT LANGUAGE CYPHER 25",
        "CREATE USER jake",
        "ALTER USER jake IF EXISTS SET STATUS SUSPENDED REMOVE HOME DATABASE",
        "GRANT LOAD ON URL 'x' TO r",
        "GRANT FOO ON GRAPH * TO r",
        "GRANT READ ON GRAPH * TO r",
    ),
    "Cypher 25's own, read under Cypher 5 too": (
        "RETURN ALL 1 AS a",
        "RETURN CASE 1 WHEN IN [1] THEN 2 END",
        "CREATE VECTOR INDEX i FOR (n:A|B) ON (n.e)",
        "CREATE VECTOR INDEX i FOR (n:A|B) ON n.e WITH [n.x]",
    ),
    "a path variable inside of parentheses is refused everywhere else": (
        "MATCH SHORTEST 1 (p = (a)-[:R]->+(b)) RETURN p",
    ),
}


def verdicts() -> list[tuple[str, str]]:
    lines = VERDICTS.read_text(encoding="utf-8").splitlines()
    return [(line[3:], line[:2]) for line in lines]


@pytest.mark.parametrize(("place", "dialect"), [(0, "neo4j5"), (1, "neo4j")])
def test_agrees_with_neo4j_or_says_why(place: int, dialect: str) -> None:
    explained = {query for queries in DIFFERENT.values() for query in queries}
    request = CheckRequest(dialect=dialect, performance=False)
    unexplained = []
    for query, verdict in verdicts():
        refused = any(each.severity == "error" for each in check(query, request))
        if refused != (verdict[place] == "x") and query not in explained:
            unexplained.append((verdict[place], query))
    assert unexplained == []


def test_every_difference_is_there() -> None:
    known = dict(verdicts())
    for queries in DIFFERENT.values():
        for query in queries:
            found = [
                any(
                    each.severity == "error"
                    for each in check(query, CheckRequest(dialect=dialect, performance=False))
                )
                for dialect in ("neo4j5", "neo4j")
            ]
            assert found != [letter == "x" for letter in known[query]], query


def test_the_table_is_worth_its_name() -> None:
    letters = [verdict for _, verdict in verdicts()]
    assert len(letters) > 2000
    assert min(letters.count("vv"), letters.count("xx")) > 500

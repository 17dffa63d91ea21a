"""Descriptions hold everything that a query says."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from heimdall_core.errors import HeimdallError
from heimdall_lang_cypher.describe import describe
from heimdall_lang_cypher.normalise import normalise

SHARED = Path(os.environ.get("HEIMDALL_SHARED", Path(__file__).parents[3].parent / "shared"))
PAIRS = SHARED / "data" / "text2cypher" / "pairs.jsonl"


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (
            "MATCH (p:Person) WHERE p.age > 30 RETURN p.name AS who ORDER BY p.age DESC SKIP 2 LIMIT 3",  # noqa: E501
            "Find a Person node p, where the age of p is greater than 30; return the name of p as who,"  # noqa: E501
            " sorted by the age of p in descending order, leaving out the first 2 rows, at most 3 rows.",  # noqa: E501
        ),
        (
            "MATCH (a:Actor {name: $n})<-[r:KNOWS*1..3]-(b)-[:IN|OF]-(:City) RETURN DISTINCT b",
            "Find an Actor node a whose name is $n, which has a chain of 1 to 3 incoming KNOWS "
            "relationships r from a node b, which in turn has a IN or OF relationship in either "
            "direction with a City node; return distinct b.",
        ),
        (
            "MATCH (p:Person) WITH p, count(*) AS c WHERE c > 1 RETURN collect(DISTINCT p.x)",
            "Find a Person node p; go on with p and the number of rows as c, only where c is greater "  # noqa: E501
            "than 1; return the list of distinct the x of p.",
        ),
        (
            "MERGE (n:A {id: 1}) ON CREATE SET n.x = 1, n:B ON MATCH SET n += {y: 2} REMOVE n.z",
            "Make sure that there is, creating it if not (MERGE), an A node n whose id is 1; when it is"  # noqa: E501
            " created, set the x of n to 1 and give n the label B; when it is found, add to the "
            "properties of n those of `{y: 2}`; remove the z of n.",
        ),
        (
            "MATCH (n) WHERE NOT EXISTS { MATCH (n)-[:R]->(m:B) WHERE m.x = 1 } DETACH DELETE n",
            "Find a node n, where it is not true that there is (n, which has an outgoing R relationship"  # noqa: E501
            " to a B node m, where the x of m is 1); delete n with all relationships.",
        ),
        (
            "CREATE INDEX p_age IF NOT EXISTS FOR (p:Person) ON (p.age, p.name)",
            "Create a index named p_age on age and name of Person nodes, unless there is one.",
        ),
        (
            "CALL db.labels() YIELD label AS l WHERE l STARTS WITH 'A' RETURN l UNION ALL RETURN 1 AS l",  # noqa: E501
            "Call `db.labels()` and take its label as l, where l starts with 'A'; return l; and add, "  # noqa: E501
            "keeping duplicates, the rows of this: return 1 as l.",
        ),
    ],
)
def test_in_english(query: str, text: str) -> None:
    assert describe(query) == text


DIFFERENT = (
    "MATCH (a)-[:R]->(b) RETURN a",
    "MATCH (a)<-[:R]-(b) RETURN a",
    "MATCH (a)-[:R]-(b) RETURN a",
    "MATCH (a)-[:R*]->(b) RETURN a",
    "MATCH (a)-[:R*2]->(b) RETURN a",
    "MATCH (a)-[:R*..2]->(b) RETURN a",
    "OPTIONAL MATCH (a)-[:R]->(b) RETURN a",
    "MATCH (a)-[:R]->(b) RETURN DISTINCT a",
    "MATCH (a)-[:R]->(b) RETURN a ORDER BY a.x",
    "MATCH (a)-[:R]->(b) RETURN a ORDER BY a.x DESC",
    "MATCH (a)-[:R]->(b) WHERE a.x = 1 OR a.y = 2 AND a.z = 3 RETURN a",
    "MATCH (a)-[:R]->(b) WHERE (a.x = 1 OR a.y = 2) AND a.z = 3 RETURN a",
    "MATCH (a)-[:R]->(b) WHERE NOT (a.x = 1 AND a.y = 2) RETURN a",
    "MATCH (a)-[:R]->(b) WHERE NOT a.x = 1 AND a.y = 2 RETURN a",
    "MATCH (a)-[:R]->(b) RETURN count(b)",
    "MATCH (a)-[:R]->(b) RETURN count(DISTINCT b)",
    "MATCH p = shortestPath((a)-[:R*]->(b)) RETURN p",
    "MATCH p = allShortestPaths((a)-[:R*]->(b)) RETURN p",
    "RETURN 1 UNION RETURN 2",
    "RETURN 1 UNION ALL RETURN 2",
    "EXPLAIN RETURN 1",
    "PROFILE RETURN 1",
)


def test_queries_that_differ_are_described_differently() -> None:
    assert len({describe(query) for query in DIFFERENT}) == len(DIFFERENT)


@pytest.mark.skipif(not PAIRS.is_file(), reason="../shared/data is not there")
def test_no_description_of_real_queries_has_two_meanings() -> None:
    meanings: dict[str, str] = {}
    with PAIRS.open(encoding="utf-8") as file:
        queries = {json.loads(line)["cypher"] for line in file}
    described = 0
    for query in sorted(queries)[::4]:
        try:
            canonical = normalise(query).canonical
        except HeimdallError:
            continue
        described += 1
        assert meanings.setdefault(describe(query), canonical) == canonical
    assert described > 1000

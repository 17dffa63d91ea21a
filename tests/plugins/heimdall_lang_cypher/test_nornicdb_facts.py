"""Every construct that NornicDB answers wrong or refuses is flagged, and what works is not.

One query for each item of what was found by running the database: `WRONG` parses there and gives a
wrong answer, does nothing or fails; `RIGHT` gives the right answer.
"""

from __future__ import annotations

import pytest

from heimdall_core.types import CheckRequest, Finding
from heimdall_lang_cypher.checker import check

WRONG = {
    "union": "MATCH (a:A) RETURN a.x AS x UNION MATCH (b:B) RETURN b.x AS x",
    "union all": "RETURN 1 AS x UNION ALL RETURN 2 AS x",
    "pattern predicate": "MATCH (a) WHERE (a)-[:R]->() RETURN a.x",
    "not pattern": "MATCH (a) WHERE NOT (a)--() RETURN a.x",
    "exists()": "MATCH (a) WHERE exists((a)-->()) RETURN a.x",
    "size pattern": "MATCH (a) WHERE size((a)-->()) > 1 RETURN a.x",
    "exists without match": "MATCH (a) WHERE EXISTS { (a)-[:R]->() } RETURN a.x",
    "count{}": "MATCH (a) WHERE COUNT { (a)-[:R]->() } > 1 RETURN a.x",
    "count{} value": "MATCH (a) RETURN COUNT { MATCH (a)-[:R]->() } AS c",
    "map projection": "MATCH (a) RETURN a {.x} AS m",
    "pattern comprehension": "MATCH (a) RETURN [(a)-->(b) | b.x] AS l",
    "list comp both": "RETURN [x IN [1,2] WHERE x > 1 | x * 2] AS l",
    "correlated call": (
        "MATCH (p:P) CALL { WITH p MATCH (p)-->(f) RETURN count(f) AS c } RETURN p.x, c"
    ),
    "call(p)": "MATCH (p:P) CALL (p) { MATCH (p)-->(f) RETURN count(f) AS c } RETURN p.x, c",
    "with collect where": "MATCH (p:P) WITH p.x AS x, collect(p.y) AS l WHERE size(l) > 1 RETURN x",
    "unwind with where": "UNWIND [1,2,3] AS x WITH x WHERE x > 1 RETURN x",
    "with order limit collect": "MATCH (n:P) WITH n ORDER BY n.x LIMIT 3 RETURN collect(n.p) AS l",
    "optional count": "MATCH (a:A) OPTIONAL MATCH (a)-->(b) RETURN a.x, count(b) AS c",
    "optional coalesce": "MATCH (a:A) OPTIONAL MATCH (a)-->(b) RETURN a.x, coalesce(b.x, 0) AS c",
    "optional order": "MATCH (a:A) OPTIONAL MATCH (a)-->(b) RETURN a.x, b.x ORDER BY a.x",
    "with avg match": "MATCH (n:P) WITH avg(n.x) AS a MATCH (m:P) WHERE m.x > a RETURN m.x",
    "set r.p return": "MATCH (a)-[r:R]->(b) SET r.p = 1 RETURN r.p",
    "int division": "RETURN 7 / 2 AS x",
    "two function +": "RETURN toUpper('a') + toLower('B') AS x",
    "aggregation after yield": "CALL db.labels() YIELD label RETURN count(label) AS c",
    "yield match": (
        "CALL db.index.vector.queryNodes('i', 5, [0.1]) YIELD node MATCH (node)-->(m) RETURN m.x"
    ),
    "count after create": "CREATE (n:P {x: 1}) RETURN count(n) AS c",
    "count after set": "MATCH (n:P) SET n.x = 1 RETURN count(n) AS c",
    "xor": "MATCH (n) WHERE n.x = 1 XOR n.y = 2 RETURN n.x",
    "chained": "MATCH (n) WHERE 25 <= n.x <= 30 RETURN n.x",
    "max-min": "MATCH (n) RETURN max(n.x) - min(n.x) AS d",
    "stdev": "MATCH (n) RETURN stDev(n.x) AS d",
    "percentile": "MATCH (n) RETURN percentileCont(n.x, 0.5) AS d",
    "set label remove": "MATCH (n) SET n:L REMOVE n.p",
    "function in rel map": "MATCH (a:A), (b:B) CREATE (a)-[:R {at: timestamp()}]->(b)",
    "label expr": "MATCH (n:A|B) RETURN n.x",
    "inline where": "MATCH (n:A WHERE n.x > 1) RETURN n.x",
    "qpp": "MATCH (a)-[:R]->{1,3}(b) RETURN b.x",
    "date().year": "RETURN date().year AS y",
    "2^3": "RETURN 2^3 AS x",
    "{a:1}.a": "RETURN {a: 1}.a AS x",
    "unknown function": "RETURN nosuch(1) AS x",
    "vector sim": "MATCH (d:D) RETURN vector.similarity.cosine(d.p, [0.1]) AS s",
    "merge return": "MERGE (p:P {name: 'x'}) RETURN p.name",
    "multi statement": "MATCH (n) RETURN n.x; MATCH (m) RETURN m.x",
    "create range index": "CREATE RANGE INDEX i FOR (n:A) ON (n.x)",
    "create text": "CREATE TEXT INDEX i FOR (n:A) ON (n.x)",
    "create point": "CREATE POINT INDEX i FOR (n:A) ON (n.x)",
    "create lookup": "CREATE LOOKUP INDEX i FOR (n) ON EACH labels(n)",
    "drop index": "DROP INDEX i",
    "drop constraint": "DROP CONSTRAINT c",
    "not null": "CREATE CONSTRAINT c FOR (n:A) REQUIRE n.x IS NOT NULL",
    "node key": "CREATE CONSTRAINT c FOR (n:A) REQUIRE (n.x, n.y) IS NODE KEY",
    "composite unique": "CREATE CONSTRAINT c FOR (n:A) REQUIRE (n.x, n.y) IS UNIQUE",
    "rel constraint": "CREATE CONSTRAINT c FOR ()-[r:R]-() REQUIRE r.x IS UNIQUE",
    "type constraint": "CREATE CONSTRAINT c FOR (n:A) REQUIRE n.x IS :: STRING",
    "rel index": "CREATE INDEX i FOR ()-[r:R]-() ON (r.x)",
    "old index": "CREATE INDEX ON :L(p)",
    "show indexes": "SHOW INDEXES",
    "show constraints": "SHOW CONSTRAINTS",
    "show users": "SHOW USERS",
    "show transactions": "SHOW TRANSACTIONS",
    "show fulltext": "SHOW FULLTEXT INDEXES",
    "use": "USE db MATCH (n) RETURN n.x",
    "load csv": "LOAD CSV FROM 'x' AS row RETURN row",
    "nodeTypeProperties": "CALL db.schema.nodeTypeProperties()",
    "foreach": "FOREACH (x IN [1] | CREATE (n:A))",
    "collect{}": "MATCH (a) RETURN COLLECT { MATCH (a)-->(b) RETURN b.x } AS l",
    "reduce": "RETURN reduce(s = 0, x IN [1] | s + x) AS s",
    "fulltext two labels": "CREATE FULLTEXT INDEX i FOR (n:A|B) ON EACH [n.x]",
}

#: Right, or refused by one of the two parsers only: a warning says so.
DOUBTFUL = ("foreach", "merge return", "reduce")

RIGHT = [
    "MATCH (n:Person {name: 'A'}) RETURN n",
    "MATCH (n:Person) WHERE n.age = 1 RETURN n.name",
    "MATCH (n:Person) WHERE n.age <> 1 AND n.age < 2 OR NOT (n.age > 3) RETURN n.name",
    "MATCH (n:Person) WHERE n.age IN [1, 2] RETURN n.name",
    "MATCH (n:Person) WHERE n.name STARTS WITH 'A' RETURN n.name",
    "MATCH (n:Person) WHERE n.name ENDS WITH 'A' OR n.name CONTAINS 'b' RETURN n.name",
    "MATCH (n:Person) WHERE n.name =~ 'A.*' RETURN n.name",
    "MATCH (n:Person) WHERE n.name IS NULL RETURN count(n) AS c",
    "MATCH (a)-[r:R]->(b) WHERE r.since > 2000 RETURN a.name, b.name",
    "MATCH (a)-[:A|B]->(b) RETURN b.name",
    "MATCH (a:A)-[:R]-(b) RETURN b.name",
    "MATCH (a:A)<-[:R]-(b) RETURN b.name",
    "MATCH (a:A)-[:R*1..3]->(b) RETURN b.name",
    "MATCH (a:A)-[:R]->(b)-[:S]->(c) RETURN c.name",
    "MATCH (a:A), (b:B) RETURN a.x, b.x",
    "MATCH p = shortestPath((a:A {x: 1})-[:R*]-(b:A {x: 2})) RETURN length(p)",
    "MATCH p = allShortestPaths((a:A {x: 1})-[:R*]-(b:A {x: 2})) RETURN length(p)",
    "MATCH (n:A) RETURN DISTINCT n.x AS x ORDER BY x SKIP 1 LIMIT 2",
    (
        "MATCH (n:A) RETURN count(n), count(DISTINCT n.x), sum(n.x), avg(n.x), min(n.x), "
        "max(n.x), collect(DISTINCT n.x)"
    ),
    "MATCH (n:A) RETURN n.city, count(n) AS c",
    "MATCH (a:A)-[:R]->(b) WITH a, count(b) AS c WHERE c > 2 RETURN a.x, c",
    "MATCH (n:A) WITH n ORDER BY n.x LIMIT 3 RETURN n.p",
    "MATCH (n:A) RETURN n.x + 1 AS a, n.x * 2 AS b, n.first + ' ' + n.last AS c",
    "MATCH (n:A) RETURN toUpper(n.name) AS u, size(n.name) AS s",
    "MATCH (n:A) RETURN CASE WHEN n.x > 1 THEN 'a' ELSE 'b' END AS c",
    "MATCH (n:A) RETURN CASE n.x WHEN 1 THEN 'a' ELSE 'b' END AS c",
    "MATCH (n:A) WHERE EXISTS { MATCH (n)-[:R]->(:B) } RETURN n.x",
    "MATCH (n:A) WHERE NOT EXISTS { MATCH (n)-[:R]->(:B) } RETURN n.x",
    "UNWIND [1, 2, 3] AS x RETURN x",
    "UNWIND [1, 2, 3] AS x RETURN sum(x) AS s",
    "CREATE (n:A {x: 1})",
    "CREATE (a:A {x: 1})-[:R {y: 2}]->(b:B)",
    "MATCH (a:A {x: 1}), (b:B {x: 2}) CREATE (a)-[:R {y: 'z'}]->(b)",
    "MATCH (a:A {x: 1}), (b:B {x: 2}) MERGE (a)-[:R]->(b)",
    "MERGE (n:A {x: 1}) ON CREATE SET n.y = 1 ON MATCH SET n.z = 2",
    "MATCH (n:A {x: 1}) SET n.y = 2",
    "MATCH (n:A {x: 1}) SET n += {y: 2}",
    "MATCH (n:A {x: 1}) REMOVE n.y",
    "MATCH (n:A {x: 1}) DELETE n",
    "MATCH (n:A {x: 1}) DETACH DELETE n",
    "CALL { MATCH (n:A) RETURN n.x AS x } RETURN x",
    "WITH [1, 2] AS l UNWIND l AS x RETURN sum(x) AS s",
    "RETURN [x IN [1, 2] WHERE x > 1] AS l",
    "RETURN [x IN [1, 2] | x * 2] AS l",
    "MATCH (n:A) WHERE any(x IN n.tags WHERE x = 'a') RETURN n.x",
    "MATCH (n:A) WHERE all(x IN n.tags WHERE x = 'a') RETURN n.x",
    "CALL db.labels()",
    "CALL db.labels() YIELD label RETURN label ORDER BY label LIMIT 3",
    "CALL db.relationshipTypes()",
    "CALL db.propertyKeys()",
    (
        "CALL db.index.vector.queryNodes('i', 5, [0.1, 0.2]) YIELD node, score RETURN node.x, "
        "score ORDER BY score DESC LIMIT 3"
    ),
    (
        "CALL db.index.vector.queryNodes('i', 5, 'some text') YIELD node, score WHERE score > "
        "0.5 RETURN node.x, score"
    ),
    "CALL db.index.fulltext.queryNodes('i', 'words') YIELD node, score RETURN node.x, score",
    "EXPLAIN MATCH (n:A) RETURN n.x",
    "PROFILE MATCH (n:A) RETURN n.x",
    "CREATE INDEX FOR (n:L) ON (n.a)",
    "CREATE INDEX i IF NOT EXISTS FOR (n:L) ON (n.a, n.b)",
    "CREATE FULLTEXT INDEX i IF NOT EXISTS FOR (n:L) ON EACH [n.a, n.b]",
    (
        "CREATE VECTOR INDEX i IF NOT EXISTS FOR (n:L) ON (n.p) OPTIONS {indexConfig: "
        "{`vector.dimensions`: 3, `vector.similarity_function`: 'cosine'}}"
    ),
    "CREATE CONSTRAINT c IF NOT EXISTS FOR (n:L) REQUIRE n.p IS UNIQUE",
    "CREATE CONSTRAINT FOR (n:L) REQUIRE n.p IS UNIQUE",
    "CREATE CONSTRAINT ON (n:L) ASSERT n.p IS UNIQUE",
    "CALL db.indexes()",
    "CALL db.constraints()",
    "CALL db.index.stats()",
    "SHOW PROCEDURES",
    "SHOW FUNCTIONS",
    "SHOW DATABASE",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "BEGIN TRANSACTION",
    "CALL nornicdb.version()",
    "CALL nornicdb.stats() YIELD nodes, relationships RETURN nodes, relationships",
    "CALL nornicdb.decay.info()",
    "CALL apoc.path.expand($start, 'R>', '', 1, 3) YIELD path RETURN path",
    "CREATE DATABASE foo",
    "DROP DATABASE foo",
]

#: Wrong whatever one writes instead: there is no rewrite to offer.
HOPELESS = ("drop index", "drop constraint")


def found(query: str) -> list[Finding]:
    return list(check(query, CheckRequest(dialect="nornicdb", performance=False)))


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_there_is_flagged(name: str) -> None:
    findings = found(WRONG[name])
    severity = "warning" if name in DOUBTFUL else "error"
    assert severity in [each.severity for each in findings], findings
    if name not in HOPELESS:
        assert any(each.suggestion for each in findings)


@pytest.mark.parametrize("query", RIGHT)
def test_what_works_there_is_accepted(query: str) -> None:
    assert [each for each in found(query) if each.severity == "error"] == []


@pytest.mark.parametrize("name", [name for name in WRONG if name not in DOUBTFUL])
def test_it_is_the_database_not_the_query(name: str) -> None:
    """All of it but old schema statements and a few is good Cypher elsewhere."""
    own = ("old index", "unknown function", "size pattern", "multi statement")
    if name in own:
        return
    request = CheckRequest(dialect="neo4j", performance=False)
    assert not [each for each in check(WRONG[name], request) if each.severity == "error"]

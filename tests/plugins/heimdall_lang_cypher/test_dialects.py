"""Dialect profiles: what each database minds, and what it says to write instead."""

from __future__ import annotations

import pytest

from heimdall_core.types import CheckRequest, Finding
from heimdall_lang_cypher.checker import check
from heimdall_lang_cypher.constructs import DETECTORS
from heimdall_lang_cypher.dialects import NAMES, DialectError, dialect


def minded(query: str, name: str) -> list[Finding]:
    """What the dialect itself has against a query."""
    findings = check(query, CheckRequest(dialect=name, performance=False))
    return [each for each in findings if each.kind == "dialect"]


@pytest.mark.parametrize("name", NAMES)
def test_every_profile_is_read(name: str) -> None:
    profile = dialect(name)
    assert profile.name == name
    assert "count" in profile.functions
    for constructs in profile.constructs.values():
        assert all(each.message and each.code for each in constructs)


def test_every_detector_is_used_by_a_profile() -> None:
    used = {
        construct.detector
        for name in NAMES
        for constructs in dialect(name).constructs.values()
        for construct in constructs
    }
    # Detectors that look at a class alone share one function.
    assert {detector for _, detector in DETECTORS.values()} == used


def test_an_unknown_dialect_names_the_nearest() -> None:
    with pytest.raises(DialectError, match="did you mean 'neo4j"):
        dialect("neo4j6")


def test_an_empty_name_is_the_newest_neo4j() -> None:
    assert dialect("") == dialect("neo4j")


@pytest.mark.parametrize(
    "query",
    [
        "MATCH (n) LET x = n.a RETURN x",
        "MATCH (n) FILTER n.x > 1 RETURN n",
        "RETURN 1 AS x NEXT RETURN x",
        "WHEN true THEN RETURN 1 AS x ELSE RETURN 2 AS x",
        "FOR x IN [1] RETURN x",
        "MATCH REPEATABLE ELEMENTS (a)-->{2}(b) RETURN a",
        "MATCH (n) RETURN n.x AS x, count(*) AS c GROUP BY x",
    ],
)
def test_cypher_25_alone_has_it(query: str) -> None:
    assert minded(query, "neo4j") == []
    assert [each.severity for each in minded(query, "neo4j5")] == ["error"]


def test_a_version_in_front_of_the_query_chooses_the_dialect() -> None:
    assert minded("CYPHER 25 LET x = 1 RETURN x", "neo4j5") == []
    assert minded("CYPHER 5 LET x = 1 RETURN x", "neo4j") != []


@pytest.mark.parametrize(
    ("query", "rewrite"),
    [
        ("MATCH (n) WHERE exists(n.name) RETURN n", "n.name IS NOT NULL"),
        ("CREATE INDEX ON :Person(name)", "CREATE INDEX FOR (n:Person) ON (n.name)"),
        ("MATCH (n) RETURN {p}", "$p"),
    ],
)
def test_what_was_taken_away_is_an_error_with_its_rewrite(query: str, rewrite: str) -> None:
    for name in ("neo4j", "neo4j5"):
        (finding,) = minded(query, name)
        assert (finding.severity, finding.suggestion) == ("error", rewrite)


def test_what_is_deprecated_is_a_warning() -> None:
    (finding,) = minded("MATCH (n) RETURN id(n)", "neo4j")
    assert (finding.code, finding.severity, finding.suggestion) == (
        "IdFunction",
        "warning",
        "elementId(n)",
    )


@pytest.mark.parametrize(
    "query",
    [
        "MATCH (a)-[r]->+(b) RETURN r",
        "MATCH (n:A|B) RETURN n",
        "MATCH (n WHERE n.x = 1) RETURN n",
        "MATCH (n) RETURN COUNT { (n)-->() } AS c",
        "CALL { RETURN 1 AS x } RETURN x",
        "MATCH (n) RETURN n {.x} AS m",
        "FOREACH (x IN [1] | CREATE (n))",
        "LOAD CSV FROM 'a' AS row RETURN row",
        "CREATE INDEX FOR (n:A) ON (n.x)",
        "SHOW INDEXES",
        "RETURN 'a' || 'b' AS x",
        "RETURN 1 IS :: INTEGER AS x",
    ],
)
def test_opencypher_lacks_what_neo4j_added(query: str) -> None:
    assert "error" in [each.severity for each in minded(query, "opencypher9")]
    assert "error" not in [each.severity for each in minded(query, "neo4j")]


@pytest.mark.parametrize(
    ("query", "code", "rewrite"),
    [
        ("MATCH (a) WHERE »(a)-[:R]->() RETURN a", "PatternPredicate",
         "EXISTS { MATCH (a)-[:R]->() }"),
        ("MATCH (a) WHERE »EXISTS { (a)-->(b) } RETURN a", "ExistsWithoutMatch",
         "EXISTS { MATCH (a)-->(b) }"),
        ("MATCH (a) RETURN »a {.x, .y} AS m", "MapProjectionValue", "a.x AS x, a.y AS y"),
        ("MATCH (n) WHERE »25 <= n.x <= 30 RETURN n", "ChainedComparison",
         "25 <= n.x AND n.x <= 30"),
        ("RETURN »true XOR false AS x", "Xor", "(true OR false) AND NOT (true AND false)"),
        ("RETURN »7 / 2 AS x", "IntegerDivision", "toInteger(7 / 2)"),
        ("RETURN »2 ^ 3 AS x", "Power", "2 * 2 * 2"),
        ("RETURN »toUpper('a') + toLower('B') AS x", "JoinedCalls",
         "toUpper('a') AS part1, toLower('B') AS part2"),
        ("MATCH (n) RETURN »max(n.x) - min(n.x) AS d", "AggregationArithmetic",
         "WITH max(n.x) AS a1, min(n.x) AS a2 RETURN a1 - a2"),
        ("RETURN »date().year AS y", "ComponentOfCall", "date.year(date())"),
        ("RETURN »{a: 1}.a AS x", "PropertyOfMapLiteral", "1"),
        ("MATCH (a)»-[:T]->{1,3}(b) RETURN a", "QuantifiedPath", "-[:T*1..3]->"),
        ("UNWIND [1, 2] AS x WITH x WHERE »x > 1 RETURN x", "FilterAfterUnwind",
         "UNWIND [x IN [1, 2] WHERE x > 1] AS x"),
        ("RETURN »[x IN [1] WHERE x > 0 | x * 2] AS l", "FilteringComprehension",
         "WITH [x IN [1] WHERE x > 0] AS kept RETURN [x IN kept | x * 2]"),
        ("CREATE TEXT INDEX t FOR (n:L) ON (n.p)", "SpecialIndex",
         "CREATE INDEX t FOR (n:L) ON (n.p)"),
        ("SHOW INDEXES", "EmptyShow", "CALL db.indexes()"),
        ("MATCH (a:A), (b:B) CREATE (a)-[:R {at: »timestamp()}]->(b)",
         "ComputedRelationshipProperty", "$parameter"),
    ],
)  # fmt: skip
def test_nornicdb_is_told_the_rewrite_that_works(query: str, code: str, rewrite: str) -> None:
    (finding,) = minded(query.replace("»", ""), "nornicdb")
    assert (finding.code, finding.severity, finding.suggestion) == (code, "error", rewrite)
    assert finding.column == max(query.find("»"), 0) + 1


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("RETURN 1 AS x UNION RETURN 2 AS x", "Union"),
        ("MATCH (n) RETURN COUNT { MATCH (n)-->() } AS c", "CountSubquery"),
        ("MATCH (n) RETURN COLLECT { MATCH (m) RETURN m.x } AS c", "CollectSubquery"),
        ("MATCH (n) RETURN [(n)-->(m) | m.x] AS l", "PatternComprehension"),
        ("MATCH (p) CALL { WITH p MATCH (p)-->(q) RETURN count(q) AS c } RETURN c",
         "CorrelatedCall"),
        ("MATCH (p) CALL (p) { MATCH (p)-->(q) RETURN count(q) AS c } RETURN c", "CorrelatedCall"),
        ("MATCH (n) WITH n, collect(n.x) AS l WHERE size(l) > 1 RETURN n", "FilterOnCollected"),
        ("MATCH (n) WITH n ORDER BY n.x LIMIT 3 RETURN collect(n.p) AS l",
         "AggregationAfterLimit"),
        ("MATCH (a) OPTIONAL MATCH (a)-->(b) RETURN a, count(b) AS c",
         "OptionalMatchComputation"),
        ("MATCH (n) WITH avg(n.x) AS a MATCH (m) WHERE m.x > a RETURN m",
         "MatchAfterAggregation"),
        ("MATCH ()-[r:R]->() SET r.p = 1 RETURN r.p AS p", "RelationshipPropertyReturned"),
        ("CREATE (n:A) RETURN count(n) AS c", "CountAfterWrite"),
        ("MATCH (n) SET n:A REMOVE n.p", "LabelSetBeforeRemove"),
        ("CALL db.labels() YIELD label RETURN count(label) AS c", "AggregationAfterYield"),
        ("CALL db.index.fulltext.queryNodes('i', 'x') YIELD node MATCH (node)-->(m) RETURN m",
         "MatchAfterYield"),
        ("MATCH (n) RETURN stDev(n.x) AS s", "StatisticsAggregation"),
        ("MATCH (d) RETURN vector.similarity.cosine(d.v, [1.0]) AS s", "SimilarityInProjection"),
        ("MATCH (n:A|B) RETURN n", "NodeLabelExpression"),
        ("MATCH (n WHERE n.x = 1) RETURN n", "InlineWhere"),
        ("DROP INDEX i", "DropIndex"),
        ("DROP CONSTRAINT c", "DropConstraint"),
        ("CREATE CONSTRAINT c FOR (n:A) REQUIRE n.x IS NOT NULL", "UnsupportedConstraint"),
        ("CREATE INDEX i FOR ()-[r:R]-() ON (r.x)", "RelationshipIndex"),
        ("CREATE FULLTEXT INDEX i FOR (n:A|B) ON EACH [n.x]", "SeveralFulltextLabels"),
        ("SHOW USERS", "UnsupportedShow"),
        ("LOAD CSV FROM 'a' AS row RETURN row", "LoadCsv"),
        ("USE other MATCH (n) RETURN n", "UseClause"),
        ("MATCH (n) RETURN n; MATCH (m) RETURN m", "SeveralStatements"),
    ],
)  # fmt: skip
def test_nornicdb_is_told_what_it_answers_wrong(query: str, code: str) -> None:
    findings = [each for each in minded(query, "nornicdb") if each.severity == "error"]
    assert [each.code for each in findings] == [code]


@pytest.mark.parametrize(
    "query",
    [
        "MATCH (p:Person {name: 'A'})-[r:KNOWS|LIKES*1..3]->(q) WHERE r IS NOT NULL RETURN p, q",
        "MATCH p = shortestPath((a:A)-[*]-(b:B)) RETURN length(p) AS hops",
        "MATCH (a)-->(b) WITH a, count(b) AS c WHERE c > 2 RETURN a.name AS name, c",
        "MATCH (n) WITH n ORDER BY n.x LIMIT 3 RETURN n.p AS p",
        "MATCH (n) WHERE NOT EXISTS { MATCH (n)-->() } RETURN n",
        "UNWIND [1, 2] AS x RETURN sum(x) AS s",
        "MATCH (a:A), (b:B) CREATE (a)-[:R {since: 2020}]->(b)",
        "MERGE (n:A {id: 1}) ON CREATE SET n.x = 1 ON MATCH SET n.y = 2",
        "RETURN [x IN [1, 2] WHERE x > 1] AS l, CASE WHEN true THEN 1 ELSE 2 END AS c",
        "CALL db.labels() YIELD label RETURN label ORDER BY label LIMIT 3",
        "CREATE CONSTRAINT c FOR (n:A) REQUIRE n.x IS UNIQUE",
        "CREATE INDEX i IF NOT EXISTS FOR (n:A) ON (n.x, n.y)",
        "RETURN apoc.coll.max([1, 2]) AS m",
    ],
)
def test_nornicdb_has_nothing_against_what_works(query: str) -> None:
    assert check(query, CheckRequest(dialect="nornicdb", performance=False)) == ()


@pytest.mark.parametrize(
    ("call", "code", "severity"),
    [
        ("apoc.coll.max([1])", None, None),
        ("apoc.text.trim(' a')", "ExtensionFunction", "info"),
        ("apoc.coll.split([1], 2)", "ExtensionFunction", "warning"),
        ("apoc.coll.shuffle([1])", "ExtensionFunction", "warning"),
        ("apoc.coll.nothing([1])", "UnknownFunction", "error"),
    ],
)
def test_nornicdb_knows_how_far_apoc_works(
    call: str, code: str | None, severity: str | None
) -> None:
    findings = check(f"RETURN {call} AS x", CheckRequest(dialect="nornicdb", performance=False))
    assert [(each.code, each.severity) for each in findings] == ([(code, severity)] if code else [])


def test_nornicdb_knows_all_of_its_apoc_functions() -> None:
    assert len(dialect("nornicdb").extension_functions) == 983


def test_nornicdb_has_procedures_of_its_own() -> None:
    query = "CALL nornicdb.stats() YIELD nodes RETURN nodes"
    assert check(query, CheckRequest(dialect="nornicdb", performance=False)) == ()
    (finding,) = check("CALL apoc.path.subgraph()", CheckRequest(dialect="nornicdb"))[:1]
    assert (finding.code, finding.suggestion) == ("ProcedureNotFound", "apoc.path.subgraphNodes")

"""Clauses: their order, what they write, patterns, subqueries, procedures."""

from __future__ import annotations

import pytest

from heimdall_core.types import CheckRequest, Finding
from heimdall_lang_cypher.checker import check


def run(query: str, dialect: str = "neo4j", **options: object) -> list[Finding]:
    """The findings of a query, without performance."""
    request = CheckRequest(dialect=dialect, performance=False, **options)  # type: ignore[arg-type]
    return list(check(query, request))


def errors(query: str, dialect: str = "neo4j", **options: object) -> list[str]:
    """The codes of the errors of a query."""
    return [each.code for each in run(query, dialect, **options) if each.severity == "error"]


@pytest.mark.parametrize(
    "query",
    [
        "MATCH (n)",
        "UNWIND [1] AS x",
        "WITH 1 AS x",
        "MATCH (n) RETURN n MATCH (m) RETURN m",
        "MATCH (n) RETURN n FINISH",
        "MATCH (n) CALL db.labels() YIELD label",
        "MATCH (n) CALL { MATCH (m) RETURN m }",
        "MATCH (n) CALL { MATCH (m) } RETURN n",
        "MATCH (n) LIMIT 2",
        "FOREACH (x IN [1] | MATCH (n) RETURN n)",
        "MATCH (n) WHERE EXISTS { MATCH (n) SET n.x = 1 } RETURN n",
        "MATCH (n) WHERE EXISTS { CALL { CREATE (m) } RETURN n } RETURN n",
        "MATCH (n) RETURN COLLECT { MATCH (m) } AS c",
        "MATCH (n) RETURN COLLECT { MATCH (m) RETURN m.a AS a, m.b AS b } AS c",
        "MATCH (n) CALL { WITH n LIMIT 1 MATCH (n)-->(m) RETURN m } RETURN m",
        "MATCH (n) CALL { WITH DISTINCT n MATCH (n)-->(m) RETURN m } RETURN m",
        "MATCH (n) USE other RETURN n",
        "CREATE (x) WITH x MATCH (n) CALL (n) { DELETE n } IN TRANSACTIONS",
        "CALL { CALL { CREATE (n) } IN TRANSACTIONS }",
        "CALL { CREATE (n) } IN TRANSACTIONS UNION CALL { CREATE (m) } IN TRANSACTIONS",
        "MATCH (n) CALL (n) { DELETE n } IN TRANSACTIONS REPORT STATUS AS s RETURN s",
        "WHEN true THEN RETURN 1 AS x ELSE FINISH",
    ],
)
def test_reports_clauses_that_do_not_go_together(query: str) -> None:
    assert "InvalidClauseComposition" in errors(query)


def test_a_read_after_a_write_needs_with_before_cypher_25() -> None:
    query = "CREATE (n) MATCH (m) RETURN m"
    assert errors(query) == []
    assert errors(query, "neo4j5") == ["InvalidClauseComposition"]
    assert errors("CREATE (n) WITH n MATCH (m) RETURN m", "neo4j5") == []


@pytest.mark.parametrize(
    "query",
    [
        "CREATE (n)",
        "MATCH (n) FINISH",
        "MATCH (n) SET n.x = 1",
        "CALL db.labels()",
        "CALL db.labels() YIELD label",
        "MATCH (n) CALL (n) { SET n.x = 1 }",
        "MATCH (n) CALL (n) { DELETE n } IN TRANSACTIONS OF 10 ROWS",
        "MATCH (n) RETURN n ORDER BY n.x SKIP 1 LIMIT 2",
        "OPTIONAL MATCH (n) MATCH (m) RETURN n, m",
    ],
)
def test_accepts_queries_that_end_well(query: str) -> None:
    assert errors(query) == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("CREATE (a)-[:R]-(b)", "RequiresDirectedRelationship"),
        ("CREATE (a)<-[:R]->(b)", "RequiresDirectedRelationship"),
        ("CREATE (a)-->(b)", "NoSingleRelationshipType"),
        ("CREATE (a)-[:A|B]->(b)", "NoSingleRelationshipType"),
        ("CREATE (a)-[:A*2]->(b)", "CreatingVarLength"),
        ("MERGE (a)-->(b)", "NoSingleRelationshipType"),
        ("MERGE (a)-[:A*2]->(b)", "CreatingVarLength"),
        ("MERGE (a $p)", "InvalidParameterUse"),
        ("MATCH (a $p) RETURN a", "InvalidParameterUse"),
        ("CREATE (a:A|B)", "UnexpectedSyntax"),
        ("CREATE (a WHERE a.x = 1)", "UnexpectedSyntax"),
        ("CREATE shortestPath((a)-[:R]->(b))", "UnexpectedSyntax"),
        ("INSERT (n:A:B)", "UnexpectedSyntax"),
        ("MATCH (n) DELETE n:Person", "InvalidDelete"),
        ("MATCH (a)-->(b) (c)-->(d) RETURN a", "UnexpectedSyntax"),
        ("MATCH p = shortestPath((a)-->(b)-->(c)) RETURN p", "UnexpectedSyntax"),
        ("MATCH p = shortestPath((a)-[*2..]-(b)) RETURN p", "UnexpectedSyntax"),
        ("MATCH ((a)-[*]->(b))+ RETURN a", "UnexpectedSyntax"),
        ("MATCH ((a) ((x)-->(y))+ (b))+ RETURN a", "UnexpectedSyntax"),
        ("MATCH (a)-[r]->{3,2}(b) RETURN r", "UnexpectedSyntax"),
        ("MATCH (a)-[r]->{0}(b) RETURN r", "UnexpectedSyntax"),
        ("MATCH p = SHORTEST 1 (a)-->+(b), (c) RETURN p", "UnexpectedSyntax"),
        ("MATCH (n:A:B|C) RETURN n", "UnexpectedSyntax"),
        ("MATCH ()-[r:A|:B]->() RETURN r", "UnexpectedSyntax"),
        ("MATCH (n:A) USING INDEX n:B(x) WHERE n.x = 1 RETURN n", "InvalidHint"),
        ("MATCH (n:A) USING INDEX n:A(x) RETURN n", "InvalidHint"),
        ("SHOW INDEXES YIELD nam", "UnknownYieldColumn"),
    ],
)
def test_reports_patterns_that_cannot_be(query: str, code: str) -> None:
    assert code in errors(query)


@pytest.mark.parametrize(
    "query",
    [
        "MERGE (a)-[:R]-(b)",
        "CREATE (a $p)",
        "CREATE (a:A&B {x: 1})-[:R {since: 2020}]->(b)",
        "MATCH ()-[:A|:B]->() RETURN 1 AS x",
        "MATCH (n:A) USING INDEX n:A(x) WHERE n.x = 1 RETURN n",
        "MATCH ((a)-[r]->(b) WHERE a.x < b.x){1,3} RETURN [x IN a | x.y], r",
        "MATCH p = SHORTEST 1 (a)-[:R]->+(b) RETURN length(p)",
        "MATCH (a), (b) RETURN shortestPath((a)-[*]-(b))",
    ],
)
def test_accepts_patterns_that_can_be(query: str) -> None:
    assert errors(query) == []


@pytest.mark.parametrize(
    "query",
    [
        "MATCH (n) RETURN size(»(n)-->())",
        "MATCH (n) WITH n, »(n)-->() AS b RETURN b",
        "MATCH (n) RETURN count(»(n)-->())",
        "MATCH (n) SET n.x = »(n)-->()",
        "MATCH (n) RETURN [x IN »(n)-->() | x]",
        "MATCH (n) RETURN »(n)-->() = true",
        "MATCH (n) RETURN n ORDER BY »(n)-->()",
        "MATCH (n) RETURN coalesce(»(n)-->(), false)",
    ],
)
def test_reports_a_pattern_that_is_used_as_a_value(query: str) -> None:
    findings = run(query.replace("»", ""))
    assert [(each.code, each.column) for each in findings if each.severity == "error"] == [
        ("UnexpectedSyntax", query.index("»") + 1)
    ]


@pytest.mark.parametrize(
    "query",
    [
        "MATCH (n) WHERE (n)-->() AND NOT (n)<--(:A) RETURN n",
        "MATCH (n) RETURN exists((n)-->()), NOT (n)-->(), CASE WHEN (n)-->() THEN 1 END",
        "MATCH (n) RETURN any(x IN [1] WHERE (n)-->()), [x IN [1] WHERE (n)-->()]",
        "MATCH (n) WITH n WHERE (n)-->() RETURN n",
    ],
)
def test_accepts_a_pattern_that_is_tested(query: str) -> None:
    assert errors(query) == []


def test_rewrites_a_counted_pattern() -> None:
    (finding,) = run("MATCH (n) WHERE size((n)-[:R]->(:B)) > 2 RETURN n")
    assert finding.suggestion == "COUNT { (n)-[:R]->(:B) }"


def test_a_relationship_that_stands_twice_is_an_error_in_opencypher_alone() -> None:
    query = "MATCH (a)-[r]->()-[r]->(a) RETURN r"
    assert errors(query, "opencypher9") == ["RelationshipUniquenessViolation"]
    assert [(each.code, each.severity) for each in run(query)] == [
        ("RelationshipUniquenessViolation", "warning")
    ]


PROCEDURES = {
    "procedures": [
        "test.my.proc(name :: STRING?, id :: INTEGER?) :: (city :: STRING?, code :: INTEGER?)",
        "test.float(in :: FLOAT?) :: (out :: STRING?)",
        "test.nothing() :: VOID",
    ]
}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("CALL test.other()", "ProcedureNotFound"),
        ("CALL db.label() YIELD label RETURN label", "ProcedureNotFound"),
        ("CALL test.my.proc('a')", "InvalidNumberOfArguments"),
        ("CALL test.my.proc('a', 'b')", "InvalidArgumentType"),
        ("CALL test.my.proc('a', count(*))", "InvalidAggregation"),
        ("CALL test.my.proc('a', 1) YIELD town RETURN town", "UnknownYieldColumn"),
        ("CALL test.my.proc('a', 1) YIELD * RETURN city", "UnexpectedSyntax"),
        ("CALL test.my.proc('a', 1) RETURN 1 AS x", "UnexpectedSyntax"),
        ("CALL test.my.proc YIELD city RETURN city", "InvalidArgumentPassingMode"),
        ("CALL test.my.proc", "MissingParameter"),
        (
            "CALL test.my.proc('a', 1) YIELD city WITH city MATCH (city) RETURN city",
            "VariableTypeConflict",
        ),
    ],
)
def test_reports_calls_that_no_procedure_answers(query: str, code: str) -> None:
    assert code in errors(query, schema=PROCEDURES, parameters=("name",))


@pytest.mark.parametrize(
    "query",
    [
        "CALL test.my.proc('a', null) YIELD city AS c, code RETURN c, code",
        "CALL test.float(42)",
        "CALL test.nothing() RETURN 1 AS x",
        "CALL test.my.proc",
        "CALL test.my.proc($name, $id) YIELD *",
    ],
)
def test_accepts_calls_that_fit_the_signature(query: str) -> None:
    assert errors(query, schema=PROCEDURES, parameters=("name", "id")) == []


def test_an_unknown_procedure_is_a_warning_where_the_registry_is_open() -> None:
    assert [(each.code, each.severity) for each in run("CALL my.own.proc()")] == [
        ("ProcedureNotFound", "warning")
    ]
    assert run("CALL apoc.periodic.iterate('a', 'b', {})") == []


def test_says_what_replaced_a_procedure() -> None:
    (finding,) = run("CALL db.indexes()")
    assert (finding.code, finding.suggestion) == ("ProcedureNotFound", "SHOW INDEXES")


def test_warns_of_a_parameter_that_is_not_declared() -> None:
    (finding,) = run("RETURN $a, $b", parameters=("a",))
    assert (finding.code, finding.severity, finding.column) == (
        "ParameterNotProvided",
        "warning",
        12,
    )
    assert run("RETURN $a, $b") == []

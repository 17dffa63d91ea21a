"""Types: what a variable is, what operators and functions take."""

from __future__ import annotations

import pytest

from heimdall_core.types import CheckRequest
from heimdall_lang_cypher.checker import check


def found(query: str, dialect: str = "neo4j") -> list[tuple[str, int]]:
    """Code and column of each error."""
    findings = check(query, CheckRequest(dialect=dialect, performance=False))
    return [(each.code, each.column) for each in findings if each.severity == "error"]


@pytest.mark.parametrize(
    "query",
    [
        "MATCH ()-[r]->() MATCH (»r) RETURN r",
        "MATCH (r) MATCH ()-[»r]->() RETURN r",
        "MATCH p = (a)-->(b) MATCH (»p) RETURN p",
        "MATCH ()-[r*]->() MATCH ()-[»r]->() RETURN r",
        "MATCH ()-[r]->() MATCH ()-[»r*]->() RETURN r",
        "WITH 1 AS n MATCH (»n) RETURN n",
        "WITH [1] AS r MATCH ()-[»r*]->() RETURN r",
        "MATCH (a) WITH a.x AS n MATCH (»n) RETURN n",
        "MATCH (a) WITH collect(a) AS l MATCH (»l)-->() RETURN l",
        "MATCH (a) WITH count(a) AS n MATCH (»n) RETURN n",
        "MATCH (a) WITH [x IN [1] | x] AS l UNWIND l AS n MATCH (»n) RETURN n",
        "MATCH p = (a)-->() UNWIND relationships(p) AS n MATCH (»n) RETURN n",
        "MATCH (a) WITH a {.*} AS n MATCH (»n) RETURN n",
        "MATCH (a)-[r]->(»r) RETURN r",
    ],
)
def test_reports_a_variable_of_two_types(query: str) -> None:
    assert found(query.replace("»", "")) == [("VariableTypeConflict", query.index("»") + 1)]


@pytest.mark.parametrize(
    "query",
    [
        "WITH null AS n MATCH (n) RETURN n",
        "MATCH (a) WITH collect(a) AS l UNWIND l AS n MATCH (n)-->() RETURN n",
        "MATCH (a) WITH head(collect(a)) AS n MATCH (n)-->() RETURN n",
        "MATCH (a)-[r]->() WITH startNode(r) AS n MATCH (n)-->() RETURN n",
        "MATCH (a) WITH {k: a} AS m WITH m.k AS n MATCH (n) RETURN n",
        "MATCH (a), (b) WITH coalesce(a, b) AS n MATCH (n) RETURN n",
        "MATCH (a) WITH CASE WHEN a.x THEN a END AS n MATCH (n)-->() RETURN n",
        "UNWIND $rows AS n MATCH (n) RETURN n",
        "MATCH ()-[a]->()-[b]->() WITH [a, b] AS rs MATCH (x)-[rs*]->(y) RETURN x",
        "CALL apoc.nodes.get([1]) YIELD node MATCH (node) RETURN node",
    ],
)
def test_accepts_a_value_that_may_be_a_node(query: str) -> None:
    assert found(query) == []


@pytest.mark.parametrize(
    "query",
    [
        "RETURN NOT »1",
        "RETURN true AND »'a'",
        "RETURN »[] OR false",
        "RETURN null XOR »{a: 1}",
        "MATCH (n) WHERE »n RETURN n",
        "MATCH (n) WHERE »1 RETURN n",
        "MATCH (n) WHERE NOT »n RETURN n",
        "RETURN 1 IN »'abc'",
        "RETURN 1 =~ »2",
        "RETURN 1 - »'a'",
        "RETURN »'a' * 2",
        "RETURN »true % 2",
        "RETURN 1 + »true",
        "RETURN -»'a'",
        "RETURN ('a' + 1) * 1",
        "RETURN [1] || »'a'",
        "WITH 1 AS x RETURN »x.a",
        "WITH [{a: 1}] AS x RETURN »x.a",
        "MATCH p = (n)-->() RETURN »p.name",
        "MATCH ()-[r*]->() RETURN »r.name",
        "RETURN [1][»'a']",
        "RETURN {a: 1}[»0]",
        "RETURN »'abc'[0]",
        "RETURN »'abc'[0..1]",
        "RETURN [x IN »1 | x]",
        "RETURN any(x IN ['a'] WHERE »x % 2 = 0)",
        "RETURN [x IN [1] WHERE »x + 1]",
        "RETURN CASE WHEN »1 THEN 2 END",
        "RETURN reduce(s = 0, x IN ['a'] | »s + x)",
        "MATCH (n) RETURN type(»n)",
        "MATCH ()-[r]->() RETURN labels(»r)",
        "MATCH (n) RETURN length(»n.name)",
        "MATCH p = (n)-->() RETURN size(»p)",
        "RETURN toUpper(»1)",
        "RETURN split('a', »1)",
        "RETURN avg(»'a')",
        "MATCH (n) WITH collect(n.x) AS l RETURN avg(»l)",
        "MATCH (n) DELETE »n.name",
        "MATCH (n) DELETE »1 + 1",
        "MATCH (n) SET n = »1",
        "MATCH ()-[r]->() SET »r:Label",
        "MATCH (n) SET n:$(»1)",
        "MATCH (n) RETURN n LIMIT »1.5",
        "MATCH (n) RETURN n SKIP »'a'",
    ],
)
def test_reports_a_value_of_the_wrong_type(query: str) -> None:
    assert [code for code, _ in found(query.replace("»", ""))][:1] == ["InvalidArgumentType"]
    if "»" in query:
        assert ("InvalidArgumentType", query.index("»") + 1) in found(query.replace("»", ""))


@pytest.mark.parametrize(
    "query",
    [
        "MATCH (n) WHERE n.flag AND NOT n.other RETURN n.x + 1, n.x - n.y, n.list[0], n[$k]",
        "RETURN 'a' + 1 + true, [1] + 'a', 1 + [2], date() + duration('P1D'), 1.5 % 2",
        "RETURN [1, 'a'][0] % 2, $p.a, $p[0], $p AND true, null.a, -null",
        "RETURN any(x IN [1, 'a'] WHERE x % 2 = 0), reduce(s = 0, x IN $l | s + x.y)",
        "RETURN reduce(s = 0, x IN [1.5] | s + x), reduce(s = '', x IN [1] | s + x)",
        "WITH date() AS d RETURN d.year, (d - duration({days: 1})).month",
        "UNWIND 1 AS x RETURN x + 1",
        "MATCH (n) RETURN avg(n.x), percentileCont(n.x, 1), sum(n.y), max(n), toInteger(n.x)",
        "MATCH p = (n)-->() RETURN [x IN nodes(p) | x.name], relationships(p)[0].since",
        "RETURN 1 < 'a', 1 = 'a', [1] < 2",
        "MATCH (n) DELETE n, [n][0], $p",
        "RETURN coalesce(null, 'a') STARTS WITH 'a', head([]) STARTS WITH 'a'",
    ],
)
def test_accepts_what_may_be_right(query: str) -> None:
    assert found(query) == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("RETURN coalesce()", "InvalidNumberOfArguments"),
        ("RETURN toUpper('a', 'b')", "InvalidNumberOfArguments"),
        ("RETURN count()", "InvalidNumberOfArguments"),
        ("RETURN pi(1)", "InvalidNumberOfArguments"),
        ("RETURN toInt('1')", "UnknownFunction"),
        ("RETURN date.foo()", "UnknownFunction"),
        ("RETURN toUpper(DISTINCT 'a')", "UnexpectedSyntax"),
        ("RETURN 9223372036854775808", "IntegerOverflow"),
        ("RETURN -9223372036854775809", "IntegerOverflow"),
        ("RETURN 0x8000000000000000", "IntegerOverflow"),
        ("RETURN 1e400", "FloatingPointOverflow"),
        ("MATCH (n) RETURN n LIMIT -1", "NegativeIntegerArgument"),
        ("MATCH (n) RETURN n LIMIT n.x", "NonConstantExpression"),
        ("MATCH (n) RETURN n LIMIT COUNT { (a) }", "NonConstantExpression"),
    ],
)
def test_reports_calls_and_numbers_that_cannot_be(query: str, code: str) -> None:
    assert [each for each, _ in found(query)] == [code]


def test_the_smallest_integer_fits() -> None:
    assert found("RETURN -9223372036854775808, 9223372036854775807") == []


@pytest.mark.parametrize(
    ("query", "suggestion"),
    [
        ("RETURN toInt('1')", "toInteger"),
        ("RETURN distance(a, b)", "point.distance"),
        ("RETURN toUper('a')", "toUpper"),
        ("MATCH (n) RETURN length(n.name)", "size(…)"),
    ],
)
def test_says_what_to_write_instead(query: str, suggestion: str) -> None:
    findings = check(query, CheckRequest(performance=False))
    assert suggestion in [each.suggestion for each in findings]


def test_functions_of_extensions_are_not_looked_up() -> None:
    assert found("RETURN apoc.text.join(['a'], '-'), gds.util.asNode(1), custom.f()") == []


@pytest.mark.parametrize(
    ("dialect", "severity"),
    [("neo4j", "warning"), ("neo4j5", "warning"), ("opencypher9", "error"), ("nornicdb", "error")],
)
def test_a_server_may_have_functions_that_the_table_lacks(dialect: str, severity: str) -> None:
    (finding,) = check("RETURN cont(1) AS c", CheckRequest(dialect=dialect, performance=False))
    assert (finding.code, finding.severity, finding.suggestion) == (
        "UnknownFunction",
        severity,
        "count",
    )


@pytest.mark.parametrize(
    ("call", "severities"),
    [
        ("acme.rank(1)", ["warning"]),
        ("org.acme.text.Join(['a'], '-')", ["warning"]),
        ("apoc.coll.nothing([1])", []),
        ("gds.similarity.cosine([1.0], [1.0])", []),
        ("vector.similarity.cos([1.0], [1.0])", ["error"]),
        ("duration.between2(date(), date())", ["error"]),
    ],
)
@pytest.mark.parametrize("dialect", ["neo4j", "neo4j5"])
def test_users_may_have_functions_in_namespaces(
    dialect: str, call: str, severities: list[str]
) -> None:
    request = CheckRequest(dialect=dialect, performance=False)
    assert [each.severity for each in check(f"RETURN {call} AS c", request)] == severities


def test_functions_of_later_versions_are_unknown_before() -> None:
    assert found("RETURN coll.sort([2, 1])", "neo4j") == []
    (finding,) = check("RETURN coll.sort([2, 1])", CheckRequest(dialect="neo4j5"))[:1]
    assert finding.code == "UnknownFunction"


def test_string_operators_on_other_values_are_null_not_wrong() -> None:
    (finding,) = check("RETURN 1 STARTS WITH 'a'", CheckRequest(performance=False))
    assert (finding.code, finding.severity, finding.column) == ("AlwaysNull", "warning", 8)


def test_a_property_cannot_hold_a_map_when_the_query_runs() -> None:
    (finding,) = check("MATCH (n) SET n.x = [{a: 1}]", CheckRequest(performance=False))
    assert (finding.code, finding.severity, finding.column) == (
        "InvalidPropertyType",
        "warning",
        21,
    )

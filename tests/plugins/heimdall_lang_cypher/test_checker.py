"""The checker as a whole: codes of syntax errors, order and place of findings, real queries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heimdall_core.types import CheckRequest
from heimdall_lang_cypher.checker import check
from heimdall_lang_cypher.dialects import NAMES

DATA = Path(__file__).parents[3] / ".." / "shared" / "data"

needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="needs the data that lies beside the checkout"
)


def rows(name: str) -> Iterator[dict[str, Any]]:
    """The rows of a file of `DATA`."""
    with (DATA / name).open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def errors(query: str, dialect: str, **options: Any) -> list[str]:
    """Codes of the errors of a query."""
    request = CheckRequest(dialect=dialect, performance=False, **options)
    return [each.code for each in check(query, request) if each.severity == "error"]


# --- one query -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("RETRUN 1", "UnexpectedSyntax"),
        ("", "UnexpectedSyntax"),
        ("RETURN [, ]", "UnexpectedSyntax"),
        ("RETURN {1a: 2}", "UnexpectedSyntax"),
        ("RETURN 9223372h54775808", "InvalidNumberLiteral"),
        ("RETURN 0xG", "InvalidNumberLiteral"),
        ("RETURN '\\uH'", "InvalidUnicodeLiteral"),
        ("RETURN 42 — 41", "InvalidUnicodeCharacter"),
        ("MATCH (a)-[:LIKES..]->(b) RETURN b", "InvalidRelationshipPattern"),
        ("MATCH (a)-[:LIKES*-2]->(b) RETURN b", "InvalidRelationshipPattern"),
    ],
)
def test_a_text_that_does_not_parse_has_one_finding(query: str, code: str) -> None:
    (finding,) = check(query)
    assert (finding.code, finding.kind, finding.severity) == (code, "syntax", "error")


def test_findings_stand_in_the_order_of_the_text() -> None:
    query = "MATCH (n)\nWHERE size((n)-->()) > 1 AND m.x = 1\nRETURN foo(n), id(n)"
    places = [(each.line, each.column) for each in check(query)]
    assert places == sorted(places)
    assert {(2, 12), (2, 30), (3, 8)} <= set(places)


def test_a_finding_says_where_it_ends() -> None:
    (finding,) = check("MATCH (n)\nRETURN missing.name", CheckRequest(performance=False))
    assert (finding.line, finding.column, finding.end_line, finding.end_column) == (2, 8, 2, 15)


def test_every_statement_of_a_script_is_checked_by_itself() -> None:
    query = "MATCH (n) RETURN n;\nRETURN n;"
    assert [(each.code, each.line) for each in check(query, CheckRequest(performance=False))] == [
        ("UndefinedVariable", 2)
    ]


def test_performance_findings_are_there_unless_they_are_not_wanted() -> None:
    query = "MATCH (a:A), (b:B) RETURN a.x AS x, b.x AS y LIMIT 1"
    assert {each.kind for each in check(query)} == {"performance"}
    assert check(query, CheckRequest(performance=False)) == ()


def test_nothing_to_say_is_an_empty_tuple() -> None:
    assert check("MATCH (n:Person {name: $name}) RETURN n.name LIMIT 1") == ()


@pytest.mark.parametrize("dialect", NAMES)
@pytest.mark.parametrize(
    "query",
    [
        "RETURN " + "abs(" * 90 + "1" + ")" * 90,
        "RETURN " + "[" * 90 + "]" * 90,
        "RETURN " + " + ".join(["1"] * 5000),
        "RETURN " + " AND ".join(["true"] * 5000),
        "MATCH " + "-->".join(["(n)"] * 2000) + " RETURN n",
        "MATCH (n) WHERE " + "EXISTS { MATCH (n) WHERE " * 30 + "true" + " }" * 30 + " RETURN n",
        "\n".join(["MATCH (n)"] * 3000) + " RETURN n",
        "RETURN " + "x." * 80 + "y",
        "(((((",
        "\0",
        "RETURN '\ud800'",
    ],
)
def test_deep_long_and_broken_queries_have_findings_not_exceptions(
    query: str, dialect: str
) -> None:
    assert isinstance(check(query, CheckRequest(dialect=dialect)), tuple)


# --- real queries --------------------------------------------------------------------------------


@needs_data
@pytest.mark.parametrize("dialect", ["neo4j", "opencypher9"])
def test_agrees_with_the_openCypher_tck(dialect: str) -> None:
    accepted: list[bool] = []
    rejected: list[bool] = []
    named: list[bool] = []
    for row in rows("tck/cases.jsonl"):
        schema = {"procedures": [each["signature"] for each in row["procedures"]]}
        parameters = tuple(row["params"] or ())
        codes = errors(row["query"], dialect, schema=schema, parameters=parameters)
        if row["expect"] == "compile_error":
            rejected.append(bool(codes))
            named.append(codes[:1] == [row["error_detail"]])
        else:
            accepted.append(not codes)
    assert len(accepted) > 1000
    assert sum(accepted) >= 0.999 * len(accepted)
    assert sum(rejected) >= 0.97 * len(rejected)
    assert sum(named) >= 0.9 * len(named)


@needs_data
@pytest.mark.parametrize(
    ("dialect", "field"), [("neo4j", "valid_cypher25"), ("neo4j5", "valid_cypher5")]
)
def test_agrees_with_neo4j_on_modern_queries(dialect: str, field: str) -> None:
    for row in rows("cypher/modern.jsonl"):
        assert (not errors(row["query"], dialect)) == row[field], row["query"]


@needs_data
def test_agrees_with_neo4j_on_queries_that_a_model_wrote() -> None:
    accepted: list[bool] = []
    rejected: list[bool] = []
    for row in rows("cypher/llm_written.jsonl"):
        codes = errors(row["query"], "neo4j5")
        (rejected if row["syntax_error"] else accepted).append(bool(codes))
    assert sum(accepted) <= 0.003 * len(accepted)
    assert sum(rejected) >= 0.95 * len(rejected)


@needs_data
def test_finds_hallucinated_names_and_leaves_the_others_alone() -> None:
    schemas = {row["database"]: row for row in rows("text2cypher/schemas.jsonl")}
    found: list[bool] = []
    alarms: list[bool] = []
    for row in rows("cypher/llm_written.jsonl"):
        request = CheckRequest(dialect="neo4j5", schema=schemas[row["db"]], performance=False)
        unknown = any(
            each.kind == "schema" and each.severity == "error"
            for each in check(row["query"], request)
        )
        if row["false_schema"]:
            found.append(unknown)
        elif row["returns"] == "True":
            alarms.append(unknown)
    assert sum(found) >= 0.85 * len(found)
    assert sum(alarms) <= 0.01 * len(alarms)


@needs_data
def test_rejects_mutated_queries() -> None:
    missed: list[str] = []
    refused: list[str] = []
    for row in rows("cypher/mutations.jsonl"):
        codes = errors(row["query"], "neo4j5")
        if not row["valid"] and not codes:
            missed.append(row["query"])
        if row["valid"] and codes:
            refused.append(row["query"])
    assert len(missed) <= 23  # 3 % of the invalid ones
    assert refused == []


@needs_data
@pytest.mark.parametrize("dialect", NAMES)
def test_no_real_query_raises(dialect: str) -> None:
    schema = next(rows("text2cypher/schemas.jsonl"))
    for row in rows("tck/cases.jsonl"):
        request = CheckRequest(dialect=dialect, schema=schema, parameters=())
        assert isinstance(check(row["query"], request), tuple)

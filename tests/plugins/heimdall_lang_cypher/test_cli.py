"""`heimdall cypher …`: reports, formats, exit codes, and the line protocol for programs."""

from __future__ import annotations

import ast as python
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import heimdall_lang_cypher
from heimdall_core.errors import HeimdallError
from heimdall_lang_cypher.cli import command
from heimdall_lang_cypher.explanations import explanations

SCHEMA = {
    "nodes": {"Person": {"properties": {"name": "STRING"}}},
    "relationships": [{"type": "KNOWS", "from": "Person", "to": "Person"}],
}
WRONG = """\
// two mistakes
MATCH (n:Person) RETRUN n;
MATCH (a:Person)
WHERE a.name = c.name
RETURN a.name;
RETURN 'a;b' AS x; // the end
"""


def run(*arguments: str, stdin: str | bytes = "") -> Result:
    return CliRunner().invoke(command(), list(arguments), input=stdin)


def lines(*rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def answers(result: Result) -> list[Any]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    path = tmp_path / "wrong.cypher"
    path.write_text(WRONG, "utf-8")
    return path


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    path = tmp_path / "schema.json"
    path.write_text(json.dumps(SCHEMA), "utf-8")
    return path


# --- check ---------------------------------------------------------------------------------------


def test_a_report_points_at_each_mistake(wrong: Path) -> None:
    result = run("check", "--dialect", "neo4j5", str(wrong))
    assert result.exit_code == 1
    assert f"{wrong}:2:18: error: " in result.output
    assert f"{wrong}:4:16: error: variable `c` is not defined here" in result.output
    shown = result.output.splitlines()
    caret = next(line for line in shown if line.strip(" |") == "^^^^^^")
    source = shown[shown.index(caret) - 1]
    assert source[caret.index("^") :].startswith("RETRUN n;")
    assert shown[-1] == "2 errors in 1 file"
    assert "\x1b" not in result.output


def test_colours_on_demand(wrong: Path) -> None:
    assert "\x1b[" in run("check", "--color", str(wrong)).output


def test_nothing_to_report() -> None:
    result = run("check", "--dialect", "neo4j5", "-", stdin="MATCH (n:A) RETURN n.x LIMIT 1;\n")
    assert (result.exit_code, result.output) == (0, "no findings in 1 file\n")


def test_json(wrong: Path) -> None:
    result = run("check", "--format", "json", "--dialect=neo4j5", str(wrong))
    found = json.loads(result.output)
    assert [(each["line"], each["column"], each["severity"]) for each in found] == [
        (2, 18, "error"),
        (4, 16, "error"),
    ]
    assert found[0]["file"] == str(wrong)
    assert found[1]["code"] == "UndefinedVariable"


def test_sarif(wrong: Path) -> None:
    result = run("check", "--format", "sarif", "--dialect=neo4j5", str(wrong))
    (log,) = json.loads(result.output)["runs"]
    rules = [rule["id"] for rule in log["tool"]["driver"]["rules"]]
    for found in log["results"]:
        assert rules[found["ruleIndex"]] == found["ruleId"]
        assert found["level"] == "error"
    regions = [each["locations"][0]["physicalLocation"]["region"] for each in log["results"]]
    assert regions[0] == {"startLine": 2, "startColumn": 18, "endLine": 2, "endColumn": 24}


def test_names_are_checked_against_a_schema(schema: Path) -> None:
    query = "MATCH (p:Persn) RETURN p.name"
    assert run("check", "--dialect=neo4j5", "-", stdin=query).exit_code == 0
    result = run("check", "--dialect=neo4j5", "--schema", str(schema), "-", stdin=query)
    assert result.exit_code == 1
    assert "instead: Person" in result.output


def test_options_with_underscores(wrong: Path) -> None:
    result = run("check", "--no_performance", "--format", "json", str(wrong))
    assert result.exit_code == 1
    assert run("explain_findings", "UndefinedVariable").exit_code == 0


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.cypher", None, "cannot be read: No such file"),
        ("latin.cypher", "RETURN 'é'".encode("latin-1"), "is not UTF-8: byte 0xe9 at offset 8"),
    ],
)
def test_files_that_cannot_be_read(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    result = run("check", str(path))
    assert isinstance(result.exception, HeimdallError)
    assert result.exception.exit_code == 2
    assert str(result.exception).startswith(f"{path}: {message}")


@pytest.mark.parametrize("content", ["[1]", "{"])
def test_a_schema_that_cannot_be_read(tmp_path: Path, content: str) -> None:
    path = tmp_path / "schema.json"
    path.write_text(content)
    result = run("check", "--schema", str(path), "-", stdin="RETURN 1")
    assert isinstance(result.exception, HeimdallError)
    assert str(path) in str(result.exception)


def test_an_unknown_dialect_is_a_usage_error() -> None:
    result = run("check", "--dialect", "sql", "-", stdin="RETURN 1")
    assert result.exit_code == 2
    assert "nornicdb" in result.output


# --- check --jsonl -------------------------------------------------------------------------------


def test_lines_in_lines_out() -> None:
    result = run(
        "check",
        "--jsonl",
        "--dialect",
        "neo4j5",
        stdin=lines(
            {"id": 1, "query": "MATCH (n) RETURN n LIMIT 1"},
            {"id": "b", "query": "MATCH (n)\nRETURN m"},
            {"id": None, "query": "MATCH (p:Persn) RETURN p.name LIMIT 1", "schema": SCHEMA},
            {"query": "MATCH (a), (b) RETURN a.x LIMIT 1", "schema": None},
            {"id": 5, "query": "RETURN 1 AS a UNION RETURN 2 AS a", "dialect": "nornicdb"},
        ),
    )
    assert result.exit_code == 0
    found = answers(result)
    assert [each["id"] for each in found] == [1, "b", None, None, 5]
    assert [each["ok"] for each in found] == [True, False, False, True, False]
    (finding,) = (each for each in found[1]["findings"] if each["severity"] == "error")
    assert finding["code"] == "UndefinedVariable"
    assert (finding["line"], finding["column"], finding["severity"]) == (2, 8, "error")
    for each in found:
        assert each["ok"] is not any(one["severity"] == "error" for one in each["findings"])


def test_malformed_lines_keep_their_place() -> None:
    stdin = 'nonsense\n\n{"id": 2}\n[1]\n{"id": 3, "query": "RETURN 1"}\n'
    stdin += lines({"id": 4, "query": "RETURN 1", "dialect": "neo4j4"})
    stdin += lines({"id": 5, "query": "RETURN 1", "schema": 3})
    result = run("check", "--jsonl", stdin=stdin)
    found = answers(result)
    assert [(each["id"], each.get("line")) for each in found] == [
        (None, 1),
        (2, 3),
        (None, 4),
        (3, None),
        (4, 6),
        (5, 7),
    ]
    assert found[1]["error"] == "<stdin>:3: no 'query' that is a string"
    for each in found:
        codes = [one["code"] for one in each["findings"] if one["severity"] == "error"]
        assert codes == ([] if each["ok"] else ["InvalidInput"])
    assert "did you mean 'neo4j" in found[4]["error"]
    assert isinstance(result.exception, HeimdallError)
    assert str(result.exception).startswith("<stdin>:1: not JSON")
    assert result.exception.exit_code == 2


def test_bytes_that_are_no_text() -> None:
    result = run("check", "--jsonl", stdin=b'{"id": 1, "query": "\xff"}\n' + b"\x00\xfe\n")
    assert len(answers(result)) == 2
    assert isinstance(result.exception, HeimdallError)


def test_odd_queries_in_lines() -> None:
    result = run("check", "--jsonl", stdin='{"id": 1, "query": "RETURN \\"\\ud800\\" AS x"}\n')
    assert result.exception is None
    assert answers(result)[0]["id"] == 1


# --- the other commands --------------------------------------------------------------------------


def test_format(tmp_path: Path) -> None:
    path = tmp_path / "a.cypher"
    path.write_text("match (n:A) return n.x", "utf-8")
    result = run("format", str(path))
    assert (result.exit_code, result.output) == (0, "MATCH (n:A)\nRETURN n.x\n")
    assert run("format", "--check", str(path)).exit_code == 1
    assert run("format", "--write", str(path)).output == ""
    assert path.read_text("utf-8") == "MATCH (n:A)\nRETURN n.x\n"
    assert run("format", "--check", str(path)).exit_code == 0
    assert [each.name for each in tmp_path.iterdir()] == ["a.cypher"]


def test_format_of_a_query_that_does_not_parse(wrong: Path) -> None:
    result = run("format", "--write", str(wrong))
    assert isinstance(result.exception, HeimdallError)
    assert str(result.exception).startswith(f"{wrong}:2:18: ")
    assert "^^^^^^" in result.stderr
    assert wrong.read_text("utf-8") == WRONG


def test_normalise() -> None:
    queries = "MATCH (n:A) RETURN n;\nmatch (m:A) return m"
    assert run("normalise", "-", stdin=queries).output == "MATCH (v1:A) RETURN v1\n" * 2
    assert run("normalise", "--family", "-", stdin="RETURN 1").output == "RETURN '?'\n"


def test_normalise_lines() -> None:
    stdin = lines({"id": 1, "query": "MATCH (n:A) RETURN n"}, {"id": 2, "query": "MATCH (n"})
    result = run("normalise", "--jsonl", stdin=stdin)
    one, two = answers(result)
    assert result.exit_code == 0
    assert one == {
        "id": 1,
        "canonical": "MATCH (v1:A) RETURN v1",
        "family": "MATCH (v1:L) RETURN v1",
    }
    assert (two["id"], two["canonical"], two["family"]) == (2, None, None)
    assert "line 1, column 9" in two["error"]


def test_explain_codes_and_files(wrong: Path) -> None:
    assert run("explain-findings", "CartesianProduct", "UndefinedVariable").exit_code == 0
    result = run("explain-findings", str(wrong))
    assert "UndefinedVariable: a variable that is not in scope" in result.output
    assert result.output.count("UnexpectedSyntax:") == 1
    every = run("explain-findings").output
    assert all(f"{code}: " in every for code in explanations())
    result = run("explain-findings", "UndefinedVariabel")
    assert isinstance(result.exception, HeimdallError)
    assert "did you mean 'UndefinedVariable'" in str(result.exception)


def test_every_code_is_explained() -> None:
    """Codes are literals in the calls that report something."""
    codes = set()
    for path in Path(heimdall_lang_cypher.__path__[0]).glob("*.py"):
        for node in python.walk(python.parse(path.read_text("utf-8"))):
            if isinstance(node, python.Call):
                function = node.func
                name = getattr(function, "attr", getattr(function, "id", ""))
                if name in ("problem", "Problem", "Finding", "add"):
                    given = [*node.args, *(k.value for k in node.keywords if k.arg == "code")]
                    codes |= {
                        each.value
                        for each in given
                        if isinstance(each, python.Constant)
                        and isinstance(each.value, str)
                        and each.value.isalpha()
                        and each.value[0].isupper()
                        and not each.value.isupper()
                    }
    assert {"UndefinedVariable", "CartesianProduct"} <= codes
    assert codes <= set(explanations())

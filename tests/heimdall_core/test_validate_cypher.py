"""`heimdall validate-cypher`, on files and on a model."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from heimdall_core import HeimdallError
from heimdall_core.cli.main import cli
from heimdall_core.cli.validate_cypher import _statements
from heimdall_core.errors import FindingsError


def call(*arguments):
    return CliRunner().invoke(cli, ["validate-cypher", *map(str, arguments)])


def test_a_plain_file_of_queries(tmp_path):
    path = tmp_path / "q.cypher"
    path.write_text(
        "MATCH (n:Person) RETURN n.name; // all; of them\n"
        "MATCH (n:Person {name: 'a;b'}) RETURN n;\n\nMATCH (n RETURN n;\nMATCH (n) RETURN m",
        encoding="utf-8",
    )
    done = call("--test_queries", path, "--json")
    found = json.loads(done.stdout)
    assert found["queries"] == 4
    assert (found["syntax"]["share"], found["semantics"]["share"]) == (0.75, 0.5)
    assert [entry["name"] for entry in found["invalid"]] == ["q.cypher:4", "q.cypher:5"]
    assert isinstance(done.exception, FindingsError)
    assert "syntax 75.0% (target 90%)" in str(done.exception)
    done = call("--test_queries", path, "--min-syntax", 0.7, "--min-semantics", 0.5)
    assert done.exit_code == 0
    assert "4 queries" in done.output


def test_statements_are_split_outside_quotes_and_comments():
    text = "A ';' /* ; */ `;`;\n\n B // ;\n;"
    assert list(_statements(text)) == [(1, "A ';' /* ; */ `;`"), (3, "B // ;")]
    assert list(_statements("A\nB\n\nC\n")) == [(1, "A\nB"), (4, "C")]
    assert list(_statements("A '")) == [(1, "A '")]


def test_jsonl_with_queries(tmp_path):
    path = tmp_path / "q.jsonl"
    rows = [{"query": "RETURN 1"}, {"cypher": "RETURN 2"}, "RETURN 3", {"output": "no query here"}]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = json.loads(
        call("--test-queries", path, "--json", "--min-semantics", 0, "--min-syntax", 0).stdout
    )
    assert (found["queries"], found["no_query"], found["syntax"]["share"]) == (4, 1, 0.75)
    path.write_text('{"question": "x"}', encoding="utf-8")
    done = call("--test-queries", path)
    assert isinstance(done.exception, HeimdallError)
    assert "q.jsonl:1: holds no query" in str(done.exception)


@pytest.mark.parametrize("kind", ["jsonl", "txt"])
def test_a_model_is_asked(tmp_path, taught_gguf, kind):
    questions = ["Find all people.", "Count the cities.", "Smile."]
    path = tmp_path / f"questions.{kind}"
    lines = [
        json.dumps({"instruction": q, "output": "x"}) if kind == "jsonl" else q for q in questions
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    done = call(
        "--model_dir", taught_gguf, "--test_queries", path, "--json", "--max-new-tokens", 40
    )
    found = json.loads(done.stdout)
    assert (found["queries"], found["no_query"]) == (3, 1)
    assert found["syntax"]["share"] == pytest.approx(2 / 3)
    assert isinstance(done.exception, FindingsError)


def test_no_queries(tmp_path):
    path = tmp_path / "q.cypher"
    path.write_text("\n\n", encoding="utf-8")
    assert "holds no queries" in str(call("--test-queries", path).exception)

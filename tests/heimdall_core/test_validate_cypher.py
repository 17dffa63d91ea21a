"""`heimdall validate-cypher`, on files and on a model."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from heimdall_core import HeimdallError
from heimdall_core.cli.main import cli
from heimdall_core.cli.query_files import questions_of, statements
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
    assert list(statements(text)) == [(1, "A ';' /* ; */ `;`"), (3, "B // ;")]
    assert list(statements("A\nB\n\nC\n")) == [(1, "A\nB"), (4, "C")]
    assert list(statements("A '")) == [(1, "A '")]


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


def test_which_query_is_slow_is_said(tmp_path):
    path = tmp_path / "q.cypher"
    path.write_text(
        "MATCH (n:Person {name: 'a'}) RETURN n.name LIMIT 5;\nMATCH (a:A), (b:B) RETURN a, b;",
        encoding="utf-8",
    )
    found = json.loads(call("--test-queries", path, "--json").stdout)
    assert found["performance"]["share"] == 0.5
    [slow] = found["slow"]
    assert slow["name"] == "q.cypher:2"
    assert slow["query"] == "MATCH (a:A), (b:B) RETURN a, b"
    codes = [finding["code"] for finding in slow["findings"]]
    assert codes
    assert set(codes) <= set(found["findings"])
    told = call("--test-queries", path).output
    assert f"[{codes[0]}]" in told
    assert "q.cypher:2: " in told
    assert "q.cypher:1: " not in told


def test_one_query_on_each_line(tmp_path):
    path = tmp_path / "q.txt"
    lines = ["MATCH (n:Person) RETURN n.name", "// of towns", "MATCH (t:Town) RETURN t", "RETURN 1"]
    path.write_text("\n".join(lines), encoding="utf-8")
    found = json.loads(call("--test-queries", path, "--json").stdout)
    assert (found["queries"], found["syntax"]["share"]) == (3, 1.0)
    path.write_text("\n".join([*lines, "MATCH (n RETURN n"]), encoding="utf-8")
    found = json.loads(call("--test-queries", path, "--json", "--min-syntax", 0.5).stdout)
    assert [entry["name"] for entry in found["invalid"]] == ["q.txt:5"]
    # A query over several lines stays one, right or wrong.
    for query, right in (("MATCH (n)\nRETURN n", 1.0), ("MATCH (n\nRETURN n", 0.0)):
        path.write_text(query, encoding="utf-8")
        done = call("--test-queries", path, "--json")
        found = json.loads(done.stdout)
        assert (found["queries"], found["syntax"]["share"]) == (1, right)
    path.write_text("Find all people.\nCount the cities.", encoding="utf-8")
    told = call("--test-queries", path).output
    assert "2 lines were judged as one query" in told
    assert "--model-dir" in told


def test_packed_files_and_arrays(tmp_path):
    import gzip

    rows = [{"query": "RETURN 1"}, {"cypher": "RETURN 2"}, "MATCH (n RETURN n"]
    packed = tmp_path / "q.jsonl.gz"
    packed.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    array = tmp_path / "q.json"
    array.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    text = tmp_path / "q.cypher.gz"
    text.write_bytes(gzip.compress(b"RETURN 1; RETURN 2; MATCH (n RETURN n"))
    for path in (packed, array, text):
        found = json.loads(call("--test-queries", path, "--json").stdout)
        assert found["queries"] == 3, path
        assert found["syntax"]["share"] == pytest.approx(2 / 3)
    array.write_text('[{"query": "RETURN 1"}, {"question": 1}]', encoding="utf-8")
    assert "q.json: entry 2: holds no query" in str(call("--test-queries", array).exception)
    packed.write_bytes(b"\x1f\x8b no")
    assert "is no whole gzip file" in str(call("--test-queries", packed).exception)


def test_questions_in_an_array(tmp_path):
    path = tmp_path / "q.json"
    path.write_text('["Find all people.", {"instruction": "Count", "output": "x"}]', "utf-8")
    assert [row.instruction for row in questions_of(path)] == ["Find all people.", "Count"]
    path.write_text('["a", 3]', encoding="utf-8")
    with pytest.raises(HeimdallError, match=r"q\.json: entry 2: "):
        list(questions_of(path))

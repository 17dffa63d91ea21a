"""From logs to rows: once each, checked, asked for, and counted."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from heimdall_core import Teacher, TeacherAnswer
from heimdall_core.errors import DatasetError
from heimdall_core.types import Example, GenerateContext
from heimdall_gen_logs.generate import examples
from heimdall_gen_logs.options import LogsOptions


def log(tmp_path: Path, *queries: str, name: str = "bolt.log") -> str:
    path = tmp_path / name
    path.write_text("".join(f"[BOLT] a@h:1: {query}\n" for query in queries), encoding="utf-8")
    return str(path)


def rows(
    *files: str, seed: int = 1, notes: list[str] | None = None, **options: Any
) -> list[Example]:
    context = GenerateContext(
        count=1000, seed=seed, note=(notes if notes is not None else []).append
    )
    return list(examples(context, LogsOptions(files=files, **options)))


def test_a_query_is_told_apart_by_what_it_means(tmp_path: Path) -> None:
    notes: list[str] = []
    found = rows(
        log(
            tmp_path,
            "MATCH (n:Person {name: 'Ada'}) RETURN n.age",
            "match (p:Person) WHERE p.name = 'Bob' return p.age",
            "MATCH (n:Person {name: 'Eve'}) RETURN n.age // again",
            "MATCH (n:Person {name: 'Ada'}) RETURN n.age DESC",
            "MATCH (n:Person {name: 'Ada'}) RETURN n.age LIMIT 5",
        ),
        notes=notes,
    )
    assert [row.output.split(" RETURN ")[1] for row in found] == ["n.age", "n.age LIMIT 5"]
    assert "2 repeated" in notes[-1]
    assert "1 not Cypher" in notes[-1]
    assert all(row.language == "cypher" and row.schema == "none" and row.family for row in found)


def test_the_question_says_what_the_query_says(tmp_path: Path) -> None:
    (row,) = rows(
        log(tmp_path, "MATCH (n:Person {name: 'Ada'}) RETURN n.age ORDER BY n.age LIMIT 7")
    )
    for word in ("Person", "name", "age", "sorted", "7"):
        assert word in row.instruction
    value = row.output.split("'")[1]
    assert value != "Ada"
    assert value in row.instruction


def test_another_seed_other_values(tmp_path: Path) -> None:
    file = log(tmp_path, "MATCH (n:Person {name: 'Ada'}) RETURN n.age")
    assert rows(file, seed=1) == rows(file, seed=1)
    assert rows(file, seed=1) != rows(file, seed=2)


def test_what_the_server_printed_after_a_query_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text(
        "[BOLT] a@h:1: MATCH (n:Person)\nRETURN n\nSnapshot written: 3 files\n", encoding="utf-8"
    )
    (row,) = rows(str(path))
    assert row.output == "MATCH (n:Person) RETURN n"


def test_keeping_literals_is_warned_of(tmp_path: Path) -> None:
    notes: list[str] = []
    file = log(tmp_path, "MATCH (n:Person {name: 'Ada Lovelace'}) RETURN n.age")
    (row,) = rows(file, notes=notes, keep_literals=True)
    assert "Ada Lovelace" in row.output
    assert any(note.startswith("keep_literals") for note in notes)


def test_what_the_checker_refuses_is_counted(tmp_path: Path) -> None:
    schema = tmp_path / "people.json"
    schema.write_text(json.dumps({"nodes": {"Person": {"properties": {"age": "INTEGER"}}}}))
    notes: list[str] = []
    found = rows(
        log(tmp_path, "MATCH (n:Person) RETURN n.age", "MATCH (n:Person) RETURN n.agee"),
        schema=str(schema),
        notes=notes,
    )
    assert [(row.output, row.schema) for row in found] == [
        ("MATCH (n:Person) RETURN n.age", "people")
    ]
    assert "refused by the checker (UnknownProperty)" in notes[-1]


FAILED = """[BOLT] ada@h:1: MATCH (n:Patient {ssn: '123-45-6789'}) RETRUN n.diagnosis
[BOLT] ERROR: syntax error near RETRUN
[BOLT] bob@h:2: MATCH (n:Person) RETURN m
[BOLT] ERROR: m is not defined
[BOLT] ada@h:1: MATCH (n:Patient {ssn: '123-45-6789'}) RETURN n.diagnosis
[BOLT] eve@h:3: CREATE (n:Person {id: 77777})
[BOLT] ERROR: constraint violated
[BOLT] eve@h:3: MATCH (n {secret: 'abcdef
[BOLT] ERROR: unterminated
"""


def test_failed_queries_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text(FAILED, encoding="utf-8")
    notes: list[str] = []
    found = rows(str(path), notes=notes)
    assert [row.category for row in found] == ["production_query"]
    assert "4 failed" in notes[-1]


def test_failed_queries_become_lessons(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text(FAILED, encoding="utf-8")
    notes: list[str] = []
    found = rows(str(path), failed="fix", notes=notes)
    fixed = next(row for row in found if row.category == "production_fix")
    value = fixed.output.split("'")[1]
    assert value != "123-45-6789"
    assert f"ssn: '{value}'}}) RETRUN n.diagnosis" in fixed.input
    assert "RETRUN" in fixed.input.split("Error at line 1, column 40")[1]
    assert fixed.output == f"MATCH (n:Patient {{ssn: '{value}'}}) RETURN n.diagnosis"
    why = next(row for row in found if row.category == "production_diagnosis")
    assert why.input == "MATCH (n:Person) RETURN m"
    assert "`m` is not defined" in why.output
    assert why.language == ""
    assert "1 failed, and nothing wrong with the query" in notes[-1]
    assert "1 failed, with a text that does not end" in notes[-1]
    text = json.dumps([row.instruction + row.input + row.output for row in found])
    assert not any(secret in text for secret in ("123-45-6789", "77777", "abcdef"))


def test_quotas(tmp_path: Path) -> None:
    file = log(tmp_path, "MATCH (n:A) RETURN n", "MATCH (n:B) RETURN n", "MATCH (n:C) RETURN n")
    context = GenerateContext(count=2, seed=1, quotas={"production_query": 2})
    assert len(list(examples(context, LogsOptions(files=(file,))))) == 2


@frozen
class TalkOptions:
    """Options of a teacher in a test."""

    word: str = "Please"
    """What it begins with."""


def test_a_teacher_words_the_question_where_it_leaves_nothing_out(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(messages: Any, options: TalkOptions) -> TeacherAnswer:
        asked.append(messages[-1].content)
        if "Person" in messages[-1].content:
            return TeacherAnswer(f"{options.word} list the name of every Person, 5 at most")
        return TeacherAnswer("Something about a graph")

    teacher = Teacher("talk", "Talks.", answer, TalkOptions, terms="none")
    notes: list[str] = []
    context = GenerateContext(count=9, seed=1, note=notes.append, teacher=lambda name: teacher)
    file = log(tmp_path, "MATCH (n:Person) RETURN n.name LIMIT 5", "MATCH (c:City) RETURN c.name")
    found = list(examples(context, LogsOptions(files=(file,), teacher="talk")))
    assert found[0].instruction == "Please list the name of every Person, 5 at most"
    assert found[0].meta["worded_by"] == "teacher"
    assert "City" in found[1].instruction
    assert found[1].meta["worded_by"] == "template"
    assert len(asked) == 2


def test_no_file_is_one_clear_line() -> None:
    with pytest.raises(DatasetError, match=r"logs\.files: no log file is named"):
        rows()
    with pytest.raises(DatasetError, match="does not exist"):
        rows("/nowhere/at/all.log")


# --- the command ---------------------------------------------------------------------------------


def heimdall(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = "from heimdall_core.cli.main import entry; entry()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )


def lines(path: Path) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())


def test_adding_to_a_dataset_keeps_its_bytes_and_adds_once(tmp_path: Path) -> None:
    queries = tmp_path / "queries.txt"
    queries.write_text(
        "MATCH (n:Person {name: 'Ada'}) RETURN n.age\nMATCH (n:City) RETURN n.name\n"
        "MATCH (n:City RETURN n\n",
        encoding="utf-8",
    )
    dataset = tmp_path / "data.jsonl"
    before = b'{"output": "Hello.",   "instruction": "Say hello"}'  # no line end, odd spacing
    dataset.write_bytes(before)
    done = heimdall("add-production-queries", str(queries), str(dataset), "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["before"], found["added"]) == (1, 2)
    assert found["left_out"] == {"not Cypher": 1}
    assert dataset.read_bytes().startswith(before + b"\n")
    assert [row["category"] for row in list(lines(dataset))[1:]] == ["production_query"] * 2
    again = heimdall("add-production-queries", str(queries), str(dataset), "--json")
    counted = json.loads(again.stdout.splitlines()[-1])
    assert (counted["before"], counted["added"], counted["known"]) == (3, 0, 2)
    assert sorted(p.name for p in tmp_path.iterdir() if not p.name.endswith(".lock")) == [
        "data.jsonl",
        "queries.txt",
    ]


def test_the_command_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    queries = tmp_path / "q.txt"
    queries.write_text("RETURN 1\n", encoding="utf-8")
    same = heimdall("add-production-queries", str(queries), str(queries))
    assert same.returncode == 2
    assert "both the log and the dataset" in same.stderr
    broken = tmp_path / "broken.jsonl"
    broken.write_text("{\n", encoding="utf-8")
    bad = heimdall("add-production-queries", str(queries), str(broken))
    assert bad.returncode == 2
    assert "broken.jsonl:1" in bad.stderr
    assert broken.read_text(encoding="utf-8") == "{\n"

"""What a run is given: prompts, schemas, prompt files, settings. What is wrong with them is said
before anything is paid."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from heimdall_core import HeimdallError, Registry
from heimdall_gen_distill.items import read_items, read_schemas
from heimdall_gen_distill.options import DistillOptions
from heimdall_gen_distill.prompts import load_prompt, read_fields, source
from heimdall_gen_distill.write import distill_file

Distil = Callable[..., dict[str, Any]]


def say(text: str) -> str:
    return f"[[say:{text}]]"


def schema(name: str, key: str) -> dict[str, Any]:
    return {"name": name, "nodes": {"Person": {"properties": {key: "STRING"}}}, "relationships": []}


@pytest.fixture
def schemas(tmp_path: Path) -> Callable[..., str]:
    def write(*entries: Any) -> str:
        path = tmp_path / "schemas.json"
        path.write_text(json.dumps(entries[0] if len(entries) == 1 else list(entries)))
        return str(path)

    return write


# --- schemas --------------------------------------------------------------------------------------


def test_the_only_schema_is_that_of_every_prompt(
    distil: Distil, schemas: Callable[..., str]
) -> None:
    good, bad = "MATCH (p:Person) RETURN p.name", "MATCH (p:Person) RETURN p.size"
    report = distil(f"A {say(good)}", f"B {say(bad)}", schema=schemas(schema("people", "name")))
    (row,) = report["data"]
    assert row["schema"] == "people"
    assert row["verification"] == ["cypher:checked", "cypher:executed"]
    assert report["rejects"][0]["reason"].startswith("UnknownProperty")


def test_a_schema_that_is_not_there_is_not_paid_for(
    distil: Distil, schemas: Callable[..., str]
) -> None:
    report = distil(
        {"question": "One", "schema": "pepole"},
        {"question": "Two"},
        {"question": "Three", "input": "(:City {name})"},
        schema=schemas(schema("people", "name"), schema("cities", "name")),
    )
    assert (report["rows"], report["requests"]) == (1, 1)
    first, second = (line["reason"] for line in report["rejects"])
    assert "did you mean 'people'" in first
    assert second == "names none of the 2 schemas"


@pytest.mark.parametrize("given", [[], {"foo": 1}, {"nodes": 5}, {"a": {"nodes": {}}}])
def test_a_schema_that_says_nothing_is_refused(schemas: Callable[..., str], given: Any) -> None:
    with pytest.raises(HeimdallError, match="schema"):
        read_schemas(schemas(given))


# --- prompts --------------------------------------------------------------------------------------


def test_half_a_character_ends_one_prompt_and_not_the_run(distil: Distil) -> None:
    report = distil({"question": "bad \ud800"}, {"question": "good"})
    assert (report["rows"], report["rejected"], report["requests"]) == (1, 1, 1)
    assert "half a character" in report["rejects"][0]["reason"]


def test_an_answer_with_half_a_character_is_not_taken(distil: Distil) -> None:
    assert read_fields('{"query": "RETURN 1 // \\ud83d"}', {"query": ""}) is None
    report = distil("[[surrogate*2]] once more", "Fine?")
    assert (report["rows"], report["requests"], report["failed_requests"]) == (2, 4, {"broken": 2})


def test_a_json_array_is_a_list_of_prompts(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_text('[\n {"question": "One?"},\n "Two?",\n {"query": "x"}\n]\n')
    items = list(read_items(path, "answer"))
    assert [item.question for item in items] == ["One?", "Two?", ""]
    assert [item.index for item in items] == [0, 1, 2]
    assert items[2].bad == "has no question"
    path.write_text('[{"question": "One?"},')
    with pytest.raises(HeimdallError, match="no JSON array"):
        list(read_items(path, "answer"))


def test_a_file_without_prompts_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "p.txt"
    path.write_text("\n \n")
    with pytest.raises(HeimdallError, match="holds no prompt"):
        list(read_items(path, "answer"))


def test_the_checker_says_what_is_to_be_repaired(distil: Distil) -> None:
    report = distil(
        {"query": f"MATCH (n:A RETURN n /* {say('MATCH (n:A) RETURN n')} */"},
        {"query": "MATCH (n:A) RETURN n"},
        task="repair",
    )
    (row,) = report["data"]
    assert "UnexpectedSyntax at line 1" in row["input"]
    assert report["requests"] == 1
    assert "nothing to repair" in report["rejects"][0]["reason"]


# --- prompt files ---------------------------------------------------------------------------------


def test_a_prompt_file_without_its_slot_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    for task, slot in (("answer", "question"), ("explain", "query"), ("repair", "finding")):
        own.write_text(source(task).replace(f"{{{slot}}}", "it"), encoding="utf-8")
        with pytest.raises(HeimdallError, match=f"slot {{{slot}}} is missing"):
            load_prompt(task, str(own))


def test_a_changed_text_has_a_label_of_its_own(tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text(source("answer"), encoding="utf-8")
    assert load_prompt("answer", str(own)).label == "answer@1"
    own.write_text(source("answer").replace("exactly one", "one"), encoding="utf-8")
    assert load_prompt("answer", str(own)).label.startswith("answer@1+")


# --- settings -------------------------------------------------------------------------------------


def test_judging_is_no_task_of_prompts(distil: Distil) -> None:
    with pytest.raises(HeimdallError, match="no task of prompts"):
        distil({"question": "Q", "query": "RETURN 1"}, task="judge")


def test_several_answers_differ(distil: Distil) -> None:
    assert DistillOptions().heat == 0
    assert DistillOptions(samples=3).heat > 0
    with pytest.raises(HeimdallError, match="3 times the same"):
        distil("Q", samples=3, temperature=0.0)


@pytest.mark.parametrize("name", ["--budget-usd", "--max-requests"])
def test_a_limit_of_0_is_no_limit_and_refused(name: str) -> None:
    from click.testing import CliRunner

    from heimdall_gen_distill.cli import distill

    done = CliRunner().invoke(distill, ["--prompts", "p.txt", name, "0"])
    assert done.exit_code == 2
    assert f"Invalid value for '{name}'" in done.output


def test_the_output_is_looked_at_before_anything_is_paid(
    server: Any, key: str, tmp_path: Path
) -> None:
    prompts = tmp_path / "p.jsonl"
    prompts.write_text('{"question": "Unwritten?"}\n')
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "file").write_text("")
    options = DistillOptions(
        prompts=str(prompts),
        cache=str(tmp_path / "c"),
        teacher_options={"base_url": server.openai, "model": "gpt-4o"},
    )
    before = server.stats()["requests"]
    for output, said in (
        (prompts, "is read by this run"),
        (tmp_path / "folder.jsonl", "no regular file"),
        (tmp_path / "file" / "out.jsonl", "cannot be written"),
    ):
        with pytest.raises(HeimdallError, match=said):
            distill_file(options, Registry(third_party=False).teacher, output)
    assert server.stats()["requests"] == before
    assert prompts.read_text() == '{"question": "Unwritten?"}\n'

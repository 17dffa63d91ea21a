"""What is done with prompts: each task, its checks, votes, repairs, the judge."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from heimdall_core import Registry
from heimdall_core.types import Event, GenerateContext
from heimdall_gen_distill.agreement import labelled_pairs, measure, names_agree
from heimdall_gen_distill.generate import examples
from heimdall_gen_distill.options import DistillOptions
from heimdall_gen_distill.prompts import TASKS, load_prompt, source

Distil = Callable[..., dict[str, Any]]


def say(value: Any) -> str:
    return f"[[say:{value if isinstance(value, str) else json.dumps(value)}]]"


@pytest.fixture
def people(tmp_path: Path) -> str:
    path = tmp_path / "people.json"
    nodes = {"Person": {"properties": {"name": "STRING", "age": "INTEGER"}}}
    links = [{"type": "KNOWS", "from": "Person", "to": "Person"}]
    path.write_text(json.dumps({"name": "people", "nodes": nodes, "relationships": links}))
    return str(path)


def test_answers_are_held_against_the_schema_and_executed(distil: Distil, people: str) -> None:
    good = "MATCH (p:Person) RETURN p.age"
    report = distil(
        {"question": f"Ages? {say(good)}", "schema": "people", "category": "basics"},
        {"question": f"Oops {say('MATCH (p:Person) RETURN p.agee')}", "schema": "people"},
        {"question": f"Set {say('MATCH (p:Person) SET p.age = 1')}", "schema": "people"},
        {"question": "No JSON next"},
        schema=people,
    )
    first, writing = report["data"][:2]
    assert first["output"] == good
    assert (first["schema"], first["meta"]["category"]) == ("people", "basics")
    assert first["verification"] == ["cypher:checked", "cypher:executed"]
    assert writing["verification"] == ["cypher:checked"]
    assert report["acceptance"]["answer@1 · basics"] == 1.0
    assert report["rejects"][0]["reason"].startswith("UnknownProperty at line 1")


def test_provenance_is_in_each_row(distil: Distil) -> None:
    (row,) = distil("Where from?")["data"]
    meta = row["meta"]
    assert (meta["teacher"], meta["model"], meta["prompt"]) == ("openai", "gpt-4o", "answer@1")
    assert len(meta["asked"]) == 10
    assert "terms of use" in meta["terms"]
    assert meta["tokens"] > 0
    assert meta["usd"] > 0
    assert row["source"] == "distill"


def test_repairs_get_the_finding(distil: Distil) -> None:
    wrong = "[[wrong*]] a broken one"
    assert distil(wrong)["rows"] == 0
    # The repair's message holds the mark too, so its answer is as broken: it stays rejected.
    report = distil(wrong, repairs=2)
    assert report["rows"] == 0
    mended = distil({"question": say("MATCH (n:A RETURN n")}, repairs=1)
    assert mended["rejects"][0]["reason"].startswith("UnexpectedSyntax")
    assert mended["requests"] == 2


def test_votes_are_by_meaning(distil: Distil) -> None:
    report = distil(f"Vote {say('MATCH (n:A) RETURN n')}", samples=3, temperature=0.7)
    (row,) = report["data"]
    assert row["meta"]["votes"] == 3
    assert report["requests"] == 3


def test_no_majority_no_row() -> None:
    from heimdall_gen_distill.outcomes import Found, Rejected
    from heimdall_gen_distill.votes import vote

    same = [Found({"query": q}, q, c) for q, c in (("a", "A"), ("b", "A"), ("c", "C"))]
    with pytest.raises(Rejected, match="no 3 of 4"):
        vote(same, ["reason"], DistillOptions(samples=4))
    assert vote(same, [], DistillOptions(samples=4, min_agree=2)).votes == 2
    rows = [Found({"query": q}, q, q, ran="r") for q in ("a", "b")]
    assert vote(rows, [], DistillOptions(samples=3, vote="execution")).votes == 2


def test_questions_for_queries(distil: Distil) -> None:
    query = "MATCH (p:Person {name: 'Ada'}) RETURN p.age LIMIT 3"
    asked = "What are the ages, 3 at most (age), of each Person whose name is Ada?"
    report = distil(
        {"query": f"{query} // a remark", "input": say({"question": asked})},
        {"query": query, "input": say({"question": "Who is Ada?"})},
        {"query": query, "input": say({"question": query})},
        task="questions",
    )
    (row,) = report["data"]
    assert (row["instruction"], row["output"]) == (asked, query)
    assert row["category"] == "distilled_questions"
    reasons = [line["reason"] for line in report["rejects"]]
    assert reasons[0].startswith("the question does not say")
    assert reasons[1] == "the question holds Cypher"


def test_paraphrases_and_explanations(distil: Distil) -> None:
    query = "MATCH (c:City) RETURN c.name"
    pair = {"question": "List the names of all City nodes: name", "query": query}
    other = "Give me the name of every City"
    report = distil(
        {**pair, "question": pair["question"] + say({"question": other})}, task="paraphrase"
    )
    assert [(r["instruction"], r["output"]) for r in report["data"]] == [(other, query)]
    told = "It finds each `City` and returns its `name`."
    lied = "It finds each `Town`."
    report = distil(
        {"query": query, "input": say({"explanation": told})},
        {"query": query, "input": say({"explanation": lied})},
        task="explain",
    )
    (row,) = report["data"]
    assert (row["output"], row["input"], row.get("language", "")) == (told, query, "")
    assert "does not have: Town" in report["rejects"][0]["reason"]


def test_evolving_makes_it_harder(distil: Distil) -> None:
    query = "MATCH (p:Person) RETURN p.name"
    harder = "MATCH (p:Person)-[:KNOWS]->(q:Person) WHERE q.age > 3 RETURN p.name ORDER BY p.name"
    asked = "Names of each Person who KNOWS a Person with age over 3, sorted"

    def pair(new: str) -> dict[str, str]:
        return {"question": say({"question": asked, "query": new}), "query": query}

    report = distil(
        pair(harder),
        pair("MATCH (x:Person) RETURN x.name"),
        pair("MATCH (p) RETURN p"),
        task="evolve",
    )
    assert [row["output"] for row in report["data"]] == [harder]
    assert [line["reason"] for line in report["rejects"]] == [
        "means the same as before",
        "no harder than before",
    ]


def test_the_judge_refuses_with_its_reason(distil: Distil, server: Any) -> None:
    scored = say({"score": 3, "reason": "a part of it"})
    judge = {"judge": "openai", "judge_options": {"model": "gpt-4.1", "base_url": server.openai}}
    report = distil(f"Judged {scored}", "Not scolded", **judge)
    (row,) = report["data"]
    assert (row["instruction"], row["meta"]["judge"]) == ("Not scolded", "gpt-4.1")
    assert report["rejects"][0]["reason"] == "judged 3 of 5: a part of it"
    assert report["requests"] == 4


def test_live_figures(distil: Distil) -> None:
    events: list[Event] = []
    distil("One live?", "[[wrong*]] two live", events=events)
    last = [event for event in events if event.kind == "metric"][-1]
    assert last.values["accepted answer@1"] == 0.5
    assert last.values["requests"] == 2


def test_bad_lines_are_counted_and_the_run_goes_on(distil: Distil, tmp_path: Path) -> None:
    report = distil({"question": "Fine?"}, {"nothing": 1}, ["x"], {"question": ""})
    assert (report["rows"], report["rejected"], report["requests"]) == (1, 3, 1)
    assert [line["reason"] for line in report["rejects"]] == [
        "has no question",
        "neither an object nor a text",
        "has no question",
    ]


def test_prompt_files(tmp_path: Path, distil: Distil) -> None:
    for task in (*TASKS, "judge"):
        prompt = load_prompt(task)
        assert prompt.label == f"{task}@1"
        assert prompt.summary
    own = tmp_path / "mine.toml"
    own.write_text(source("answer").replace('version = "1"', 'version = "7"'), encoding="utf-8")
    (row,) = distil("Own prompt?", prompt=str(own))["data"]
    assert row["meta"]["prompt"] == "answer@7"
    from heimdall_core import HeimdallError

    own.write_text(source("answer").replace("{question}", "{qestion}"), encoding="utf-8")
    with pytest.raises(HeimdallError, match="did you mean 'question'"):
        load_prompt("answer", str(own))
    own.write_text(source("answer").replace("answer.query", "answer.text"), encoding="utf-8")
    with pytest.raises(HeimdallError, match="has the fields query"):
        load_prompt("answer", str(own))


def test_show_prompt() -> None:
    code = "from heimdall_core.cli.main import entry; entry()"
    command = [sys.executable, "-c", code, "distill", "--show-prompt", "--task", "evolve"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == source("evolve")


def test_in_the_mix(server: Any, tmp_path: Path) -> None:
    prompts = tmp_path / "p.txt"
    prompts.write_text("".join(f"Mixed {i}\n" for i in range(50)) + "[[wrong*]] m\n")
    registry = Registry(third_party=False)
    options = DistillOptions(
        prompts=str(prompts),
        cache=str(tmp_path / "cache"),
        teacher_options={"base_url": server.openai, "model": "gpt-4o"},
    )
    notes: list[str] = []

    def context(count: int) -> GenerateContext:
        return GenerateContext(count=count, seed=1, note=notes.append, teacher=registry.teacher)

    before = server.stats()["requests"]
    assert len(list(examples(context(10), options))) == 10
    assert server.stats()["requests"] - before <= 12
    everything = list(examples(context(1000), options))
    assert len(everything) == 50
    assert "50 accepted, 1 rejected" in notes[-1]


# --- the judge against people ---------------------------------------------------------------------


def test_a_hundred_labelled_pairs_are_sound() -> None:
    from heimdall_core.types import CheckRequest
    from heimdall_lang_cypher.language import check

    pairs = labelled_pairs(None)
    assert len(pairs) == 100
    assert sum(pair["right"] for pair in pairs) == 50
    assert len({(pair["question"], pair["query"]) for pair in pairs}) == 100
    kinds = {pair["kind"] for pair in pairs if not pair["right"]}
    assert kinds >= {"direction", "extra", "missing", "unanswerable", "comparison", "counting"}
    assert {pair["kind"] for pair in pairs if pair["right"]} == {"right", "rewritten"}
    for pair in pairs:
        findings = check(pair["query"], CheckRequest(dialect="neo4j", performance=False))
        assert not [f for f in findings if f.severity == "error"], pair


def test_agreement_with_labels(server: Any, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.jsonl"

    def pair(number: int, score: int, right: bool) -> str:
        said = say({"score": score, "reason": "so"})
        kind = "right" if right else "order"
        given = {"question": f"{number} {said}", "query": "RETURN 1", "right": right}
        return json.dumps({**given, "kind": kind})

    lines = [pair(0, 5, True), pair(1, 4, True), pair(2, 2, False), pair(3, 5, False)]
    pairs.write_text("\n".join(lines), encoding="utf-8")
    table = {"base_url": server.openai, "model": "gpt-4o"}
    found = measure(
        Registry(third_party=False).teacher, "openai", table, pairs, cache=str(tmp_path / "c")
    )
    assert (found["pairs"], found["agreed"], found["wrong_accepted"]) == (4, 3, 1)
    assert found["agreement"] == 0.75
    assert found["kappa"] == 0.5
    assert found["by_kind"] == {"order": "1 of 2", "right": "2 of 2"}
    assert found["unscored"] == 0


def test_a_judge_that_gives_no_score_is_counted(server: Any, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.jsonl"
    given = {"question": "[[form*]] no", "query": "RETURN 1", "right": True}
    pairs.write_text(json.dumps(given), encoding="utf-8")
    table = {"base_url": server.openai, "model": "gpt-4o"}
    found = measure(
        Registry(third_party=False).teacher, "openai", table, pairs, cache=str(tmp_path / "c")
    )
    assert (found["unscored"], found["pairs"], found["agreement"]) == (1, 0, 0.0)


def test_the_rule_beside_the_judge() -> None:
    query = "MATCH (c:City {name: 'Oslo'}) WHERE c.size > 3 RETURN c"
    assert names_agree({"question": "Is oslo larger than 3?", "query": query})
    assert not names_agree({"question": "Is Oslo large?", "query": query})


def test_stats_count_refused_answers_into_the_price(distil: Distil, tmp_path: Path) -> None:
    from heimdall_gen_distill.write import stats

    report = distil("Cheap?", "[[wrong*]] dear")
    found = stats(tmp_path / "out.jsonl")
    assert found["rows"] == 1
    assert found["usd"] == report["usd_of_answers"] > report["data"][0]["meta"]["usd"]
    assert found["usd_per_row"] == pytest.approx(found["usd"])

"""What a run is said to come to, and what its rows are worth: the forecast is not passed, votes are
of rows that say something, scores stay with their rows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from heimdall_core import HeimdallError, Registry
from heimdall_core.types import GenerateContext
from heimdall_gen_distill.agreement import labelled_pairs, measure
from heimdall_gen_distill.checking import _Engines
from heimdall_gen_distill.generate import examples
from heimdall_gen_distill.journal import Journal
from heimdall_gen_distill.options import DistillOptions
from heimdall_gen_distill.progress import Progress
from heimdall_gen_distill.write import stats

Distil = Callable[..., dict[str, Any]]
PEOPLE = {
    "name": "people",
    "nodes": {"Person": {"properties": {"name": "STRING", "age": "INTEGER"}}},
}


def test_what_is_forecast_at_most_is_not_passed(distil: Distil, server: Any) -> None:
    judge = {
        "judge": "openai",
        "judge_options": {"model": "gpt-4-turbo", "base_url": server.openai},
    }
    lines = [f"问题是什么问题是什么 {i}" for i in range(4)] + [f"[[wrong*]] {i}" for i in range(4)]
    report = distil(*lines, **judge, repairs=2, max_tokens=40)
    forecast = report["forecast"]
    assert forecast["requests"] == 16
    assert report["usd_this_run"] <= forecast["usd_most"]
    dear = distil("Dear?", **judge)["forecast"]
    cheap = distil("Cheap?")["forecast"]
    assert dear["usd_most"] > 3 * cheap["usd_most"]


def test_half_of_a_vote_is_not_answered_already(distil: Distil) -> None:
    assert distil("Vote?", samples=3, max_requests=1)["not_asked"] == 1
    forecast = distil("Vote?", samples=3)["forecast"]
    assert (forecast["cached"], forecast["requests"]) == (0, 2)


def test_the_mix_says_what_it_will_come_to(server: Any, key: str, tmp_path: Path) -> None:
    prompts = tmp_path / "p.txt"
    prompts.write_text("".join(f"[[wrong*]] {i}\nMix {i}?\n" for i in range(20)))
    options = DistillOptions(
        prompts=str(prompts),
        cache=str(tmp_path / "cache"),
        teacher_options={"base_url": server.openai, "model": "gpt-4o"},
    )
    notes: list[str] = []
    teacher = Registry(third_party=False).teacher
    context = GenerateContext(count=15, seed=1, note=notes.append, teacher=teacher)
    assert len(list(examples(context, options))) == 15
    assert len(notes) == 2
    assert "17 prompts, 0 answered already" in notes[0]
    assert "prices of 20" in notes[0]


def test_an_answer_that_several_prompts_have_costs_once(distil: Distil) -> None:
    lines = ["Four times?"] * 4 + ["[[wrong*]] twice"] * 2
    report = distil(*lines)
    assert (report["rows"], report["repeated"], report["requests"]) == (1, 3, 2)
    assert report["usd_of_answers"] == report["usd_this_run"]
    assert report["usd_per_row"] == pytest.approx(report["usd_this_run"], abs=1e-6)
    assert distil(*lines)["usd_of_answers"] == report["usd_of_answers"]


def test_rates_are_of_what_was_asked() -> None:
    progress = Progress()
    progress.by_category["answer@1"] = progress.statuses.__class__({"accepted": 3, "not asked": 9})
    progress.by_category["late"] = progress.statuses.__class__({"not asked": 2})
    assert progress.rates() == {"answer@1": 1.0}


def test_rows_that_are_none_say_nothing_and_an_order_is_kept() -> None:
    engines = _Engines({"people": PEOPLE})
    try:
        none = engines.run("MATCH (p:Person) WHERE p.age > 99999999 RETURN p.name", "people")
        up = engines.run("MATCH (p:Person) RETURN p.name ORDER BY p.name", "people")
        down = engines.run("MATCH (p:Person) RETURN p.name ORDER BY p.name DESC", "people")
        free = engines.run("MATCH (q:Person) RETURN q.name", "people")
        same = engines.run("MATCH (p:Person) RETURN p.name", "people")
    finally:
        engines.close()
    assert (none.verdict, none.detail) == ("rows", "")
    assert up.detail != down.detail
    assert free.detail == same.detail != ""


def test_the_score_stays_with_the_row(distil: Distil, server: Any) -> None:
    judge = {"judge": "openai", "judge_options": {"model": "gpt-4.1", "base_url": server.openai}}
    (row,) = distil("Scored?", **judge)["data"]
    assert (row["meta"]["score"], row["meta"]["judge_prompt"]) == (5, "judge@1")
    with pytest.raises(HeimdallError, match="explanations are none"):
        distil({"query": "RETURN 1"}, task="explain", **judge)


def test_a_judge_that_could_not_be_paid_is_not_called_a_bad_one(
    server: Any, tmp_path: Path
) -> None:
    table = {"base_url": server.openai, "model": "mystery"}
    prices = tmp_path / "prices.toml"
    prices.write_text('date = "2026-01-01"\n[[models]]\nname = "myst"\ninput = 1\noutput = 2.0\n')
    found = measure(
        Registry(third_party=False).teacher,
        "openai",
        table,
        None,
        budget_usd=1e-6,
        prices=str(prices),
        cache=str(tmp_path / "c"),
    )
    assert (found["not_asked"], found["pairs"]) == (100, 0)
    assert "leaves no room" in found["stopped"]


def test_pairs_that_are_none_are_named_by_their_line(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"question": "Q", "query": "RETURN 1", "right": true}\n{"right": true}\n')
    with pytest.raises(HeimdallError, match="needs question, query") as caught:
        labelled_pairs(path)
    assert str(path) + ":2" in str(caught.value)


def test_a_report_that_is_none(distil: Distil, tmp_path: Path) -> None:
    distil("Reported?")
    (tmp_path / "out.report.json").write_text("[1]")
    with pytest.raises(HeimdallError, match="no report of a run"):
        stats(tmp_path / "out.jsonl")


def test_a_killed_run_leaves_no_journal(tmp_path: Path) -> None:
    code = (
        "import os\nfrom heimdall_gen_distill.journal import Journal\nj = Journal()\n"
        "j._pending = [(n, 'accepted', 'x' * 4000, '') for n in range(4000)]\nj._flush()\n"
        "os.kill(os.getpid(), 9)\n"
    )
    env = {"TMPDIR": str(tmp_path), "SQLITE_TMPDIR": str(tmp_path), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], env=env, check=False)
    assert done.returncode == -9
    assert list(tmp_path.iterdir()) == []
    journal = Journal()
    assert journal.is_new(b"a")
    assert not journal.is_new(b"a")
    journal.close()

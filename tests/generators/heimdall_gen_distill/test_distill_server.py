"""Against a real server that misbehaves: every prompt ends somewhere, nothing is paid twice, no
budget is passed, no key is written down."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from teaching import Running, teacher_server

from heimdall_core.errors import HeimdallError, TeacherFailure

Distil = Callable[..., dict[str, Any]]

KINDS = ("429:0.02", "500", "half", "json", "shape", "reset", "empty")


@pytest.mark.parametrize("teacher", ["openai", "anthropic"])
@pytest.mark.parametrize("kind", [*KINDS, "hang", "drip"])
def test_a_request_that_fails_is_sent_again(distil: Distil, teacher: str, kind: str) -> None:
    timeout = 1.0 if kind in ("hang", "drip") else 20.0
    settings = {"timeout": timeout}
    report = distil(f"[[{kind}*1]] {teacher}?", teacher=teacher, settings=settings)
    assert (report["rows"], report["failed"]) == (1, 0)
    failed = sum(report["failed_requests"].values())
    assert report["requests"] == 1 + failed
    # A crowded machine may be late with the second answer as well.
    assert failed >= 1 if timeout == 1.0 else failed == 1


@pytest.mark.parametrize("teacher", ["openai", "anthropic"])
def test_one_that_goes_on_failing_is_reported(distil: Distil, teacher: str) -> None:
    report = distil("[[500*]] never", "Fine?", teacher=teacher, attempts=3)
    assert (report["rows"], report["failed"], report["requests"]) == (1, 1, 4)
    (line,) = report["rejects"]
    assert line["status"] == "failed"
    assert line["reason"].startswith("HTTP 500")


def test_what_is_wrong_with_the_request_is_not_sent_again(distil: Distil) -> None:
    report = distil("[[400*]] bad")
    assert (report["failed"], report["requests"]) == (1, 1)


def test_a_refused_key_stops_the_run_and_writes_nothing(distil: Distil, tmp_path: Path) -> None:
    with pytest.raises(TeacherFailure, match="the key was refused") as caught:
        distil(*[f"[[401*]] {i}" for i in range(50)])
    assert caught.value.kind == "fatal"
    assert not (tmp_path / "out.jsonl").exists()


def test_retry_after_is_honoured(distil: Distil) -> None:
    started = time.monotonic()
    report = distil("[[429:0.7*1]] wait")
    assert report["rows"] == 1
    assert time.monotonic() - started >= 0.7


def test_what_is_not_taken_keeps_its_reason(distil: Distil) -> None:
    report = distil(
        "[[refuse*]] a",
        "[[length*]] b",
        "[[form*]] c",
        "[[wrong*]] d",
        "[[say:I am sorry.]] e",
    )
    assert report["rows"] == 0
    assert [line["reason"].split(" at ")[0] for line in report["rejects"]] == [
        "refused by the teacher",
        "cut off",
        "not in the form that was asked for",
        "UnexpectedSyntax",
        "no query in the answer",
    ]
    assert report["rejects"][3]["answer"] == '{"query": "MATCH (n:Thing RETURN n"}'


def test_an_answer_is_paid_once_and_a_failure_is_not_kept(distil: Distil) -> None:
    lines = ("One of many?", "Another of many?", "[[500*3]] later", "[[refuse*]] no")
    first = distil(*lines, attempts=2)
    assert (first["rows"], first["failed"], first["rejected"]) == (2, 1, 1)
    second = distil(*lines, attempts=2)
    # The two answers are there; what failed and what was refused is asked again.
    assert (second["rows"], second["requests"]) == (3, 3)
    assert second["usd_of_answers"] > second["usd_this_run"]
    third = distil(*lines[:3])
    assert (third["rows"], third["requests"]) == (3, 0)
    assert [row["instruction"] for row in third["data"]] == list(lines[:3])


def test_the_same_prompt_twice_is_asked_once(distil: Distil) -> None:
    report = distil(*(["The same thing twice?"] * 20))
    assert (report["rows"], report["repeated"], report["requests"]) == (1, 19, 1)


@pytest.mark.parametrize("most", [1, 7])
def test_the_most_requests_are_never_passed(server: Running, distil: Distil, most: int) -> None:
    before = server.stats()["requests"]
    lines = [f"[[500*1]] {most} limited {i}" for i in range(30)]
    report = distil(*lines, max_requests=most)
    assert server.stats()["requests"] - before == most == report["requests"]
    assert report["rows"] + report["failed"] + report["not_asked"] == 30
    assert "used up" in report["stopped"]


@pytest.mark.parametrize("teacher", ["openai", "anthropic"])
def test_the_budget_is_never_passed(distil: Distil, teacher: str) -> None:
    budget = 0.05
    with teacher_server("--chance", "0.2") as fresh:
        table = {"model": "claude-haiku-4-5" if teacher == "anthropic" else "gpt-4o"}
        report = distil(
            *[f"{teacher} costs {i}" for i in range(400)],
            server=fresh,
            teacher=teacher,
            settings=table,
            budget_usd=budget,
            max_tokens=200,
        )
        stats = fresh.stats()
    prices = {"openai": (2.5, 10.0), "anthropic": (1.0, 5.0)}[teacher]
    billed = (stats["prompt_tokens"] * prices[0] + stats["answer_tokens"] * prices[1]) / 1e6
    assert billed <= budget
    assert report["usd_this_run"] <= budget
    assert report["usd_this_run"] > budget * 0.5
    assert 0 < report["rows"] < 400
    assert report["rows"] + report["not_asked"] + report["failed"] == 400


def test_a_budget_needs_a_price(distil: Distil, tmp_path: Path) -> None:
    with pytest.raises(HeimdallError, match="nobody knows what the model 'mystery' costs"):
        distil("Q", settings={"model": "mystery"}, budget_usd=1.0)
    prices = tmp_path / "prices.toml"
    prices.write_text('date = "2026-01-01"\n[[models]]\nname = "myst"\ninput = 1\noutput = 2.0\n')
    report = distil("Q", settings={"model": "mystery"}, budget_usd=1.0, prices=str(prices))
    assert report["price_date"] == "2026-01-01"
    assert report["usd_this_run"] > 0


@pytest.mark.parametrize("teacher", ["openai", "anthropic"])
def test_2000_prompts_end_somewhere(distil: Distil, tmp_path: Path, key: str, teacher: str) -> None:
    """A fifth of the messages meets trouble, once or twice. A request that hangs is given up after
    three seconds, and as many of them as there are hang at once."""
    with teacher_server("--chance", "0.2") as fresh:
        lines = [f"Prompt number {i} of many" for i in range(1960)]
        lines += [f"[[500*]] {i}" for i in range(10)] + [f"[[wrong*]] {i}" for i in range(10)]
        lines += [f"[[echo]] {i}" for i in range(10)] + [f"[[refuse*]] {i}" for i in range(10)]
        given = {"server": fresh, "teacher": teacher, "settings": {"timeout": 3.0}}
        report = distil(*lines, concurrency=128, backoff=0.01, **given)
        stats = fresh.stats()
        assert report["prompts"] == 2000
        assert (report["rows"], report["failed"], report["not_asked"]) == (1960, 10, 0)
        assert report["rejected"] == 30
        assert stats["answered_twice"] == []
        # Every answer that reached us is there; no request was made that is not accounted for.
        assert report["requests"] == stats["requests"]
        # Each kind of trouble was met.
        kinds = {"busy", "server", "timeout", "connection", "broken"}
        assert kinds <= set(report["failed_requests"])
        again = distil(*lines[:1960], **given)
        assert (again["rows"], again["requests"]) == (1960, 0)
    assert all(len(line["reason"]) > 5 for line in report["rejects"])
    for path in tmp_path.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert key.encode() not in content, path
            assert key[5:25].encode() not in content, path


def test_no_error_text_holds_the_key(distil: Distil, key: str) -> None:
    with pytest.raises(TeacherFailure) as caught:
        distil("[[401*]] who am I")
    text = repr(caught.value) + str(caught.value) + repr(caught.value.__cause__)
    assert "HTTP 401" in text
    assert key not in text
    assert key[:16] not in text


RUN = """
import sys
from pathlib import Path
from heimdall_core import Registry
from heimdall_gen_distill.options import DistillOptions
from heimdall_gen_distill.write import distill_file
folder, address = Path(sys.argv[1]), sys.argv[2]
options = DistillOptions(
    prompts=str(folder / "prompts.txt"), cache=str(folder / "cache"), concurrency=8, backoff=0.02,
    requests_per_minute=6000,  # slow enough to be caught in the middle
    teacher_options={"base_url": address, "model": "gpt-4o", "timeout": 2.0},
)
distill_file(options, Registry(third_party=False).teacher, folder / "out.jsonl")
"""


def test_killed_at_ten_moments_it_ends_with_the_same_file(tmp_path: Path, key: str) -> None:
    lines = [f"Kill me {i}" for i in range(300)] + ["[[wrong*]] x", "[[500*1]] y"]
    chance = random.Random(11)
    # The server has seen so many requests when a run is killed, and a little later.
    moments = sorted(chance.sample(range(280), 10))
    with teacher_server("--chance", "0.05") as fresh:

        def start(folder: Path) -> subprocess.Popen[bytes]:
            folder.mkdir(exist_ok=True)
            (folder / "prompts.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
            command = [sys.executable, "-c", RUN, str(folder), fresh.openai]
            return subprocess.Popen(command, env={**os.environ})

        assert start(tmp_path / "whole").wait() == 0
        whole = (tmp_path / "whole" / "out.jsonl").read_bytes()
        before = fresh.stats()["requests"]
        for moment in moments:
            process = start(tmp_path / "killed")
            while fresh.stats()["requests"] - before < moment:
                assert process.poll() is None, "it ended before it was killed"
                time.sleep(0.005)
            time.sleep(chance.uniform(0, 0.05))
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
            assert not (tmp_path / "killed" / "out.jsonl").exists()
        assert start(tmp_path / "killed").wait() == 0
        asked = fresh.stats()["requests"] - before
    for name in ("out.jsonl", "out.rejected.jsonl"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    # What was in flight at a kill (8 at most) is asked again, and nothing else.
    assert asked <= len(lines) + len(moments) * 8 + 40
    assert len(whole.splitlines()) == 301


def test_the_forecast_comes_before_the_first_call(
    server: Running, tmp_path: Path, key: str
) -> None:
    prompts = tmp_path / "p.txt"
    prompts.write_text("One forecast?\nTwo forecast?\n", encoding="utf-8")
    before = server.stats()["requests"]
    code = "from heimdall_core.cli.main import entry; entry()"
    arguments = [
        *("distill", "--prompts", str(prompts), "--teacher", "openai", "--model", "gpt-4o"),
        *("--base-url", server.openai, "--cache", str(tmp_path / "cache")),
        *("--requests-per-minute", "60", "--dry-run"),
    ]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments, "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    assert (found["prompts"], found["requests"], found["seconds"]) == (2, 2, 2.0)
    assert 0 < found["usd"] < found["usd_most"]
    assert server.stats()["requests"] == before
    shown = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    assert "2 requests" in shown.stderr
    assert "prices of 20" in shown.stderr

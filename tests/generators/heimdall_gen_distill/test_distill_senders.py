"""Processes that send: the same answers, failures and counts as without them."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from teaching import Running

from heimdall_core import Registry
from heimdall_core.errors import TeacherFailure
from heimdall_core.prompt import Message
from heimdall_core.types import Teacher, TeacherAnswer, TeacherRequest
from heimdall_gen_distill import senders
from heimdall_gen_distill.senders import SpreadSession, setup_of

Distil = Callable[..., dict[str, Any]]


def opened(server: Running, many: int = 1) -> SpreadSession:
    teacher = Registry(third_party=False).teacher("openai")
    table = {"base_url": server.openai, "model": "gpt-4o"}
    setup = setup_of(teacher, table)
    assert setup is not None
    assert teacher.open is not None
    return SpreadSession(teacher.open(teacher.options(**table)), setup, many)


async def spread(session: SpreadSession) -> None:
    """Sends until another process does it."""
    while not session.processes:
        await session.send(session.render(asking("first")))


def asking(text: str) -> TeacherRequest:
    return TeacherRequest((Message("user", text),), max_tokens=9)


def test_answers_and_failures_come_as_they_are(server: Running) -> None:
    async def scene() -> None:
        session = opened(server)
        here = await session.send(session.render(asking("é 😀 [[say:RETURN 'é😀']]")))
        await spread(session)
        there = await asyncio.gather(
            *(session.send(session.render(asking(f"{i} [[say:RETURN {i}]]"))) for i in range(50))
        )
        assert [answer.text for answer in there] == [f"RETURN {i}" for i in range(50)]
        assert await session.send(session.render(asking("é 😀 [[say:RETURN 'é😀']]"))) == here
        with pytest.raises(TeacherFailure, match="HTTP 429") as caught:
            await session.send(session.render(asking("[[429:0.7*]] later")))
        assert (caught.value.kind, caught.value.retry_after) == ("busy", 0.7)
        with pytest.raises(TeacherFailure) as caught:
            await session.send(session.render(asking("[[half*]] cut")))
        assert (caught.value.kind, caught.value.billed) == ("connection", True)
        await session.close()

    asyncio.run(scene())


def test_a_process_that_ends_is_started_again(server: Running) -> None:
    async def scene() -> None:
        session = opened(server)
        await spread(session)
        process = session.processes[0]
        assert process._process is not None
        first = process._process.pid
        hanging = asyncio.create_task(process.send(session.render(asking("[[hang*]] wait"))))
        await asyncio.sleep(0)
        os.kill(first, signal.SIGKILL)
        with pytest.raises(TeacherFailure, match="has ended") as caught:
            await hanging
        assert (caught.value.kind, caught.value.billed) == ("connection", True)
        await process.send(session.render(asking("again")))
        assert process._process is not None
        assert process._process.pid != first
        await session.close()

    asyncio.run(scene())


def test_a_run_through_processes_counts_the_same(
    server: Running, distil: Distil, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[senders.Sender] = []
    start = senders.Sender.start

    async def noted(self: senders.Sender) -> None:
        await start(self)
        started.append(self)

    monkeypatch.setattr(senders.Sender, "start", noted)
    monkeypatch.setattr(senders.SpreadSession.__init__, "__defaults__", (8,))
    monkeypatch.setattr(senders, "_SECONDS", 60.0)
    before = server.stats()
    # Held up until the process is there, so that it has something to do.
    lines = [f"[[500*2]] spread {i}" for i in range(20)] + [f"Spread {i}" for i in range(480)]
    report = distil(*lines, requests_per_minute=6000)
    after = server.stats()
    assert started
    assert report["rows"] == 500
    assert report["requests"] == after["requests"] - before["requests"] == 540
    assert report["failed_requests"] == {"server": 40}
    assert after["answered_twice"] == before["answered_twice"]


def test_no_request_is_sent_beyond_what_is_allowed(
    server: Running, distil: Distil, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(senders.SpreadSession.__init__, "__defaults__", (4,))
    monkeypatch.setattr(senders, "_SECONDS", 60.0)
    before = server.stats()["requests"]
    report = distil(*[f"Bounded {i}" for i in range(400)], max_requests=300)
    assert server.stats()["requests"] - before == 300 == report["requests"]
    assert (report["rows"], report["not_asked"]) == (300, 100)


def test_what_cannot_be_named_is_not_opened_elsewhere() -> None:
    def answer(messages: Any, options: Any) -> TeacherAnswer:
        raise AssertionError

    teacher = Teacher("t", "", answer, open=lambda options: None)  # type: ignore[arg-type,return-value]
    assert setup_of(teacher, {}) is None

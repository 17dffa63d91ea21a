"""How patiently a teacher is asked: what a server wants is kept to by every request, one that is
denied does not end the others, and what was asked for and not used is given back."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from heimdall_core.errors import TeacherFailure
from heimdall_core.prompt import Message
from heimdall_core.types import Event, Teacher, TeacherAnswer, TeacherRequest
from heimdall_gen_distill.asking import Asker, Limits
from heimdall_gen_distill.budget import Budget, OutOfBudget
from heimdall_gen_distill.cache import AnswerCache
from heimdall_gen_distill.limits import Pace
from heimdall_gen_distill.prices import FREE

Distil = Callable[..., dict[str, Any]]


class Scripted:
    """A session whose first request fails with `failure`; keeps when each was sent."""

    structured, model = False, "m"

    def __init__(self, failure: TeacherFailure) -> None:
        self._failure: TeacherFailure | None = failure
        self.sent: list[float] = []

    def render(self, request: TeacherRequest) -> dict[str, Any]:
        return {"messages": [each.content for each in request.messages]}

    async def send(self, rendered: Any) -> TeacherAnswer:
        self.sent.append(time.monotonic())
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        return TeacherAnswer("RETURN 1", 10, 2)

    async def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("kind", ["busy", "server"])
def test_nobody_sends_while_the_server_wants_to_be_left_alone(tmp_path: Path, kind: str) -> None:
    """Neither those that had passed the gate before and waited for their turn."""
    pause = 0.6
    session = Scripted(TeacherFailure(kind, "HTTP 4xx", retry_after=pause))
    teacher = Teacher(name="t", summary="s", answer=lambda messages, options: TeacherAnswer("x"))
    cache = AnswerCache(tmp_path)

    async def scene() -> None:
        limits = Limits(concurrency=16, requests_per_minute=3000, backoff=0.0)
        asker = Asker(teacher, session, cache, Budget(), FREE, limits)
        asks = (asker.ask(TeacherRequest((Message("user", f"{i}"),))) for i in range(20))
        await asyncio.gather(*asks)

    asyncio.run(scene())
    cache.close()
    assert len(session.sent) == 21
    first, *others = session.sent
    assert min(others) - first >= pause
    # Their turns have not piled up meanwhile: 20 at 50 a second, give or take a burst of five.
    assert max(others) - min(others) >= 0.25


def test_a_long_pause_is_told(distil: Distil, monkeypatch: pytest.MonkeyPatch) -> None:
    import heimdall_gen_distill.asking as asking

    monkeypatch.setattr(asking, "_WORTH_TELLING", 0.2)
    events: list[Event] = []
    distil("[[429:0.3*1]] told", events=events)
    (said,) = [event.message for event in events if event.kind == "warning"]
    assert "wants to be left alone" in said
    assert "HTTP 429" in said


def test_one_denied_request_is_one_failed_prompt(distil: Distil) -> None:
    lines = [f"Allowed {i}?" for i in range(20)]
    report = distil("[[403*]] moderated", *lines[:10], "[[403*]] this too", *lines[10:])
    assert (report["rows"], report["failed"], report["fatal"]) == (20, 2, False)
    with pytest.raises(TeacherFailure, match="may not do this"):
        distil(*[f"[[403*]] all {i}" for i in range(20)])


def test_what_was_paid_is_written_when_the_account_is_empty(distil: Distil) -> None:
    lines = [f"Paid {i}?" for i in range(10)]
    assert distil(*lines)["rows"] == 10
    report = distil(*lines, *[f"[[402*]] {i}" for i in range(30)], concurrency=2)
    assert (report["rows"], report["fatal"]) == (10, True)
    assert report["failed"] + report["not_asked"] == 30
    assert "nothing left to pay" in report["stopped"]


def test_a_budget_outlives_an_event_loop() -> None:
    budget = Budget(usd=1.0)

    async def wave(first: float) -> None:
        reserved = await budget.reserve(first)
        waiting = asyncio.create_task(budget.reserve(0.3))
        await asyncio.sleep(0)
        assert not waiting.done()
        budget.settle(reserved, 0.1)
        budget.settle(await waiting, 0.1)

    asyncio.run(wave(0.3))
    asyncio.run(wave(0.7))
    with pytest.raises(OutOfBudget):
        asyncio.run(wave(0.7))
    assert budget.spent == pytest.approx(0.4)


def test_tokens_that_were_not_used_are_given_back() -> None:
    """16 at once, 600 tokens set aside for each and 100 used, a second for an answer."""
    now = 0.0
    pace = Pace(60_000, lambda: now)
    events = [(0.0, i, "free") for i in range(16)]
    heapq.heapify(events)
    used: list[tuple[float, int]] = []
    while events:
        now, who, what = heapq.heappop(events)
        if now > 600:
            break
        if what == "free":
            heapq.heappush(events, (now + pace.delay(600), who, "send"))
        elif what == "send":
            used.append((now, 100))
            heapq.heappush(events, (now + 1.0, who, "answer"))
        else:
            pace.correct(100 - 600)
            heapq.heappush(events, (now, who, "free"))
    windows = [sum(n for at, n in used if start <= at < start + 60) for start in range(0, 540, 7)]
    assert max(windows) <= 60_000 + 600  # the one that crosses the edge
    assert min(windows[2:]) >= 54_000

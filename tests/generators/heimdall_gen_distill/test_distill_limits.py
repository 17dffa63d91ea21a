"""Pace, gate and budget, each by itself and on a clock of the test's own."""

from __future__ import annotations

import asyncio

import pytest

from heimdall_gen_distill.budget import Budget, OutOfBudget
from heimdall_gen_distill.cache import AnswerCache, request_key
from heimdall_gen_distill.limits import Gate, Pace


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_no_minute_holds_more_than_is_allowed() -> None:
    clock = Clock()
    pace = Pace(600, clock)
    sent: list[float] = []
    while clock.now < 120:
        clock.now += pace.delay()
        sent.append(clock.now)
    for start in range(60):
        assert sum(start <= at < start + 60 for at in sent) <= 602
    assert len(sent) >= 1195
    clock.now += 1000  # what was not used is not saved up
    burst = 0
    while pace.delay() == 0:
        burst += 1
    assert burst <= 3


def test_turns_that_go_by_unused_are_seen() -> None:
    clock = Clock()
    pace = Pace(600, clock)
    assert not pace.is_late()
    clock.now += 1
    assert pace.is_late()
    while pace.delay() == 0:
        pass
    assert not pace.is_late()
    assert not Pace(0, clock).is_limited


def test_tokens_are_paced_by_their_number() -> None:
    clock = Clock()
    pace = Pace(6000, clock)
    assert pace.delay(200) == 0
    assert pace.delay(50) == pytest.approx(2.0, abs=0.11)


def test_the_gate_halves_once_for_what_was_sent_before() -> None:
    async def scene() -> None:
        gate = Gate(32)
        assert gate.limit == 16
        epochs = [await gate.enter() for _ in range(10)]
        for epoch in epochs:
            gate.busy(epoch, None)
        assert gate.limit == 8
        for _ in range(10):
            gate.leave()
        epoch = await gate.enter()
        gate.busy(epoch, None)
        assert gate.limit == 4
        gate.leave()
        for _ in range(500):
            gate.went_well()
        assert gate.limit > 25

    asyncio.run(scene())


def test_no_more_pass_the_gate_than_its_limit() -> None:
    async def scene() -> int:
        gate, most = Gate(8), 0

        async def one() -> None:
            nonlocal most
            await gate.enter()
            most = max(most, gate.active)
            await asyncio.sleep(0)
            gate.went_well()
            gate.leave()

        await asyncio.gather(*(one() for _ in range(200)))
        assert gate.active == 0
        return most

    assert asyncio.run(scene()) == 8


def test_what_is_in_flight_counts() -> None:
    async def scene() -> None:
        budget = Budget(usd=1.0)
        budget.settle(await budget.reserve(0.1), 0.1)
        first = await budget.reserve(0.4)
        second = await budget.reserve(0.4)
        third = asyncio.create_task(budget.reserve(0.4))
        await asyncio.sleep(0)
        assert not third.done()  # 0.1 spent, 0.8 on their way
        budget.settle(first, 0.05)
        assert await third == 0.4
        budget.settle(second, 0.4)
        budget.settle(0.4, 0.4)
        with pytest.raises(OutOfBudget, match="leaves no room"):
            await budget.reserve(0.4)
        assert budget.spent == pytest.approx(0.95)

    asyncio.run(scene())


def test_a_server_that_counts_more_is_learnt_of_before_many_are_sent() -> None:
    async def scene() -> None:
        budget = Budget(usd=1.0)
        first = await budget.reserve(0.01)
        second = asyncio.create_task(budget.reserve(0.01))
        await asyncio.sleep(0)
        assert not second.done()  # the first goes alone
        budget.settle(first, 0.05)
        assert await second == pytest.approx(0.05)

    asyncio.run(scene())


def test_the_key_is_the_request_alone() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "é"}]}
    assert request_key("openai", body) == request_key("openai", dict(reversed(body.items())))
    # Fixed: answers that were paid for are found by every later version.
    assert request_key("openai", body)[:16] == "b21a4c51c10e0c5d"
    assert request_key("openai", {**body, "temperature": 0.1}) != request_key("openai", body)
    assert request_key("anthropic", body) != request_key("openai", body)


def test_two_processes_share_a_cache(tmp_path) -> None:  # type: ignore[no-untyped-def]
    from heimdall_core.types import TeacherAnswer

    one, other = AnswerCache(tmp_path), AnswerCache(tmp_path)
    one.put("k", "t", "m", TeacherAnswer("text", 3, 4))
    found = other.get("k")
    assert found is not None
    assert found.answer == TeacherAnswer("text", 3, 4)
    for bad in (TeacherAnswer("", 1, 1), TeacherAnswer("no", 1, 1, "refused")):
        one.put("bad", "t", "m", bad)
    assert other.get("bad") is None
    one.close()
    other.close()

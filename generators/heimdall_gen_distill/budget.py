"""Hard stops. What is in flight counts with the most that it may cost, so that no answer that is
still on its way can pass the budget."""

from __future__ import annotations

import asyncio

from heimdall_core.errors import HeimdallError


class OutOfBudget(HeimdallError):
    """Money or requests are used up: nothing more is sent."""


class Budget:
    """Money in US dollars and a number of requests; 0 is no limit."""

    def __init__(self, usd: float = 0.0, requests: int = 0) -> None:
        self.usd, self.requests = usd, requests
        self.spent = 0.0
        """What was paid, or may have been."""
        self.sent = 0
        """Requests that were sent, each retry among them."""
        self._reserved = 0.0
        self._flying = 0
        #: Those that wait for room. Futures, for a budget outlives the event loop of one wave.
        self._waiting: list[asyncio.Future[None]] = []
        #: Most that an answer cost in proportion to what was reserved for it: a server may count
        #: more tokens than there are bytes.
        self._ratio = 1.0
        self._learnt = False

    async def reserve(self, most: float) -> float:
        """Sets aside what a request may cost and counts it as sent. Raises `OutOfBudget`; waits
        first for requests in flight that may turn out cheaper."""
        while True:
            if self.requests and self.sent >= self.requests:
                raise OutOfBudget(f"all {self.requests:,} requests are used up")
            if not self.usd:
                break
            wanted = most * self._ratio
            # The first answer shows how this server counts; until then one goes out alone.
            first = not self._learnt and self._flying > 0
            if not first and self.spent + self._reserved + wanted <= self.usd:
                most = wanted
                break
            if not self._flying:
                raise OutOfBudget(
                    f"the budget of {self.usd:g} USD leaves no room for another request: "
                    f"{self.spent:.4f} spent, {wanted:.4f} needed"
                )
            room = asyncio.get_running_loop().create_future()
            self._waiting.append(room)
            await room
        self._reserved += most
        self._flying += 1
        self.sent += 1
        return most

    def settle(self, reserved: float, cost: float, *, known: bool = True) -> None:
        """A request came back; `cost` is what it cost, `known` whether the server said so."""
        self._reserved -= reserved
        self._flying -= 1
        self.spent += cost
        if known:
            self._learnt = True
            if reserved > 0:
                self._ratio = max(self._ratio, self._ratio * cost / reserved)
        if not self._flying:
            self._reserved = 0.0  # no crumbs of rounding
        waiting, self._waiting = self._waiting, []
        for room in waiting:
            if not room.done() and not room.get_loop().is_closed():
                room.set_result(None)

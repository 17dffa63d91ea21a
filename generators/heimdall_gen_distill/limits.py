"""How fast, and how many at once.

Requests and tokens are spaced evenly, with little bursts, so that no window of a minute holds more
than is allowed. The number of requests in flight grows by one for every round of answers and is
halved when the server is busy; a server that says when to come back is left alone until then.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

Clock = Callable[[], float]

#: Seconds' worth of requests that may go out at once.
_BURST = 0.1


class Pace:
    """At most so many units a minute; 0 is no limit."""

    def __init__(self, per_minute: float, clock: Clock = time.monotonic) -> None:
        self._gap = 60.0 / per_minute if per_minute else 0.0
        self._clock = clock
        self._next = clock()

    def delay(self, units: float = 1.0) -> float:
        """Takes its turn; seconds to wait until it comes."""
        if not self._gap:
            return 0.0
        now = self._clock()
        self._next = max(self._next, now - _BURST)
        turn = self._next
        self._next += units * self._gap
        return max(turn - now, 0.0)

    def correct(self, units: float) -> None:
        """What was asked for turned out to be `units` more, or fewer, than its turn was taken
        for. Nothing is made up for that would lie in the past."""
        if self._gap:
            self._next = max(self._next + units * self._gap, min(self._next, self._clock()))

    def is_late(self) -> bool:
        """Whether turns have gone by unused."""
        return self._next < self._clock() - _BURST / 2

    @property
    def is_limited(self) -> bool:
        """Whether there is a limit."""
        return bool(self._gap)


class Gate:
    """Lets as many through at once as the server can take, and none while it wants to be left
    alone."""

    def __init__(self, most: int, clock: Clock = time.monotonic) -> None:
        self.most = max(1, most)
        self.limit = float(max(1, min(self.most, max(4, self.most // 2))))
        self.active = 0
        self.epoch = 0
        self._clock = clock
        self._closed_until = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> int:
        """Waits for a place; returns the epoch that it was given in."""
        while True:
            await self.until_open()
            if self.active < int(self.limit):
                self.active += 1
                return self.epoch
            place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            try:
                await place
            except asyncio.CancelledError:
                if place.done() and not place.cancelled():
                    self._wake()
                raise

    def pause(self) -> float:
        """Seconds that the server is still to be left alone."""
        return max(0.0, self._closed_until - self._clock())

    async def until_open(self) -> bool:
        """Waits while the server wants to be left alone; returns whether it did."""
        waited = False
        while (pause := self.pause()) > 0:
            waited = True
            await asyncio.sleep(pause)
        return waited

    def leave(self) -> None:
        """Gives a place back."""
        self.active -= 1
        self._wake()

    def went_well(self) -> None:
        """An answer came: room for a little more."""
        self.limit = min(self.most, self.limit + 1 / self.limit)

    def busy(self, epoch: int, retry_after: float | None) -> None:
        """The server is busy: half as many, once for all that were sent before it said so."""
        if epoch == self.epoch:
            self.limit = max(1.0, self.limit / 2)
            self.epoch += 1
        self.rest(retry_after or 0.0)

    def rest(self, seconds: float) -> None:
        """The server wants to be left alone for so long."""
        if seconds > 0:
            self._closed_until = max(self._closed_until, self._clock() + seconds)

    def _wake(self) -> None:
        free = int(self.limit) - self.active
        while self._waiting and free > 0:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                free -= 1

"""Processes that send, for teachers that answer faster than one process can ask.

An official client takes about a millisecond of one core for each request. Where answers come so
fast that this is what holds a run up, the sending moves into a process of its own. What is sent and
when, what it may cost, and what is kept stays here, in one place: limits and budget are as exact as
without.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import time
from contextlib import suppress
from typing import Any, cast

from attrs import frozen

from heimdall_core.errors import TeacherFailure
from heimdall_core.types import Json, Teacher, TeacherAnswer, TeacherRequest, TeacherSession

#: So many requests within so many seconds are fast.
_MANY, _SECONDS = 256, 2.0
#: Prompts, and requests a minute that are allowed, from which on a run is long and fast.
LONG, FAST = 1000, 12_000
_LONGEST = 64 * 2**20
_MOST_PROCESSES = 4


@frozen
class Setup:
    """What another process opens a session with: importable names and settings, no secret."""

    open: str
    options: str
    table: Json


def setup_of(teacher: Teacher, table: Json) -> Setup | None:
    """How to open the teacher elsewhere; None where that cannot be said."""
    reference = getattr(teacher.open, "reference", "")
    kind = teacher.options
    if not reference or "." in kind.__qualname__:
        return None
    return Setup(reference, f"{kind.__module__}:{kind.__qualname__}", table)


class SpreadSession:
    """A session that sends from this process, and from others once it turns out to be fast."""

    def __init__(self, inner: TeacherSession, setup: Setup, many: int = _MANY) -> None:
        self._inner, self._setup, self._many = inner, setup, many
        self.model, self.structured = inner.model, inner.structured
        self.processes: list[Sender] = []
        """Those that send, once there are any."""
        self._starting: asyncio.Task[None] | None = None
        self._sent, self._since = 0, time.monotonic()

    def render(self, request: TeacherRequest) -> Json:
        """As the teacher renders it."""
        return self._inner.render(request)

    async def send(self, rendered: Json) -> TeacherAnswer:
        """One request, from wherever the fewest are on their way."""
        if self.processes:
            return await min(self.processes, key=lambda each: each.flying).send(rendered)
        if self._starting is None:
            self._count()
        return await self._inner.send(rendered)

    async def prepare(self) -> None:
        """Starts the processes at once, for a run that is known to be long and fast."""
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
            await self._starting

    def _count(self) -> None:
        self._sent += 1
        if self._sent < self._many:
            return
        now = time.monotonic()
        if now - self._since <= _SECONDS:
            self._starting = asyncio.create_task(self._start())
        self._sent, self._since = 0, now

    async def _start(self) -> None:
        # At least two, so that what this process leaves of the processors is used.
        count = max(2, min((os.cpu_count() or 1) // 2, _MOST_PROCESSES))
        found = [Sender(self._setup) for _ in range(count)]
        try:
            await asyncio.gather(*(each.start() for each in found))
        except (OSError, EOFError):  # then it stays as it is
            return
        finally:
            if not all(each.is_ready for each in found):
                for each in found:
                    await each.close()
        self.processes = found

    async def close(self) -> None:
        """Ends the processes and the session."""
        if self._starting is not None:
            self._starting.cancel()
            with suppress(asyncio.CancelledError):
                await self._starting
        for each in self.processes:
            await each.close()
        await self._inner.close()


class Sender:
    """One process that sends. Its requests fail, and may be sent again, where it ends."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[TeacherAnswer]] = {}
        self._leaving: list[tuple[int, Json]] = []

    @property
    def is_ready(self) -> bool:
        """Whether it can be sent with."""
        return self._reading is not None and not self._reading.done()

    @property
    def flying(self) -> int:
        """Requests on their way."""
        return len(self._waiting)

    async def start(self) -> None:
        """Starts the process and waits until it is ready. Raises `EOFError` where it ends."""
        # -P: a file in the current directory must not stand in for a module.
        command = (sys.executable, "-P", "-m", "heimdall_gen_distill.send_worker")
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, limit=_LONGEST
        )
        self._process = process
        source = cast(asyncio.StreamReader, process.stdout)
        setup = {
            "path": sys.path,
            "open": self._setup.open,
            "options": self._setup.options,
            "table": dict(self._setup.table),
        }
        self._write(setup)
        if not await source.readline():
            raise EOFError
        self._reading = asyncio.create_task(self._read(source))

    async def send(self, rendered: Json) -> TeacherAnswer:
        """One request, one answer."""
        if not self.is_ready:
            await self.close()
            try:
                await self.start()
            except (OSError, EOFError) as error:
                raise TeacherFailure("connection", "no process to send with") from error
        number = next(self._numbers)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[TeacherAnswer] = loop.create_future()
        self._waiting[number] = future
        if not self._leaving:
            loop.call_soon(self._flush)  # whoever sends in the same turn of the loop comes along
        self._leaving.append((number, rendered))
        try:
            return await future
        finally:
            self._waiting.pop(number, None)

    async def close(self) -> None:
        """Ends the process."""
        if self._process is not None:
            cast(asyncio.StreamWriter, self._process.stdin).close()
            with suppress(ProcessLookupError):
                self._process.kill()  # it only ever sends what it is told, and keeps nothing
            await self._process.wait()
            self._process = None
        if self._reading is not None:
            await self._reading
            self._reading = None

    def _flush(self) -> None:
        leaving, self._leaving = self._leaving, []
        self._write(leaving)

    def _write(self, value: Any) -> None:
        # No drain: what is on its way is bounded by how much may be in flight.
        target = cast(asyncio.StreamWriter, cast(Any, self._process).stdin)
        target.write(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")

    async def _read(self, source: asyncio.StreamReader) -> None:
        try:
            while line := await source.readline():
                for number, found in json.loads(line.decode("utf-8", "surrogatepass")):
                    self._came(number, found)
        except (OSError, ValueError):
            pass  # what it wrote is cut off: it has ended
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(_ended())

    def _came(self, number: int, found: dict[str, Any]) -> None:
        future = self._waiting.get(number)
        if future is None or future.done():
            return
        if "kind" in found:
            future.set_exception(
                TeacherFailure(
                    found["kind"],
                    found["message"],
                    retry_after=found["retry_after"],
                    billed=found["billed"],
                )
            )
        else:
            future.set_result(TeacherAnswer(**found))


def _ended() -> TeacherFailure:
    return TeacherFailure("connection", "the process that sends has ended", billed=True)

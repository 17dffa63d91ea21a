"""Whether a query is right: the language's check in a process beside this one, so that asking goes
on meanwhile, and a run on made-up data where the schema is known."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from typing import Any, cast

from attrs import frozen

from heimdall_core.errors import HeimdallError
from heimdall_core.types import Engine, Finding, Json
from heimdall_lang_cypher import ast
from heimdall_lang_cypher.engine import open_engine
from heimdall_lang_cypher.parser import parse
from heimdall_lang_cypher.populate import populate
from heimdall_lang_cypher.visitor import walk

_WRITES = (
    ast.Create
    | ast.Merge
    | ast.Set
    | ast.Remove
    | ast.Delete
    | ast.Foreach
    | ast.LoadCsv
    | ast.CallProcedure
    | ast.Command
)
_CHUNK = 32
_MOST_PROCESSES = 4
_LONGEST = 64 * 2**20
#: Open at once, a process of about 20 MB each; with more schemas than that, they are opened anew.
_ENGINES = 16


@frozen
class Ran:
    """What a query gave on made-up data."""

    verdict: str
    """`rows`, `error`, or `unknown` where the engine does not know a construct."""
    detail: str = ""
    """The error, or the rows, in their order where the query gives one; empty where there are none,
    which says nothing about what a query means."""


@frozen
class Looked:
    """What the language says about a query."""

    finding: Finding | None = None
    problem: str = ""
    """Why nothing can be said about it."""
    canonical: str = ""
    family: str = ""


class QueryChecker:
    """Asks the language about queries, many at a time. Belongs to one event loop."""

    def __init__(self, schemas: Mapping[str, Json], dialect: str) -> None:
        setup = {"path": sys.path, "schemas": dict(schemas), "dialect": dialect}
        count = max(1, min(os.cpu_count() or 1, _MOST_PROCESSES))
        self._lookers = [_Looker(setup) for _ in range(count)]
        self._waiting: list[tuple[list[str], asyncio.Future[Looked]]] = []
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._engines = _Engines(schemas)

    async def look(self, query: str, schema: str) -> Looked:
        """The first error in a query, against its schema, or what it means."""
        future: asyncio.Future[Looked] = asyncio.get_running_loop().create_future()
        self._waiting.append(([query, schema], future))
        # One process alone while it can keep up.
        wanted = min(1 + len(self._waiting) // (2 * _CHUNK), len(self._lookers))
        for number in range(wanted):
            task = self._tasks.get(number)
            if task is None or task.done():
                self._tasks[number] = asyncio.create_task(self._work(self._lookers[number]))
        return await future

    async def run(self, query: str, schema: str) -> Ran:
        """What the query gives on made-up data of its schema."""
        return await asyncio.to_thread(self._engines.run, query, schema)

    async def close(self) -> None:
        """Ends the processes."""
        for task in self._tasks.values():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        for looker in self._lookers:
            await looker.close()
        self._engines.close()

    async def _work(self, looker: _Looker) -> None:
        await asyncio.sleep(0)  # whoever asks in the same turn of the loop comes along
        while self._waiting:
            chunk, self._waiting = self._waiting[:_CHUNK], self._waiting[_CHUNK:]
            try:
                found = await looker.ask([question for question, _ in chunk])
            except (OSError, ValueError, HeimdallError) as error:
                for _, future in chunk:
                    if not future.done():
                        future.set_exception(HeimdallError(f"queries cannot be checked: {error}"))
                continue
            for (_, future), looked in zip(chunk, found, strict=True):
                if not future.done():
                    future.set_result(looked)


class _Looker:
    """One process that looks at queries, started when it is first asked."""

    def __init__(self, setup: Json) -> None:
        self._setup = setup
        self._process: asyncio.subprocess.Process | None = None

    async def ask(self, questions: list[list[str]]) -> list[Looked]:
        if self._process is None:
            # -P: a file in the current directory must not stand in for a module.
            command = (sys.executable, "-P", "-m", "heimdall_gen_distill.check_worker")
            pipe = asyncio.subprocess.PIPE
            self._process = await asyncio.create_subprocess_exec(
                *command, stdin=pipe, stdout=pipe, limit=_LONGEST
            )
            await self._send(self._setup)
        await self._send(questions)
        line = await cast(asyncio.StreamReader, self._process.stdout).readline()
        if not line.endswith(b"\n"):
            raise HeimdallError("a process that checks queries has ended")
        return [
            Looked(
                Finding(**each["finding"]) if each.get("finding") else None,
                each.get("problem", ""),
                each.get("canonical", ""),
                each.get("family", ""),
            )
            for each in json.loads(line)
        ]

    async def close(self) -> None:
        if self._process is not None:
            cast(asyncio.StreamWriter, self._process.stdin).close()
            with suppress(ProcessLookupError):
                self._process.kill()  # it only ever reads and answers
            await self._process.wait()
            self._process = None

    async def _send(self, value: Any) -> None:
        target = cast(asyncio.StreamWriter, cast(Any, self._process).stdin)
        target.write(json.dumps(value).encode() + b"\n")
        await target.drain()


def _reads_only(query: str) -> bool:
    try:
        return not any(isinstance(node, _WRITES) for node in walk(parse(query)))
    except HeimdallError:
        return False


def _is_ordered(query: str) -> bool:
    """Whether the order of a query's rows is one that it asks for."""
    return any(isinstance(node, ast.SortItem) for node in walk(parse(query)))


class _Engines:
    """Embedded engines with made-up data, one per schema, a few at a time."""

    def __init__(self, schemas: Mapping[str, Json]) -> None:
        import threading

        self._schemas = schemas
        self._open: OrderedDict[str, tuple[Engine, ExitStack] | None] = OrderedDict()
        self._lock = threading.Lock()

    def run(self, query: str, schema: str) -> Ran:
        if not _reads_only(query):
            # It would change what the next query finds, and answers would hang on their order.
            return Ran("unknown", "writes")
        with self._lock:
            engine = self._engine(schema)
            if engine is None:
                return Ran("unknown", "no engine or no data")
            result = engine.run(query)
        if result.error_kind in ("unsupported", "timeout", "crash", "too_many_rows"):
            return Ran("unknown", result.error)
        if result.error:
            return Ran("error", result.error)
        rows = [json.dumps(row, default=str, ensure_ascii=False) for row in result.rows]
        return Ran("rows", json.dumps(rows if _is_ordered(query) else sorted(rows)) if rows else "")

    def close(self) -> None:
        for entry in self._open.values():
            if entry is not None:
                entry[1].close()
        self._open.clear()

    def _engine(self, schema: str) -> Engine | None:
        if schema in self._open:
            self._open.move_to_end(schema)
            entry = self._open[schema]
            return entry[0] if entry else None
        known = self._schemas.get(schema)
        entry = None
        if known is not None:
            stack = ExitStack()
            try:
                engine: Any = stack.enter_context(open_engine())
                engine.load(list(populate(known, 1)))
                entry = (engine, stack)
            except HeimdallError:
                stack.close()
        self._open[schema] = entry
        if len(self._open) > _ENGINES:
            _, old = self._open.popitem(last=False)
            if old is not None:
                old[1].close()
        return entry[0] if entry else None

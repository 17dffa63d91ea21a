"""Whether a query is right: the language's check in a process beside this one, so that asking goes
on meanwhile, and a run on made-up data where the schema is known."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from attrs import frozen

from heimdall_core.errors import HeimdallError
from heimdall_core.pipeline.steps.checking import ProcessChecker, Question
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
_CHUNK = 64
_ENGINES = 4


@frozen
class Ran:
    """What a query gave on made-up data."""

    verdict: str
    """`rows`, `error`, or `unknown` where the engine does not know a construct."""
    detail: str = ""
    """The error, or a digest of the rows."""


class QueryChecker:
    """Asks the language about queries, many at a time."""

    def __init__(self, schemas: Mapping[str, Json], dialect: str) -> None:
        self._dialect = dialect
        references = {"cypher": "heimdall_lang_cypher.language:check"}
        self._process = ProcessChecker(references, schemas, 1)
        self._waiting: list[tuple[Question, asyncio.Future[Finding | None]]] = []
        self._task: asyncio.Task[None] | None = None
        self._engines = _Engines(schemas)

    async def error(self, query: str, schema: str) -> Finding | None:
        """The first error in a query, against its schema."""
        future: asyncio.Future[Finding | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((Question("cypher", query, schema, self._dialect), future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        return await future

    async def run(self, query: str, schema: str) -> Ran:
        """What the query gives on made-up data of its schema."""
        return await asyncio.to_thread(self._engines.run, query, schema)

    def close(self) -> None:
        """Ends the processes."""
        self._process.close()
        self._engines.close()

    async def _work(self) -> None:
        await asyncio.sleep(0)
        while self._waiting:
            chunk, self._waiting = self._waiting[:_CHUNK], self._waiting[_CHUNK:]
            self._process.ask([question for question, _ in chunk])
            try:
                found = await asyncio.to_thread(self._process.take)
            except HeimdallError as error:
                for _, future in chunk:
                    if not future.done():
                        future.set_exception(error)
                continue
            for (_, future), finding in zip(chunk, found, strict=True):
                if not future.done():
                    future.set_result(finding)


def _reads_only(query: str) -> bool:
    try:
        return not any(isinstance(node, _WRITES) for node in walk(parse(query)))
    except HeimdallError:
        return False


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
        rows = sorted(json.dumps(row, default=str, ensure_ascii=False) for row in result.rows)
        return Ran("rows", json.dumps(rows))

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

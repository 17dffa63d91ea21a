"""Running Cypher without a server: an embedded database in a process of its own.

    with open_engine("graphdblite") as engine:
        engine.load(["CREATE (:Person {name: 'Ada'})"])
        engine.run("MATCH (p:Person) RETURN p.name")

The process is killed at the time limit and when it misbehaves, and started again with what `load`
had put into it; changes that `run` made since are then lost.
"""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import IO, Any, Self, cast

from attrs import frozen

from heimdall_core.errors import HeimdallError, did_you_mean
from heimdall_core.types import EngineResult, Json
from heimdall_lang_cypher.engine_query import prepare

#: The first one is the default; the others are second opinions.
ENGINES = ("graphdblite", "graphqlite", "ocg")

_INSTALL = {
    "graphdblite": "pip install 'heimdall-slm[eval]'",
    "graphqlite": "pip install 'heimdall-slm[engines]'",
    "ocg": "pip install 'heimdall-slm[engines]'",
}


#: To start in and to load data in: on a busy machine more than a query may be allowed.
_SETUP_SECONDS = 30.0


class EngineError(HeimdallError):
    """An engine that cannot be started, or set-up statements that it does not run."""


@frozen
class Limits:
    """What one query may use."""

    seconds: float = 10.0
    rows: int = 10_000
    megabytes: int = 4096
    """Address space of the process (POSIX)."""


def open_engine(name: str = "", limits: Limits | None = None) -> WorkerEngine:
    """An empty database of the engine `name` (by default the first of `ENGINES`).

    Raises `EngineError` for an unknown engine and for one that is not installed.
    """
    name = name or ENGINES[0]
    if name not in ENGINES:
        raise EngineError(f"unknown engine '{name}'", hint=did_you_mean(name, ENGINES))
    return WorkerEngine(name, limits or Limits())


class WorkerEngine:
    """An `Engine` whose database lives in a child process. Not for use by several threads."""

    def __init__(self, name: str, limits: Limits) -> None:
        self.name, self.limits = name, limits
        self._loaded: list[str] = []
        self._worker: _Worker | None = None
        self._start()

    @property
    def pid(self) -> int | None:
        """Of the worker process; None while there is none."""
        return self._worker.process.pid if self._worker else None

    def load(self, statements: Sequence[str]) -> None:
        """Runs set-up statements; raises `EngineError` for the first that fails."""
        for number, statement in enumerate(statements, 1):
            result = self._ask(statement, {}, self._patience)
            if result.error:
                raise EngineError(
                    f"set-up statement {number} failed: {result.error}",
                    where=f"engine {self.name}",
                    hint=f"the statement was: {statement[:200]}",
                )
            self._loaded.append(statement)

    def fill(self, statements: Sequence[str]) -> str:
        """Runs statements that make data, as they are: nothing in them is looked into, as in a
        query of a model's. Why not, where one fails; '' where all went. What they made is gone when
        the engine is started again."""
        for statement in statements:
            result = self._ask(statement, {}, self._patience)
            if result.error:
                return result.error
        return ""

    def run(self, query: str, parameters: Json | None = None) -> EngineResult:
        """Runs one query. Never raises for a failing query: see `EngineResult.error`.

        An entity is a plain value, as `engine_backends` says. A query that the engine is known to
        answer wrong is not run and gives the error kind `unsupported`.
        """
        prepared = prepare(query, self.name)
        if prepared.refused:
            return EngineResult(error=prepared.refused, error_kind="unsupported")
        result = self._ask(prepared.text, parameters or {}, self.limits.seconds)
        columns = prepared.columns
        if result.error or columns is None or result.columns == columns:
            return result
        if not columns or not result.rows:
            # Counts of what a writing query without RETURN has changed are no rows.
            return EngineResult(columns)
        order = [result.columns.index(name) for name in columns if name in result.columns]
        if len(order) != len(columns):
            return result
        return EngineResult(columns, tuple(tuple(row[i] for i in order) for row in result.rows))

    def reset(self) -> None:
        """Drops every change made by `run`: the database holds what `load` put into it."""
        self._stop()
        self._start()

    def close(self) -> None:
        """Ends the worker process. The engine can't be used afterwards."""
        self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def _patience(self) -> float:
        """Seconds for what is no query of the user's."""
        return max(_SETUP_SECONDS, self.limits.seconds)

    def _ask(self, query: str, parameters: Json, seconds: float) -> EngineResult:
        answer = self._running().ask({"query": query, "parameters": parameters}, seconds)
        if answer is None:
            self._stop()
            return EngineResult(error=f"no answer within {seconds:g} s", error_kind="timeout")
        if "died" in answer:
            self._stop()
            return EngineResult(error=answer["died"], error_kind="crash")
        return _result(query, answer)

    def _running(self) -> _Worker:
        """The worker; a new one where there is none, or where it has died in the meantime."""
        if self._worker is not None and self._worker.process.poll() is None:
            return self._worker
        self._stop()
        return self._start()

    def _start(self) -> _Worker:
        worker = _Worker(self.name, self.limits)
        greeting = worker.read(self._patience)
        if greeting is None or "ready" not in greeting:
            worker.stop()
            problem = (
                f"needs the package {', '.join(greeting['missing'])}, which is not installed"
                if greeting and "missing" in greeting
                else f"did not start ({(greeting or {}).get('died', 'no answer')})"
            )
            raise EngineError(
                f"the engine '{self.name}' {problem}",
                hint=f"install it with: {_INSTALL[self.name]}",
            )
        self._worker = worker
        for statement in self._loaded:
            answer = worker.ask({"query": statement, "parameters": {}}, self._patience)
            if answer is None or "rows" not in answer:
                self._stop()
                raise EngineError(
                    "the restarted engine does not accept what it had loaded before",
                    where=f"engine {self.name}",
                    hint=f"the statement was: {statement[:200]}",
                )
        return worker

    def _stop(self) -> None:
        if self._worker is not None:
            self._worker.stop()
            self._worker = None


class _Worker:
    """The child process with a thread that collects its answers, so that waiting can end."""

    def __init__(self, name: str, limits: Limits) -> None:
        command = [
            # -P: a file in the current directory must not stand in for a module.
            *(sys.executable, "-P", "-m", "heimdall_lang_cypher.engine_worker"),
            *(name, str(limits.rows), str(limits.megabytes)),
        ]
        self.process = subprocess.Popen(  # noqa: S603 - our own module, no text of the user's
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._requests = cast(IO[bytes], self.process.stdin)
        self._output = cast(IO[bytes], self.process.stdout)
        self._answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._reader = threading.Thread(
            target=_collect, args=(self._output, self._answers), daemon=True
        )
        self._reader.start()

    def ask(self, request: Json, seconds: float) -> dict[str, Any] | None:
        """The answer to a request, None where it took too long."""
        try:
            line = json.dumps({**request, "seconds": seconds})
            self._requests.write(line.encode() + b"\n")
            self._requests.flush()
        except OSError:
            return {"died": self._why()}
        return self.read(seconds)

    def read(self, seconds: float) -> dict[str, Any] | None:
        """The next answer; `{"died": why}` where the process ended instead."""
        try:
            line = self._answers.get(timeout=seconds)
        except queue.Empty:
            return None
        if not line.endswith(b"\n"):
            return {"died": self._why()}
        answer: dict[str, Any] = json.loads(line)
        return answer

    def stop(self) -> None:
        """Ends the process, whatever it is doing."""
        self.process.kill()
        self.process.wait()
        self._reader.join()
        self._output.close()
        # What was still in the buffer of a pipe to a dead process cannot be written.
        with suppress(OSError):
            self._requests.close()

    def _why(self) -> str:
        code = self.process.wait()
        if code >= 0:
            return f"the engine's process ended with exit code {code}"
        return f"the engine's process was ended by {signal.Signals(-code).name}"


def _collect(stream: IO[bytes], answers: queue.SimpleQueue[bytes]) -> None:
    for line in stream:
        answers.put(line)
    answers.put(b"")


def _result(query: str, answer: dict[str, Any]) -> EngineResult:
    kind = answer.get("kind", "")
    if kind == "":
        rows = tuple(tuple(row) for row in answer["rows"])
        return EngineResult(columns=tuple(answer["columns"]), rows=rows)
    error = answer["error"]
    if kind == "too_many_rows" or "exceeded maximum of" in error:
        return EngineResult(error=error, error_kind="too_many_rows")
    if kind == "compile":
        return EngineResult(error=error, error_kind="syntax" if _invalid(query) else "unsupported")
    return EngineResult(error=error, error_kind="runtime")


def _invalid(query: str) -> bool:
    """Whether the query itself is at fault where an engine refuses its text. Each engine knows a
    part of Cypher only, so that its own word on the matter is not enough."""
    from heimdall_core.types import CheckRequest
    from heimdall_lang_cypher.checker import check

    request = CheckRequest(dialect="neo4j5", performance=False)
    return any(finding.severity == "error" for finding in check(query, request))

"""What every generator's rows must pass before they are written, whatever the generator says.

`gap` looks at the row itself: it names its family, schema, source and licence. A `Checker` holds
answers against their language, in this process or in several: the findings come back in the order
of the rows, so that the number of processes changes nothing but the time.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import IO, Any, Protocol, Self, cast

import attrs
from attrs import frozen

from heimdall_core.dataset.parallel import current_session
from heimdall_core.errors import HeimdallError, PluginError
from heimdall_core.registry import Registry
from heimdall_core.types import NO_SCHEMA, CheckRequest, Example, Finding, Json, Stream

#: What a query must fit that is said to be about no graph, where its generator describes the graphs
#: that its other queries are about: it may name no label, type or property.
_CLOSED = "nothing at all"
NOTHING: Mapping[str, Json] = {
    _CLOSED: {"name": _CLOSED, "nodes": {"Nothing": {"properties": {}}}, "relationships": []}
}

_REQUIRED = ("instruction", "output", "family", "schema", "source", "licence")

#: Rows that one process is given at a time.
CHUNK = 128

Check = Callable[[str, CheckRequest], Sequence[Finding]]


def gap(row: Example) -> Finding | None:
    """What the row fails to say about itself."""
    for name in _REQUIRED:
        if not getattr(row, name).strip():
            return Finding(
                "MissingField",
                "error",
                f"the row has no {name}",
                kind="schema",
            )
    return None


@frozen
class Question:
    """What is asked about one row."""

    language: str
    text: str
    schema: str
    dialect: str


def question(row: Example, dialect: str, *, closed: bool = False) -> Question | None:
    """What a row's answer is checked for; None for prose. `dialect` rules where it is given; else
    a row may name its own (`meta.dialect`), and the language's default stands for the rest. With
    `closed`, an answer about no known graph may name nothing that a graph holds."""
    if not row.language:
        return None
    own = row.meta.get("dialect", "")
    schema = _CLOSED if closed and row.schema == NO_SCHEMA else row.schema
    return Question(row.language, row.output, schema, dialect or str(own))


class Answers(Protocol):
    """Takes questions in chunks and gives the findings back in the same order."""

    def ask(self, chunk: Sequence[Question | None]) -> None: ...

    def ready(self) -> bool:
        """Whether `take` should be called before more is asked."""

    def take(self) -> list[Finding | None]:
        """The findings of the chunk that has waited longest."""

    def waiting(self) -> int: ...

    def close(self) -> None: ...


class Checker:
    """Checks in this process."""

    def __init__(self, checks: Mapping[str, Check], schemas: Mapping[str, Json]) -> None:
        self._checks, self._schemas = checks, schemas
        self._chunks: deque[Sequence[Question | None]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, chunk: Sequence[Question | None]) -> None:
        self._chunks.append(chunk)

    def ready(self) -> bool:
        return bool(self._chunks)

    def take(self) -> list[Finding | None]:
        return [self.error(each) if each else None for each in self._chunks.popleft()]

    def waiting(self) -> int:
        return len(self._chunks)

    def close(self) -> None:
        self._chunks.clear()

    def error(self, asked: Question) -> Finding | None:
        """The first error, or None. A language that nobody provides finds nothing."""
        check = self._checks.get(asked.language)
        if check is None:
            return None
        request = CheckRequest(
            dialect=asked.dialect, schema=self._schemas.get(asked.schema), performance=False
        )
        try:
            findings = check(asked.text, request)
        except HeimdallError:
            raise
        except Exception as error:  # a checker promises to be total: say whose is not
            raise PluginError(
                f"{type(error).__name__}: {error} in {asked.text!r}",
                where=f"language {asked.language}",
            ) from error
        return next((f for f in findings if f.severity == "error"), None)


class SpreadChecker:
    """Checks on the executor that is at work."""

    def __init__(self, stream: Stream) -> None:
        self.ask, self.ready, self.take = stream.put, stream.ready, stream.take
        self.waiting, self.close = stream.waiting, stream.close

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Checks:
    """Checks a chunk. Called in a worker."""

    def __init__(self, checks: Mapping[str, Check], schemas: Mapping[str, Json]) -> None:
        self._checker = Checker(checks, schemas)

    def __call__(self, chunk: Sequence[Question | None]) -> list[Finding | None]:
        return [self._checker.error(each) if each else None for each in chunk]


class ProcessChecker:
    """Checks in processes of its own, which take turns."""

    def __init__(
        self, references: Mapping[str, str], schemas: Mapping[str, Json], workers: int
    ) -> None:
        setup = {"path": sys.path, "references": references, "schemas": schemas}
        self._workers = [_Worker(setup) for _ in range(workers)]
        self._asked = self._taken = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, chunk: Sequence[Question | None]) -> None:
        worker = self._workers[self._asked % len(self._workers)]
        worker.send([each and attrs.astuple(each) for each in chunk])
        self._asked += 1

    def ready(self) -> bool:
        return self.waiting() >= 3 * len(self._workers)

    def take(self) -> list[Finding | None]:
        worker = self._workers[self._taken % len(self._workers)]
        self._taken += 1
        answer = worker.read()
        if isinstance(answer, dict):
            kind = PluginError if answer["plugin"] else HeimdallError
            raise kind(answer["error"], where=answer["where"], hint=answer["hint"])
        return [each and Finding(**each) for each in answer]

    def waiting(self) -> int:
        return self._asked - self._taken

    def close(self) -> None:
        for worker in self._workers:
            worker.stop()


class _Worker:
    """One process, with a thread that collects its answers so that neither side ever waits for
    the other to read."""

    def __init__(self, setup: Mapping[str, Any]) -> None:
        # -P: a file in the current directory must not stand in for a module.
        command = [sys.executable, "-P", "-m", "heimdall_core.pipeline.steps.check_worker"]
        self._process = subprocess.Popen(  # noqa: S603 - our own module, no text of the user's
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._input = cast(IO[bytes], self._process.stdin)
        self._output = cast(IO[bytes], self._process.stdout)
        self._answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()
        self.send(setup)

    def send(self, value: Any) -> None:
        try:
            self._input.write(json.dumps(value).encode() + b"\n")
            self._input.flush()
        except OSError as error:
            raise HeimdallError("a process that checks rows has ended") from error

    def read(self) -> Any:
        line = self._answers.get()
        if not line.endswith(b"\n"):
            code = self._process.wait()
            raise HeimdallError(f"a process that checks rows ended with exit code {code}")
        return json.loads(line)

    def stop(self) -> None:
        with suppress(OSError):
            self._input.close()
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._output.close()

    def _collect(self) -> None:
        for line in self._output:
            self._answers.put(line)
        self._answers.put(b"")


#: Whoever checks.
AnyChecker = Checker | ProcessChecker | SpreadChecker


def reference(function: Callable[..., Any]) -> str:
    """`module:name` of a function that another process can import; '' where there is none."""
    named: str = getattr(function, "reference", "")
    if named:
        return named
    module, name = getattr(function, "__module__", ""), getattr(function, "__qualname__", "")
    try:
        found = getattr(import_module(module), name, None)
    except (ImportError, ValueError):
        return ""
    return f"{module}:{name}" if found is function and module != "__main__" else ""


def open_checker(
    registry: Registry, schemas: Mapping[str, Json], *, rows: int, workers: int
) -> AnyChecker:
    """A checker over all languages: on the executor that is at work, else with `workers` processes,
    or as many as there are processors for 0, or in this process where so few rows are not worth a
    start."""
    checks: dict[str, Check] = {
        name: registry.language(name).check for name in registry.names("language")
    }
    session = current_session()
    stream = session.stream(_Checks(checks, schemas)) if session is not None else None
    if stream is not None:
        return SpreadChecker(stream)
    count = workers or min(processors(), 4)
    references = {name: reference(check) for name, check in checks.items()}
    if count < 2 or (not workers and rows < 4000) or not all(references.values()):
        return Checker(checks, schemas)
    return ProcessChecker(references, schemas, count)


def processors() -> int:
    """Processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def chunks(items: Iterator[Any], size: int = CHUNK) -> Iterator[list[Any]]:
    """Lists of `size` items, the last one shorter."""
    chunk: list[Any] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk

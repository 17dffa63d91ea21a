"""The graphs that queries are run on: made ones in an embedded engine, or a server's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Protocol, Self

import attrs

from heimdall_core.errors import HeimdallError
from heimdall_core.types import Engine, EngineResult, Json, Language
from heimdall_eval_execution.data import literals_of, with_values
from heimdall_eval_execution.options import ExecutionOptions

#: Everything in a graph, as a bag: nodes, and relationships with their ends.
State = tuple[tuple[str, ...], tuple[str, ...]]


class Graphs(Protocol):
    """Graphs that one row after the other is run on. A context manager."""

    count: int
    """Graphs per row."""

    lost: str
    """Why no row can be run any more; '' while they can."""

    def unfit(self, schema: str) -> str:
        """Why rows of a schema cannot be run here; '' where they can."""

    def open(self, schema: str, reference: str, number: int) -> str:
        """Makes the graph of that number ready for a row; why not, where that fails."""

    def run(self, query: str) -> EngineResult:
        """A query that reads."""

    def run_writing(self, query: str) -> tuple[EngineResult, State]:
        """A query that writes, and what the graph holds afterwards; then it is undone."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class MadeGraphs:
    """Small graphs of each row's schema in which its reference finds something."""

    def __init__(
        self, language: Language, options: ExecutionOptions, schemas: Mapping[str, Json]
    ) -> None:
        if language.engine is None or language.populate is None:
            raise HeimdallError(f"the language '{language.name}' has no engine", where="execution")
        self.count, self.lost = options.graphs, ""
        self._populate, self._schemas = language.populate, schemas
        self._engine: Engine = language.engine(options.engine or language.engines[0])
        limits: Any = getattr(self._engine, "limits", None)
        if limits is not None:
            limits = attrs.evolve(limits, seconds=options.timeout)
            self._engine.limits = limits  # type: ignore[attr-defined]
        self._filled: Sequence[str] | None = None
        self._made_for: tuple[str, str, int] | None = None
        self._statements: Sequence[str] = ()

    def unfit(self, schema: str) -> str:
        """Rows need a schema: data is made from it."""
        if not schema:
            return "the row names no graph schema"
        return "" if schema in self._schemas else f"unknown graph schema '{schema}'"

    def open(self, schema: str, reference: str, number: int) -> str:
        """Fills the engine, unless it holds this very data."""
        if (schema, reference, number) != self._made_for:
            shape = with_values(self._schemas[schema], literals_of(reference) if reference else {})
            try:
                self._statements = self._populate(shape, number + 1)
            except HeimdallError as error:
                return f"no data can be made for the schema: {error}"
            self._made_for = (schema, reference, number)
        return "" if self._statements == self._filled else self._fill(self._statements)

    def run(self, query: str) -> EngineResult:
        """A query that reads."""
        result = self._engine.run(query)
        if result.error_kind in ("timeout", "crash"):
            self._refill()  # the engine was started again, and is empty
        return result

    def run_writing(self, query: str) -> tuple[EngineResult, State]:
        """Runs, looks, and fills the graph anew."""
        result = self._engine.run(query)
        nodes = self._engine.run("MATCH (n) RETURN n")
        links = self._engine.run("MATCH (a)-[r]->(b) RETURN a, r, b")
        self._refill()
        if not result.error and (nodes.error or links.error):
            result = EngineResult(error=nodes.error or links.error, error_kind="runtime")
        return result, (bag(nodes.rows), bag(links.rows))

    def _refill(self) -> None:
        statements, self._filled = self._filled, None
        if statements is not None:
            self._fill(statements)

    def _fill(self, statements: Sequence[str]) -> str:
        self._filled = None
        if problem := self._run_all(("MATCH (n) DETACH DELETE n", *statements)):
            return f"the engine does not take the made data: {problem}"
        self._filled = statements
        return ""

    def _run_all(self, statements: Sequence[str]) -> str:
        """Why a statement fails; '' where none does. An engine that can be filled without looking
        into each statement is."""
        fill: Callable[[Sequence[str]], str] | None = getattr(self._engine, "fill", None)
        if fill is not None:
            return fill(statements)
        results = (self._engine.run(statement) for statement in statements)
        return next((result.error for result in results if result.error), "")

    def __enter__(self) -> Self:
        self._engine.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            self._engine.__exit__(kind, error, trace)


def bag(rows: Sequence[Sequence[Any]]) -> tuple[str, ...]:
    """Rows as texts, sorted: equal for equal bags."""
    return tuple(sorted(_text(list(row)) for row in rows))


def _text(value: Any) -> str:
    """One text for equal values, whatever the order of their keys."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_text(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_text, value)) + "]"
    return repr(value)

"""The executor of a command or a run: which one, its options, and a session that lasts as long as
there is work for it.

Chosen by a table, `[executor]` in a recipe or what `--executor` and `--address` write: its `name`,
and the options that the executor of that name has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import attrs

from heimdall_core.dataset.parallel import spread_over
from heimdall_core.errors import PluginError, RecipeError, did_you_mean
from heimdall_core.registry import Registry
from heimdall_core.structure import structure, unstructure
from heimdall_core.types import Event, Executor, ExecutorSession

Table = Mapping[str, Any]

#: What works where no executor is named: processes of this machine, as many as each stage says.
LOCAL: Final = "local"


def resolved(registry: Registry, table: Table, where: str = "executor") -> dict[str, Any]:
    """The table with the executor's options filled in; an empty one where none is named.

    Raises `RecipeError` or `PluginError` for an executor that is not there and an option that it
    does not have.
    """
    if not table:
        return {}
    executor, options = chosen(registry, table, where)
    return {"name": executor.name, **unstructure(options)}


def chosen(registry: Registry, table: Table, where: str = "executor") -> tuple[Executor, Any]:
    """The executor that a table names, and its options."""
    name = table.get("name", LOCAL)
    if not isinstance(name, str):
        raise RecipeError(f"expected a string, found {name!r}", where=f"{where}.name")
    try:
        executor = registry.executor(name)
    except PluginError as error:
        raise PluginError(error.message, where=f"{where}.name", hint=error.hint) from error
    given = {key: value for key, value in table.items() if key != "name"}
    try:
        return executor, structure(given, executor.options, where)
    except RecipeError as error:
        if "name" in table:
            raise
        others = [n for n in registry.names("executor") if n != name]
        raise RecipeError(
            f"{error.message}; no executor is named, and '{name}' works",
            where=error.where,
            hint=error.hint or did_you_mean("", others),
        ) from error


class Work:
    """The executor's session of one run: opened when a stage first has work for it, closed in the
    end. A context manager."""

    def __init__(self, registry: Registry, table: Table) -> None:
        self._registry, self._table = registry, table
        self._stack = ExitStack()
        self._session: ExecutorSession | None = None
        self._emit: Callable[[Event], None] = lambda event: None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @contextmanager
    def spread(self, emit: Callable[[Event], None]) -> Iterator[None]:
        """Within it, data stages work on the executor; what it reports goes to `emit`."""
        self._emit = emit
        with spread_over(self._opened()):
            yield

    def _opened(self) -> ExecutorSession | None:
        if not self._table:
            return None
        if self._session is None:
            executor, options = chosen(self._registry, self._table)
            made: ExecutorSession = (
                executor.open(options, lambda event: self._emit(event))
                if executor.open is not None
                else MapSession(executor, options)
            )
            self._session = self._stack.enter_context(made)
        return self._session


@contextmanager
def working(registry: Registry, table: Table, emit: Callable[[Event], None]) -> Iterator[None]:
    """The executor for one command."""

    def observe(event: Event) -> None:
        emit(event if event.stage else attrs.evolve(event, stage="executor"))

    with Work(registry, table) as work, work.spread(observe):
        yield


class MapSession:
    """The session of an executor that has nothing but `map`."""

    def __init__(self, executor: Executor, options: Any) -> None:
        self._executor, self._options = executor, options

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """As `Executor.map`."""
        return self._executor.map(function, items, self._options)

    def stream(self, function: Callable[[Any], Any]) -> None:
        """None: the core's own processes take the pieces."""

    def exchange(self) -> None:
        """None: the core brings pieces together on this machine's disk."""

    def hosts(self, path: Path) -> None:
        """None: models are held by this process."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

"""What `heimdall_executors` yields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from attrs import frozen

from heimdall_core.types.base import Held, NoOptions
from heimdall_core.types.observation import Event
from heimdall_core.types.trainers import TrainContext, TrainResult


class Stream(Protocol):
    """Work that is handed in piece by piece and comes back in the same order."""

    def put(self, item: Any) -> None:
        """Hands a piece in; returns at once."""

    def ready(self) -> bool:
        """Whether `take` should be called before more is put: enough is under way."""

    def take(self) -> Any:
        """The result of the piece that has waited longest; what the function raised is raised."""

    def waiting(self) -> int:
        """Pieces that were put and not taken."""

    def close(self) -> None:
        """Gives up what is still under way."""


class Exchange(Protocol):
    """Pieces of many items brought together by key, kept where they were made: the caller sees
    none of them. Lost with the worker that held them, they are made again."""

    def scatter(self, function: Callable[[Any, int], Any], items: Iterable[Any]) -> Iterator[Any]:
        """`function(item, parts)` gives `(result, pieces)`, a piece for each part; yields the
        results, in order of the items."""

    def gather(self, function: Callable[[Sequence[Any], Any], Any], shared: Any) -> None:
        """Makes of each part's pieces, in order of the items, one state:
        `function(pieces, shared)`. The pieces are gone afterwards."""

    def each(self, function: Callable[[Any, Any], Any], shared: Any) -> Iterator[Any]:
        """`function(state, shared)` for each part, in order of the parts."""


class Hosts(Protocol):
    """Machines that hold something large, such as a model: a process on each of them, which keeps
    what the function has loaded until the map has ended."""

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """As `Executor.map`. What a machine that is lost was at is done again on another."""


class ExecutorSession(Held, Protocol):
    """An executor at work. A context manager."""

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """As `Executor.map`."""

    def stream(self, function: Callable[[Any], Any]) -> Stream | None:
        """The same work, handed in as it comes up; None to leave it to this machine."""

    def exchange(self) -> Exchange | None:
        """A new exchange, of as many parts as the executor finds right: their number changes no
        result. None to leave it to this machine."""

    def hosts(self, path: Path) -> Hosts | None:
        """Machines that have the file or folder `path` as this one has it. None to leave it to
        this process. A session without the method leaves it, too."""


@frozen
class Executor:
    """Yielded by `heimdall_executors`: where the data stages spread their work. Chosen by
    `[executor] name` or `--executor`."""

    name: str
    summary: str
    map: Callable[[Callable[[Any], Any], Iterable[Any], Any], Iterator[Any]]
    """`map(function, items, options)`: results in the order of the items. Function, items and
    results can be sent to another process by `cloudpickle`."""
    options: type = NoOptions
    train: (
        Callable[[Callable[[TrainContext, Any], TrainResult], TrainContext, Any, Any], TrainResult]
        | None
    ) = None
    """`train(trainer, context, config, options)`: `trainer(context, config)` in as many processes
    as the executor finds right; the model lies in `context.output` in the end. Without it, a
    training runs in this process."""
    open: Callable[[Any, Callable[[Event], None]], ExecutorSession] | None = None
    """`open(options, emit)`: a session for the many maps of one command, which reports through
    `emit` what is lost and done again. Without it, `map` is called for each."""

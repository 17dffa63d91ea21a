"""An executor's session in this process that sends everything through `cloudpickle`, as a cluster
does: what cannot be sent fails here too, and nothing is shared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import pytest


def sent(value: Any) -> Any:
    """A copy, as another process gets it."""
    cloudpickle = pytest.importorskip("ray.cloudpickle", reason="ray is not installed")
    return cloudpickle.loads(cloudpickle.dumps(value))


class Elsewhere:
    """A session whose exchanges have `parts` parts."""

    def __init__(self, parts: int = 3) -> None:
        self.parts = parts
        self.maps = self.exchanges = self.pieces = 0
        """How often it was used, so that a test sees that it was."""

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        self.maps += 1
        there = sent(function)
        for item in items:
            yield sent(there(sent(item)))

    def stream(self, function: Callable[[Any], Any]) -> Waiting:
        return Waiting(self, function)

    def exchange(self) -> Parts:
        self.exchanges += 1
        return Parts(self.parts)

    def hosts(self, path: Path) -> Elsewhere:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class Waiting:
    """Pieces that are worked on when they are taken."""

    def __init__(self, session: Elsewhere, function: Callable[[Any], Any]) -> None:
        self._session, self._function = session, sent(function)
        self._items: list[Any] = []

    def put(self, item: Any) -> None:
        self._session.pieces += 1
        self._items.append(sent(item))

    def ready(self) -> bool:
        return len(self._items) > 2

    def take(self) -> Any:
        return sent(self._function(self._items.pop(0)))

    def waiting(self) -> int:
        return len(self._items)

    def close(self) -> None:
        self._items.clear()


class Parts:
    """An exchange in memory."""

    def __init__(self, parts: int) -> None:
        self.parts = parts
        self._pieces: list[list[Any]] = []
        self._states: list[Any] = []

    def scatter(self, function: Callable[[Any, int], Any], items: Iterable[Any]) -> Iterator[Any]:
        there = sent(function)
        for item in items:
            result, pieces = sent(there(sent(item), self.parts))
            self._pieces.append(pieces)
            yield result

    def gather(self, function: Callable[[Sequence[Any], Any], Any], shared: Any) -> None:
        self._states = [
            sent(function([pieces[part] for pieces in self._pieces], shared))
            for part in range(self.parts)
        ]

    def each(self, function: Callable[[Any, Any], Any], shared: Any) -> Iterator[Any]:
        for state in self._states:
            yield sent(function(state, shared))

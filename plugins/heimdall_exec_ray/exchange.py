"""Pieces brought together by key across all partitions: a shuffle whose data never passes through
the process that asked for it.

Each item's task leaves one object per part in the cluster's store; one task per part then collects
them wherever they are. Ray remembers how each object was made, and makes those again that are lost
with a node.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from heimdall_core.errors import HeimdallError
from heimdall_exec_ray.connect import heard
from heimdall_exec_ray.worker import Shipped, gathered, scattered

if TYPE_CHECKING:
    from heimdall_exec_ray.session import RaySession


class RayExchange:
    """See `heimdall_core.types.Exchange`."""

    def __init__(self, session: RaySession, parts: int) -> None:
        self._session, self._ray, self.parts = session, session.ray, parts
        self._pieces: list[list[Any]] = []
        self._items: list[Any] = []
        self._states: list[Any] = []
        heard.clear()
        self._retries = {"max_retries": session.options.retries, "num_cpus": 1}

    def scatter(self, function: Callable[[Any, int], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Results in order; the pieces stay where they are."""
        task = self._ray.remote(_scatter).options(num_returns=1 + self.parts, **self._retries)
        shipped = self._session.ship(function)
        waiting: deque[Any] = deque()
        for number, item in enumerate(items):
            # Held until the pieces are gathered: a piece that is lost is made of it again.
            held = self._ray.put(item)
            self._items.append(held)
            result, *pieces = task.remote(shipped, held, self.parts)
            self._pieces.append(pieces)
            waiting.append(result)
            if number % 64 == 63:
                self._session.look()
            while len(waiting) > 3 * self._session.cpus:
                yield self._get(waiting.popleft())
        while waiting:
            yield self._get(waiting.popleft())

    def gather(self, function: Callable[[Sequence[Any], Any], Any], shared: Any) -> None:
        """One state for each part."""
        task = self._ray.remote(_gather).options(**self._retries)
        shipped, common = self._session.ship(function), self._ray.put(shared)
        self._states = [
            task.remote(shipped, common, *(pieces[part] for pieces in self._pieces))
            for part in range(self.parts)
        ]
        self._ray.wait(self._states, num_returns=len(self._states), fetch_local=False)
        self._session.look()
        self._tell()
        self._pieces = []

    def each(self, function: Callable[[Any, Any], Any], shared: Any) -> Iterator[Any]:
        """A result for each part, in order."""
        task = self._ray.remote(_each).options(**self._retries)
        shipped, common = self._session.ship(function), self._ray.put(shared)
        for reference in [task.remote(shipped, common, state) for state in self._states]:
            yield self._get(reference)
        self._session.look()

    def _get(self, reference: Any) -> Any:
        from heimdall_exec_ray.session import cause_of, lost_errors, short

        try:
            result = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            raise cause_of(error) from error
        except lost_errors(self._ray) as error:
            raise HeimdallError(
                f"work was lost {self._session.options.retries + 1} times: {short(error)}",
                where="Ray",
                hint="its workers may run out of memory: use fewer of them (workers)",
            ) from error
        self._tell()
        return result

    def _tell(self) -> None:
        """Ray does by itself again what a worker that has died was at."""
        died = sum("A worker died" in line for line in heard)
        heard.clear()
        for _ in range(died):
            self._session.warn("a worker process has died; what it was at is done again")


def _scatter(shipped: Shipped, item: Any, parts: int) -> list[Any]:
    from ray import cloudpickle

    return scattered(shipped, cloudpickle.loads, item, parts)


def _gather(shipped: Shipped, shared: Any, *pieces: Any) -> Any:
    from ray import cloudpickle

    return gathered(shipped, cloudpickle.loads, pieces, shared)


def _each(shipped: Shipped, shared: Any, state: Any) -> Any:
    from ray import cloudpickle

    return gathered(shipped, cloudpickle.loads, state, shared)

"""Work on a Ray cluster: tasks in a bounded window, results in the order of what was handed in.

A task whose worker or node is lost is handed in again, and the terminal is told. Nothing is lost
by it and nothing doubled: a piece has one result, and only that is taken.
"""

from __future__ import annotations

import hashlib
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from attrs import define

from heimdall_core.errors import HeimdallError
from heimdall_core.types import Event
from heimdall_core.versions import versions
from heimdall_exec_ray.connect import connected
from heimdall_exec_ray.exchange import RayExchange
from heimdall_exec_ray.options import RayOptions
from heimdall_exec_ray.worker import Shipped, loaded

if TYPE_CHECKING:
    from heimdall_exec_ray.hosts import RayHosts

Emit = Callable[[Event], None]

#: Pieces under way for each CPU: one at work, the others on their way to it.
_AHEAD: Final = 3

#: Parts of an exchange, at most.
_PARTS: Final = 256

#: Pieces between two looks at how large the cluster is: nodes come and go.
_LOOK: Final = 64


def ray_map(
    function: Callable[[Any], Any], items: Iterable[Any], options: RayOptions
) -> Iterator[Any]:
    """`function(item)` for each item, in order, on the cluster that the options name."""
    with open_session(options, lambda event: None) as session:
        yield from session.map(function, items)


def open_session(options: RayOptions, emit: Emit) -> RaySession:
    """A session on the cluster that the options name; connects when it is entered."""
    return RaySession(options, emit)


class RaySession:
    """A connection, and the functions that were sent over it."""

    def __init__(self, options: RayOptions, emit: Emit) -> None:
        self.options, self.emit = options, emit
        self._stack = ExitStack()
        self._nodes: dict[str, str] = {}
        self.ray: Any = None

    def __enter__(self) -> Self:
        self.ray = self._stack.enter_context(connected(self.options))
        self.look()
        self.emit(Event("note", message=f"Ray: {self._described()}"))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @property
    def cpus(self) -> int:
        """Tasks that run at once."""
        found = int(self.ray.cluster_resources().get("CPU", 1))
        return max(1, min(found, self.options.workers or found))

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Results in the order of the items; as many are under way as the cluster has use for."""
        stream = self.stream(function)
        try:
            for item in items:
                stream.put(item)
                while stream.ready():
                    yield stream.take()
            while stream.waiting():
                yield stream.take()
        finally:
            stream.close()

    def stream(self, function: Callable[[Any], Any]) -> RayStream:
        """Pieces as they come up."""
        return RayStream(self, function)

    def exchange(self) -> RayExchange:
        """An exchange of four parts a CPU, taken in turns, and no more than `_PARTS`: each block
        leaves an object for each part, and this process keeps count of all of them."""
        return RayExchange(self, parts=min(4 * self.cpus, _PARTS))

    def hosts(self, path: Path) -> RayHosts | None:
        """The machines that can hold the model at `path`; None where this process is to."""
        from heimdall_exec_ray.hosts import RayHosts, places_for

        places = places_for(self, path) if self.options.answers != "here" else []
        if not places:
            return None
        machines = len({place.node for place in places})
        self.emit(
            Event(
                "note",
                message=f"Ray: {len(places)} process{'es' * (len(places) != 1)} on {machines} "
                f"machine{'s' * (machines != 1)} answer"
                + (", a GPU each" if places[0].gpus else ""),
            )
        )
        return RayHosts(self, places)

    def ship(self, function: Callable[..., Any]) -> Any:
        """The function in the cluster's store, once for all tasks."""
        data = self.ray.cloudpickle.dumps(function)
        key = hashlib.blake2b(data, digest_size=16).hexdigest()
        found = versions(["heimdall-slm"]).get("heimdall-slm", "")
        return self.ray.put(Shipped(key, data, found, tuple(sys.path)))

    def look(self) -> None:
        """Tells which nodes have gone since the last look."""
        nodes = {n["NodeID"]: n["NodeManagerAddress"] for n in self.ray.nodes() if n["Alive"]}
        for node, address in self._nodes.items():
            if node not in nodes:
                self.warn(f"node {address} ({node[:8]}) is lost; its work is done again")
        self._nodes = nodes

    def warn(self, text: str) -> None:
        """Something that the user should see at once."""
        self.emit(Event("warning", message=f"Ray: {text}"))

    def _described(self) -> str:
        nodes = f"{len(self._nodes)} nodes" if len(self._nodes) != 1 else "1 node"
        tasks = "a task at a time" if self.cpus == 1 else f"{self.cpus} tasks at once"
        return f"{nodes}, {tasks}"


@define
class _Piece:
    number: int
    item: Any
    reference: Any
    lost: int = 0


class RayStream:
    """Pieces under way. What was put is held until its result is taken."""

    def __init__(self, session: RaySession, function: Callable[[Any], Any]) -> None:
        self._session, self._ray = session, session.ray
        self._function = session.ship(function)
        self._task = self._ray.remote(_work).options(max_retries=0, num_cpus=1)
        self._pieces: deque[_Piece] = deque()
        self._count = 0
        self._window = _AHEAD * session.cpus

    def put(self, item: Any) -> None:
        """Hands a piece in."""
        if self._count % _LOOK == _LOOK - 1:
            self._session.look()
            self._window = _AHEAD * self._session.cpus
        self._pieces.append(_Piece(self._count, item, self._submit(item)))
        self._count += 1

    def ready(self) -> bool:
        """Whether enough is under way."""
        return len(self._pieces) > self._window

    def take(self) -> Any:
        """The result of the oldest piece. Raises what the function raised, and `HeimdallError`
        for a piece that is lost again and again."""
        piece = self._pieces[0]
        while True:
            try:
                result = self._ray.get(piece.reference)
            except self._ray.exceptions.RayTaskError as error:
                self.close()
                raise cause_of(error) from error
            except lost_errors(self._ray) as error:
                self._again(piece, error)
            else:
                self._pieces.popleft()
                return result

    def waiting(self) -> int:
        """Pieces that were put and not taken."""
        return len(self._pieces)

    def close(self) -> None:
        """Lets go of what is under way: a window of pieces, which come to their end unread. They
        are not cancelled: where the answer of a cancelled task is on its way already, Ray 2.60 ends
        the process that asked, with "Tried to complete task that was not pending"."""
        self._pieces.clear()

    def _submit(self, item: Any) -> Any:
        return self._task.remote(self._function, item)

    def _again(self, piece: _Piece, error: BaseException) -> None:
        piece.lost += 1
        what = f"piece {piece.number + 1:,}"
        if piece.lost > self._session.options.retries:
            self.close()
            raise HeimdallError(
                f"{what} was lost {piece.lost} times: {short(error)}",
                where="Ray",
                hint="its workers may run out of memory: use fewer of them (workers)",
            ) from error
        self._session.look()
        self._session.warn(f"{short(error)}; {what} is done again")
        piece.reference = self._submit(piece.item)


def _work(shipped: Shipped, item: Any) -> Any:
    """In a worker."""
    from ray import cloudpickle

    return loaded(shipped, cloudpickle.loads)(item)


def lost_errors(ray: Any) -> tuple[type[BaseException], ...]:
    """What Ray raises where a worker, a node or a result of theirs has gone."""
    names = ("WorkerCrashedError", "NodeDiedError", "ObjectLostError", "LocalRayletDiedError")
    return (*(getattr(ray.exceptions, name) for name in names), ray.exceptions.OutOfMemoryError)


def cause_of(error: Any) -> BaseException:
    """What the function raised, without Ray's wrapping."""
    cause = getattr(error, "cause", None)
    return cause if isinstance(cause, BaseException) else HeimdallError(str(error), where="Ray")


def short(error: BaseException) -> str:
    """What was lost, in a few words."""
    words = {
        "ActorDiedError": "a process that held a model has died",
        "ActorUnavailableError": "a process that held a model does not answer",
        "ActorUnschedulableError": "the machine of a process that held a model is gone",
        "WorkerCrashedError": "a worker process has died",
        "NodeDiedError": "a node has died",
        "LocalRayletDiedError": "a node has died",
        "OutOfMemoryError": "a worker was stopped, since its node ran out of memory",
    }
    return words.get(type(error).__name__, "a result was lost with its node")

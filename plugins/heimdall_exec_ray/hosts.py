"""Processes that hold a model: one on each machine that has its files, or one for each GPU.

An actor keeps what the function has loaded from piece to piece, which a task cannot be trusted
with: Ray ends the process of a task that has used a GPU. Pieces are handed out as a process gets
free, and come back in order. A process that dies is started again where its machine is there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from attrs import define, frozen

from heimdall_core.errors import HeimdallError
from heimdall_exec_ray.session import cause_of, lost_errors, short
from heimdall_exec_ray.worker import Shipped, loaded

if TYPE_CHECKING:
    from heimdall_exec_ray.session import RaySession

#: Pieces for each process that may be ahead of the one whose turn it is.
_AHEAD: Final = 4


@frozen
class Place:
    """What one process gets."""

    node: str
    address: str
    cpus: int
    gpus: int


def places_for(session: RaySession, path: Path) -> list[Place]:
    """Where processes can hold the file or folder at `path`: on the machines that have it as this
    one has it; with GPUs in the cluster, on those of them that have some."""
    nodes = [node for node in session.ray.nodes() if node["Alive"]]
    nodes = [node for node in nodes if node["Resources"].get("CPU", 0) >= 1]
    if session.options.answers == "auto" and len(nodes) < 2:
        return []
    here = files_of(str(path))
    look = session.ray.remote(files_of)
    asked = [
        look.options(num_cpus=0, scheduling_strategy=_on(session.ray, node["NodeID"])).remote(
            str(path)
        )
        for node in nodes
    ]
    having = []
    for node, reference in zip(nodes, asked, strict=True):
        with suppress(session.ray.exceptions.RayError):  # a machine that has gone has it not
            if session.ray.get(reference) == here:
                having.append(node)
    missing = len(nodes) - len(having)
    if missing:
        session.warn(
            f"{missing} of {len(nodes)} machines do not have {path} as it is here, and answer "
            "nothing for it"
        )
    with_gpu = [node for node in having if node["Resources"].get("GPU", 0) >= 1]
    return [
        Place(node["NodeID"], node["NodeManagerAddress"], max(1, int(cpus) // beside), int(gpu))
        for node in with_gpu or having
        for cpus in [node["Resources"]["CPU"]]
        for gpu in [bool(with_gpu)]
        for beside in [int(node["Resources"]["GPU"]) if with_gpu else 1]
        for _ in range(beside)
    ]


def files_of(path: str) -> dict[str, int]:
    """The bytes of each file below a path, by name; '' for a file itself."""
    root = Path(path)
    if root.is_file():
        return {"": root.stat().st_size}
    files = (file for file in root.rglob("*") if file.is_file())
    return {file.relative_to(root).as_posix(): file.stat().st_size for file in files}


def _on(ray: Any, node: str) -> Any:
    strategy = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
    return strategy(node, soft=False)


class Host:
    """An actor of the cluster."""

    def __init__(self, shipped: Shipped) -> None:
        self._shipped = shipped

    def ready(self) -> bool:
        """Answers once the process is there."""
        return True

    def work(self, item: Any) -> Any:
        """The function's result."""
        from ray import cloudpickle

        return loaded(self._shipped, cloudpickle.loads)(item)


@define(eq=False)
class _Process:
    place: Place
    actor: Any = None
    lost: int = 0


@define
class _Piece:
    number: int
    item: Any
    lost: int = 0


@frozen
class _Raised:
    """In place of a result."""

    cause: BaseException
    error: BaseException


class RayHosts:
    """See `heimdall_core.types.Hosts`."""

    def __init__(self, session: RaySession, places: list[Place]) -> None:
        self._session, self._places = session, places

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Results in the order of the items. Raises what the function raised, and `HeimdallError`
        for a piece that is lost again and again, or where no machine is left."""
        crew = _Crew(self._session, function)
        pieces = (_Piece(number, item) for number, item in enumerate(items))
        found: dict[int, Any] = {}
        turn = handed = 0
        ended = False
        try:
            for place in self._places:
                crew.start(_Process(place))
            while True:
                while crew.free:
                    piece = crew.again.popleft() if crew.again else None
                    if piece is None and not ended and handed - turn < _AHEAD * len(self._places):
                        piece = next(pieces, None)
                        ended = piece is None
                        handed += not ended
                    if piece is None:
                        break
                    crew.hand_in(piece)
                if turn in found:
                    result = found.pop(turn)
                    if isinstance(result, _Raised):
                        raise result.cause from result.error
                    yield result
                    turn += 1
                elif ended and turn == handed:
                    return
                else:
                    found |= crew.next()
        finally:
            crew.dismiss()


class _Crew:
    """Processes that are starting, at work, and free; and the pieces that were lost."""

    def __init__(self, session: RaySession, function: Callable[[Any], Any]) -> None:
        self._session, self._ray = session, session.ray
        self._shipped = session.ship(function)
        self._actor = session.ray.remote(Host)
        self._starting: dict[Any, _Process] = {}
        self._running: dict[Any, tuple[_Process, _Piece]] = {}
        self.free: deque[_Process] = deque()
        self.again: deque[_Piece] = deque()
        names = ("ActorDiedError", "ActorUnavailableError", "ActorUnschedulableError")
        self._lost = (
            *lost_errors(session.ray),
            *(getattr(session.ray.exceptions, name) for name in names),
        )

    def start(self, process: _Process) -> None:
        """Starts a process; it is free once it answers."""
        place = process.place
        process.actor = self._actor.options(
            num_cpus=place.cpus,
            num_gpus=place.gpus,
            scheduling_strategy=_on(self._ray, place.node),
        ).remote(self._shipped)
        self._starting[process.actor.ready.remote()] = process

    def hand_in(self, piece: _Piece) -> None:
        """Gives a piece to a process that is free."""
        process = self.free.popleft()
        self._running[process.actor.work.remote(piece.item)] = process, piece

    def next(self) -> dict[int, Any]:
        """Waits until something happens; the result that came by it, by its number."""
        if not self._starting and not self._running:
            raise HeimdallError(
                "every machine that held the model is lost",
                where="Ray",
                hint="start again: answers that were written down are kept",
            )
        (reference, *_), _ = self._ray.wait([*self._running, *self._starting], num_returns=1)
        piece = None
        if reference in self._starting:
            process = self._starting.pop(reference)
        else:
            process, piece = self._running.pop(reference)
        try:
            result = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            result = _Raised(cause_of(error), error)  # when its turn comes: the first one is told
        except self._lost as error:
            self._make_good(process, piece, error)
            return {}
        self.free.append(process)
        return {piece.number: result} if piece is not None else {}

    def dismiss(self) -> None:
        """Lets go of the processes: each ends with the piece that it is at."""
        for held in (self._starting, self._running, self.free, self.again):
            held.clear()

    def _make_good(self, process: _Process, piece: _Piece | None, error: BaseException) -> None:
        place, retries = process.place, self._session.options.retries
        if piece is not None:
            piece.lost += 1
            self.again.append(piece)
        else:
            process.lost += 1
        if max(process.lost, piece.lost if piece is not None else 0) > retries:
            raise HeimdallError(
                f"a process that holds the model was lost {retries + 1} times: {short(error)}",
                where="Ray",
                hint="its machine may run out of memory",
            ) from error
        self._session.look()
        what = f"; piece {piece.number + 1:,} is done again" if piece is not None else ""
        self._session.warn(f"{place.address}: {short(error)}{what}")
        with suppress(self._ray.exceptions.RayError):
            self._ray.kill(process.actor)
        if any(node["Alive"] and node["NodeID"] == place.node for node in self._ray.nodes()):
            self.start(process)

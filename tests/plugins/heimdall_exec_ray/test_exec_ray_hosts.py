"""Processes of a Ray cluster that hold something large: loaded once in each, results in order,
and nothing lost where one dies."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ray = pytest.importorskip("ray", reason="ray is not installed (extra `ray`)")

from heimdall_core import Event, HeimdallError  # noqa: E402
from heimdall_exec_ray import hosts  # noqa: E402
from heimdall_exec_ray.hosts import Place, RayHosts, places_for  # noqa: E402
from heimdall_exec_ray.options import RayOptions  # noqa: E402
from heimdall_exec_ray.session import RaySession, open_session  # noqa: E402

pytestmark = pytest.mark.usefixtures("ray_cluster")
ray.cloudpickle.register_pickle_by_value(__import__(__name__, fromlist=["*"]))


class Heavy:
    """Says at what it is asked which process loaded it; kills its process at one item."""

    def __init__(self, folder: Path, at: int = -1, times: int = 0, meet: int = 1) -> None:
        self.folder, self.at, self.times, self.meet = folder, at, times, meet
        self.loads = 0
        self.held: object = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "held": None}

    def __call__(self, item: int) -> tuple[int, int, int]:
        if item == self.at:
            for attempt in range(self.times):
                mark = self.folder / str(attempt)
                if not mark.exists():
                    mark.touch()
                    os.kill(os.getpid(), signal.SIGKILL)
        if item == -7:
            raise HeimdallError("no such question", where="model")
        if self.held is None:
            self.held = object()
            self.loads += 1
            (self.folder / f"here-{os.getpid()}").touch()
            end = time.monotonic() + 120
            while len(list(self.folder.glob("here-*"))) < self.meet and time.monotonic() < end:
                time.sleep(0.01)  # else one process may have done it all before the other is there
        return item * item, os.getpid(), self.loads


@pytest.fixture
def made() -> Iterator[Callable[..., tuple[RaySession, list[Event]]]]:
    """`made(options)`: a session, and what it has said."""
    sessions = []

    def make(**options: Any) -> tuple[RaySession, list[Event]]:
        seen: list[Event] = []
        session = open_session(RayOptions(retries=2, **options), seen.append)
        session.__enter__()
        sessions.append(session)
        return session, seen

    yield make
    for session in sessions:
        session.__exit__(None, None, None)


def two_places(session: RaySession) -> list[Place]:
    (node,) = session.ray.nodes()
    return [Place(node["NodeID"], node["NodeManagerAddress"], 1, 0)] * 2


def test_each_process_loads_once_and_results_keep_their_order(made: Any, tmp_path: Path) -> None:
    session, _ = made()
    found = list(RayHosts(session, two_places(session)).map(Heavy(tmp_path, meet=2), range(40)))
    assert [square for square, _, _ in found] == [n * n for n in range(40)]
    assert len({process for _, process, _ in found}) == 2
    assert {loads for _, _, loads in found} == {1}


def test_a_process_that_dies_is_started_again(made: Any, tmp_path: Path) -> None:
    session, seen = made()
    heavy = Heavy(tmp_path, at=5, times=2)
    found = list(RayHosts(session, two_places(session)).map(heavy, range(20)))
    assert [square for square, _, _ in found] == [n * n for n in range(20)]
    said = [event.message for event in seen if event.kind == "warning"]
    assert [line.partition("; ")[2] for line in said] == ["piece 6 is done again"] * 2
    heavy = Heavy(tmp_path, at=5, times=100)
    with pytest.raises(HeimdallError, match="was lost 3 times"):
        list(RayHosts(session, two_places(session)).map(heavy, range(20)))


def test_what_the_function_raises_comes_through_and_frees_the_cluster(
    made: Any, tmp_path: Path
) -> None:
    session, _ = made()
    two = RayHosts(session, two_places(session))
    for _ in range(2):  # the CPUs of the first are free for the second
        with pytest.raises(HeimdallError, match="model: no such question"):
            list(two.map(Heavy(tmp_path), [1, 2, -7, 3]))
    assert list(session.map(lambda n: n + 1, [1])) == [2]


def test_a_machine_that_has_gone_is_told_where_it_was_the_last(made: Any, tmp_path: Path) -> None:
    session, seen = made()
    gone = Place("0" * 56, "10.0.0.9", 1, 0)
    with pytest.raises(HeimdallError, match="every machine that held the model is lost"):
        list(RayHosts(session, [gone]).map(Heavy(tmp_path), range(3)))
    assert any("10.0.0.9" in event.message for event in seen)


def test_where_a_model_answers(made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}", encoding="utf-8")
    one_machine, _ = made()
    assert one_machine.hosts(tmp_path) is None
    assert made(answers="here")[0].hosts(tmp_path) is None
    session, seen = made(answers="workers")
    (place,) = places_for(session, tmp_path / "model")
    assert (place.cpus, place.gpus) == (2, 0)
    assert session.hosts(tmp_path / "model") is not None
    assert seen[-1].message == "Ray: 1 process on 1 machine answer"
    monkeypatch.setattr(hosts, "files_of", lambda path: {"": os.getpid()})  # as on another disk
    assert session.hosts(tmp_path / "model") is None
    assert "1 of 1 machines do not have" in seen[-1].message

"""Pieces among processes that die at random, without a cluster: none is lost, none doubled, and
their order stays."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from heimdall_core.errors import HeimdallError
from heimdall_exec_ray import hosts
from heimdall_exec_ray.hosts import Place, RayHosts
from heimdall_exec_ray.options import RayOptions


class RayError(Exception):
    pass


class RayTaskError(RayError):
    def __init__(self, cause: Exception) -> None:
        self.cause = cause


LOST = {
    name: type(name, (RayError,), {})
    for name in (
        "WorkerCrashedError",
        "NodeDiedError",
        "ObjectLostError",
        "LocalRayletDiedError",
        "OutOfMemoryError",
        "ActorDiedError",
        "ActorUnavailableError",
        "ActorUnschedulableError",
    )
}


class Nodes:
    """As much of Ray as the processes need: what they are asked is done when it is asked for, in
    any order. `dies(node, item)` says whether the process dies at it."""

    exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError, **LOST)
    util = SimpleNamespace(
        scheduling_strategies=SimpleNamespace(
            NodeAffinitySchedulingStrategy=lambda node, soft: node
        )
    )

    def __init__(self, seed: int, dies: Callable[[str, Any], bool]) -> None:
        self.rng, self.dies, self.gone = random.Random(seed), dies, set[str]()

    def nodes(self) -> list[dict[str, Any]]:
        return [{"NodeID": name, "Alive": name not in self.gone} for name in "abcd"]

    def kill(self, actor: Any) -> None:
        actor.dead = True

    def wait(self, references: list[Any], num_returns: int) -> tuple[list[Any], list[Any]]:
        return [self.rng.choice(references)], []

    def get(self, reference: Callable[[], Any]) -> Any:
        return reference()

    def remote(self, kind: type) -> Any:
        def options(*, num_cpus: int, num_gpus: int, scheduling_strategy: str) -> Any:
            return SimpleNamespace(
                remote=lambda function: Actor(self, kind(function), scheduling_strategy)
            )

        return SimpleNamespace(options=options)


class Actor:
    def __init__(self, ray: Nodes, made: Any, node: str) -> None:
        self.ray, self.made, self.node, self.dead = ray, made, node, False
        self.ready, self.work = (self.asked(name) for name in ("ready", "work"))

    def asked(self, name: str) -> Any:
        def remote(*items: Any) -> Callable[[], Any]:
            def answer() -> Any:
                self.dead = self.dead or self.node in self.ray.gone
                self.dead = self.dead or self.ray.dies(self.node, items[0] if items else None)
                if self.dead:
                    raise LOST["ActorDiedError"]
                try:
                    return getattr(self.made, name)(*items)
                except Exception as error:
                    raise RayTaskError(error) from error

            return answer

        return SimpleNamespace(remote=remote)


@pytest.fixture(autouse=True)
def _without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "loaded", lambda shipped, loads: shipped)
    ray = SimpleNamespace(cloudpickle=SimpleNamespace(loads=None))
    monkeypatch.setitem(sys.modules, "ray", ray)


def asked(ray: Nodes, places: str, items: range, retries: int = 3) -> tuple[list[int], list[str]]:
    warnings: list[str] = []
    session: Any = SimpleNamespace(
        ray=ray,
        options=RayOptions(retries=retries),
        ship=lambda function: function,
        look=lambda: None,
        warn=warnings.append,
    )
    found = RayHosts(session, [Place(place, place, 1, 0) for place in places])

    def square(item: int) -> int:
        if item < 0:
            raise ValueError(item)
        return item * item

    return list(found.map(square, items)), warnings


def dies_now_and_then(rng: random.Random, node: str, item: Any) -> bool:
    return rng.random() < 0.15


def test_random_deaths_change_no_result() -> None:
    for seed in range(200):
        rng = random.Random(seed)
        items = range(rng.randrange(40))
        places = "abcd"[: rng.randrange(1, 5)]
        ray = Nodes(seed, partial(dies_now_and_then, rng))
        found, warnings = asked(ray, places, items, retries=60)
        assert found == [n * n for n in items]
        assert warnings or len(items) < 30


def test_a_machine_that_goes_leaves_its_work_to_the_others() -> None:
    def dies(node: str, item: Any) -> bool:
        if node == "b" and item is not None:
            ray.gone.add("b")
        return node in ray.gone

    ray = Nodes(1, dies)
    found, warnings = asked(ray, "ab", range(30))
    assert found == [n * n for n in range(30)]
    assert len(warnings) == 1
    with pytest.raises(HeimdallError, match="every machine that held the model is lost"):
        asked(ray, "b", range(3))


@pytest.mark.parametrize("fatal", [4, None])
def test_what_dies_every_time_ends_the_work(fatal: int | None) -> None:
    with pytest.raises(HeimdallError, match="was lost 3 times"):
        asked(Nodes(1, lambda node, item: item == fatal), "a", range(9), retries=2)


def test_the_first_item_whose_function_raises_is_told() -> None:
    for seed in range(20):
        with pytest.raises(ValueError, match="-1"):
            asked(Nodes(seed, lambda node, item: False), "abc", range(3, -3, -1))

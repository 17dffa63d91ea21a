"""Drawing without replacement from spaces too large to list."""

from __future__ import annotations

import hashlib
import heapq
import random
from collections import deque
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def stream(seed: int, *path: str) -> random.Random:
    """A random stream of its own for every path, the same in every process."""
    text = "/".join((str(seed), *path))
    return random.Random(hashlib.sha256(text.encode()).digest())  # noqa: S311 - not for secrets


def shuffled(size: int, rng: random.Random) -> Iterator[int]:
    """The numbers below `size` in random order: Fisher-Yates that stores only what it moved."""
    moved: dict[int, int] = {}
    for last in range(size - 1, -1, -1):
        at = rng.randrange(last + 1)
        drawn = moved.get(at, at)
        end = moved.pop(last, last)
        if at != last:
            moved[at] = end
        yield drawn


def round_robin(streams: Iterable[Iterator[T]]) -> Iterator[T]:
    """One item of each stream in turn, until all have ended."""
    waiting = deque(streams)
    while waiting:
        current = waiting.popleft()
        for item in current:
            yield item
            waiting.append(current)
            break


def by_weight(streams: Iterable[tuple[float, Iterator[T]]]) -> Iterator[T]:
    """Items of every stream in proportion to its weight, spread evenly, until all have ended."""
    queue = [(1 / weight, order, weight, items) for order, (weight, items) in enumerate(streams)]
    heapq.heapify(queue)
    while queue:
        due, order, weight, items = heapq.heappop(queue)
        for item in items:
            yield item
            heapq.heappush(queue, (due + 1 / weight, order, weight, items))
            break

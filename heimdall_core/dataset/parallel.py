"""Work over a stream of blocks on several cores: results in order, memory bounded by a window.

Forked processes, so that a function may close over plugins, which no other process could be sent.
Where forking is not to be had (Windows, macOS), the work is done in this process. Within
`spread_over`, an executor's session takes the work instead.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import chain, islice
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from typing import Any, TypeVar

from heimdall_core.errors import DatasetError
from heimdall_core.types import ExecutorSession

T = TypeVar("T")
R = TypeVar("R")

#: Items below which starting processes would cost more than it saves.
_FEW = 3


def cores() -> int:
    """Cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        return os.cpu_count() or 1


_session: ContextVar[ExecutorSession | None] = ContextVar("session", default=None)


@contextmanager
def spread_over(session: ExecutorSession | None) -> Iterator[None]:
    """Within it, the data stages of this thread spread their work over `session`."""
    token = _session.set(session)
    try:
        yield
    finally:
        _session.reset(token)


def current_session() -> ExecutorSession | None:
    """The executor's session that work is spread over; None for processes of this machine."""
    return _session.get()


def local_map(function: Callable[[T], R], items: Iterable[T], options: Any) -> Iterator[R]:
    """The executor `local`: `options.workers` processes."""
    return _local(function, items, options.workers)


def ordered_map(
    function: Callable[[T], R], items: Iterable[T], workers: int = 0
) -> Generator[R, None, None]:
    """`function(item)` for each item, in order; at most a few results per worker wait at a time.

    `workers` is 0 for one per core. What the function raises is raised here. Raises `DatasetError`
    where a worker is killed, as by a system that has run out of memory.
    """
    session = current_session()
    if session is not None:
        yield from session.map(function, items)
    else:
        yield from _local(function, items, workers)


def _local(function: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    workers = workers or cores()
    stream = iter(items)
    first = list(islice(stream, _FEW))
    if workers < 2 or len(first) < _FEW or sys.platform != "linux":
        yield from map(function, chain(first, stream))
        return
    yield from _forked(function, chain(first, stream), workers)


def _forked(function: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    from concurrent.futures import Future, ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    # With fork, `initargs` are inherited and never pickled.
    pool = ProcessPoolExecutor(workers, get_context("fork"), _begin, (function,))
    waiting: deque[Future[R]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(_work, item))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise DatasetError(
            "a worker process was killed", hint="it may have run out of memory: use fewer workers"
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_function: Callable[[Any], Any]


def _begin(function: Callable[[Any], Any]) -> None:
    """In each worker: takes the function, leaves Ctrl-C to the parent, and ends with it."""
    global _function
    _function = function
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    # A parent that is killed cannot stop its workers, and they would hold its locks.
    wait([sentinel])
    os._exit(1)


def _work(item: Any) -> Any:
    return _function(item)

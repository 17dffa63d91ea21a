"""Several processes at once, as a launcher starts them, but of a server that has PyTorch imported:
a fraction of a second each, where the interpreter's start takes several."""

from __future__ import annotations

import multiprocessing
import os
import socket
import traceback
from collections.abc import Callable, Sequence
from functools import cache
from multiprocessing.connection import Connection
from typing import Any

#: What the server imports before it forks.
_IMPORTED = ["heimdall_train_lora.training", "heimdall_train_scratch.training", "training_job"]


class Died(Exception):
    """A process that ended without a word."""


@cache
def _server() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED)
    return context


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def together(
    job: Callable[..., Any], arguments: Sequence[Any], *, seconds: float = 120
) -> list[Any]:
    """`job(argument)` in a process for each argument, whose place is its rank. Gives what each of
    them returned, or the exception's text as `Died` where it ended without a result."""
    environment = {
        "WORLD_SIZE": str(len(arguments)),
        "LOCAL_WORLD_SIZE": str(len(arguments)),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
    }
    started = []
    for rank, argument in enumerate(arguments):
        ours, theirs = _server().Pipe(duplex=False)
        own = {**environment, "RANK": str(rank), "LOCAL_RANK": str(rank)}
        process = _server().Process(target=_run, args=(theirs, own, job, argument), daemon=True)
        process.start()
        theirs.close()
        started.append((process, ours))
    found: list[Any] = []
    for process, ours in started:
        try:
            found.append(ours.recv() if ours.poll(seconds) else Died("no answer in time"))
        except EOFError:
            found.append(Died("ended without a word"))
        process.join(10)
        if process.is_alive():
            process.kill()
    return found


def _run(pipe: Connection, environment: dict[str, str], job: Callable[..., Any], own: Any) -> None:
    os.environ.update(environment)
    try:
        pipe.send(job(own))
    except BaseException:  # noqa: BLE001 - handed to the test, which shows it
        pipe.send(Died(traceback.format_exc()))

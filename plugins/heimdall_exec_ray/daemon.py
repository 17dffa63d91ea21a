"""Ray's daemon on this machine, over which this process speaks to the cluster: where it has ended,
Ray ends the process too, half a minute later and without a word. So it is looked at, and told."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from heimdall_core.errors import HeimdallError

#: Seconds between two looks.
_EVERY: Final = 2.0

#: Interrupts the main thread. SIGINT would not do: a shell has its background jobs ignore it, and
#: other libraries take it.
_SIGNAL: Final = getattr(signal, "SIGUSR1", None)


@contextmanager
def watched() -> Iterator[None]:
    """Raises `HeimdallError` where the daemon ends while the block is at work. Works in the main
    thread, which is the one that can be interrupted; and for a process that has a daemon: a client
    from outside of the cluster has none."""
    address, main = _address(), threading.main_thread()
    if not address or threading.current_thread() is not main or _SIGNAL is None:
        yield
        return
    ended, gone = threading.Event(), threading.Event()

    def look() -> None:
        while not ended.wait(_EVERY):
            if not listens(address):
                gone.set()
                signal.pthread_kill(main.ident or 0, _SIGNAL)
                return

    def interrupt(*_: object) -> None:
        if not ended.is_set():
            raise KeyboardInterrupt  # which Ray lets through while it waits, and nothing else

    before = signal.signal(_SIGNAL, interrupt)
    thread = threading.Thread(target=look, name="ray-daemon", daemon=True)
    thread.start()
    try:
        yield
    except KeyboardInterrupt:
        if not gone.is_set():
            raise
        raise HeimdallError(
            "Ray's daemon on this machine has ended, and the work with it",
            where="Ray",
            hint="start again; `ray status` says whether the cluster is there, and its memory",
        ) from None
    finally:
        ended.set()
        thread.join()  # no signal comes once the handler is gone
        signal.signal(_SIGNAL, signal.SIG_DFL if before is None else before)


def _address() -> str:
    from ray._private import worker

    node: Any = getattr(getattr(worker, "global_worker", None), "node", None)
    return str(getattr(node, "raylet_socket_name", "") or "")


def listens(address: str) -> bool:
    """Whether anybody takes calls at a socket's path; a process that is only slow does."""
    with socket.socket(socket.AF_UNIX) as call:
        call.settimeout(_EVERY)
        try:
            call.connect(address)
        except TimeoutError:
            return True
        except OSError:
            return False
    return True

"""Where Ray's daemon on this machine ends, the user is told."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="ray is not installed (extra `ray`)")

from heimdall_core.errors import HeimdallError
from heimdall_exec_ray import daemon

SCRIPT = """
from heimdall_core.errors import HeimdallError
from heimdall_exec_ray.options import RayOptions
from heimdall_exec_ray.session import open_session
import time

def slow(item):
    time.sleep(0.1)
    return item

try:
    with open_session(RayOptions(workers=1), lambda event: None) as session:
        for item in session.map(slow, range(3000)):
            if item == 3:
                print("at work", flush=True)
except HeimdallError as error:
    print("told:", error, flush=True)
"""


@pytest.mark.slow
def test_a_killed_daemon_is_told(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as work:
        assert work.stdout is not None
        assert work.stdout.readline() == "at work\n"
        killed = [
            os.kill(int(entry.name), signal.SIGKILL)
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit()
            and _folder(entry) == tmp_path
            and b"/raylet/raylet" in (entry / "cmdline").read_bytes()
        ]
        assert len(killed) == 1
        told = work.stdout.read()
    assert told.startswith("told: Ray: Ray's daemon on this machine has ended")


def _folder(entry: Path) -> Path | None:
    try:
        return (entry / "cwd").readlink()
    except OSError:
        return None


@pytest.fixture
def daemon_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """What stands for the daemon's socket, looked at a hundred times a second."""
    monkeypatch.setattr(daemon, "_EVERY", 0.01)
    monkeypatch.setattr(daemon, "_address", lambda: str(tmp_path / "s"))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        yield server


def test_an_interrupt_of_the_users_stays_one(daemon_socket: socket.socket) -> None:
    with pytest.raises(KeyboardInterrupt), daemon.watched():
        raise KeyboardInterrupt


def test_the_end_of_the_daemon_is_told_where_interrupts_are_ignored(
    daemon_socket: socket.socket,
) -> None:
    """As a shell has its background jobs do; and the signal's own handler is put back."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    own = signal.getsignal(signal.SIGUSR1)
    daemon_socket.close()
    try:
        with pytest.raises(HeimdallError, match="has ended"), daemon.watched():
            threading.Event().wait(60)  # until the watch interrupts it
    finally:
        signal.signal(signal.SIGINT, before)
    assert signal.getsignal(signal.SIGUSR1) == own


def test_a_process_without_a_daemon_is_not_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon, "_address", lambda: "")
    own = signal.getsignal(signal.SIGUSR1)
    with daemon.watched():
        assert signal.getsignal(signal.SIGUSR1) == own

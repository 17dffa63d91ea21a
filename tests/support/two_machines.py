"""Two machines on this one: network namespaces, joined by a pair of virtual cables. Needs root and
a kernel that lets it (`available`)."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ADDRESSES = ("10.213.7.1", "10.213.7.2")


def _ip(*words: str, check: bool = True) -> bool:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)  # noqa: S607
    if check and done.returncode:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return not done.returncode


def available() -> bool:
    """Whether namespaces can be made here."""
    name = f"heimdall-{os.getpid()}"
    try:
        made = _ip("netns", "add", name, check=False)
    except FileNotFoundError:  # no iproute2
        return False
    if made:
        _ip("netns", "del", name)
    return made


@contextmanager
def two_machines() -> Iterator[tuple[str, str]]:
    """Names of two namespaces that reach each other at `ADDRESSES`, and nothing else."""
    names = (f"heimdall-{os.getpid()}-0", f"heimdall-{os.getpid()}-1")
    try:
        for name in names:
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("link", "add", "cable", "netns", names[0], "type", "veth", "peer", "name", "cable",
            "netns", names[1])  # fmt: skip
        for name, address in zip(names, ADDRESSES, strict=True):
            _ip("-n", name, "address", "add", f"{address}/24", "dev", "cable")
            _ip("-n", name, "link", "set", "cable", "up")
        yield names
    finally:
        for name in names:
            _ip("netns", "del", name, check=False)


def start_on(
    name: str, command: Sequence[str], *, cwd: Path, log: Path, **environment: str
) -> subprocess.Popen[Any]:
    """Starts a command on a machine, at the head of its own process group; what it says goes to
    `log`."""
    with log.open("ab") as file:
        return subprocess.Popen(
            ["ip", "netns", "exec", name, *command],  # noqa: S607
            cwd=cwd,
            env={**os.environ, **environment},
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

"""Starting the misbehaving server, and asking it what it was asked."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SERVER = Path(__file__).with_name("teacher_server.py")


class Running:
    """A server that runs."""

    def __init__(self, port: int) -> None:
        self.port = port

    @property
    def openai(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def anthropic(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stats(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.anthropic}/stats", timeout=30) as reply:  # noqa: S310
            found: dict[str, Any] = json.load(reply)
        return found


@contextmanager
def teacher_server(*arguments: str) -> Iterator[Running]:
    """A server in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, str(SERVER), *arguments], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield Running(int(process.stdout.readline()))
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()

"""What a terminal, a pipe and a shell see of the command line."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

HEIMDALL = [sys.executable, "-m", "heimdall_core.cli.main"]


def on_a_terminal(arguments: list[str], **environment: str) -> bytes:
    """What the command writes where standard output and error are a terminal."""
    ours, theirs = pty.openpty()
    inherited = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    process = subprocess.Popen(
        [*HEIMDALL, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**inherited, "TERM": "xterm-256color", **environment},
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        written += piece
    process.wait()
    os.close(ours)
    return written


@pytest.mark.parametrize("arguments", [["runs", "show", "nothing"], ["plugins"]])
def test_no_color_is_heeded(arguments: list[str]) -> None:
    assert b"\x1b[3" in on_a_terminal(arguments)
    assert b"\x1b[3" not in on_a_terminal(arguments, NO_COLOR="1")


def test_a_pipe_gets_neither_colours_nor_bars(tmp_path: Path) -> None:
    asked = ["generate", "--generator", "cypher", "--num-examples", "50", "--output"]
    done = subprocess.run(
        [*HEIMDALL, *asked, str(tmp_path / "rows.jsonl")], capture_output=True, check=False
    )
    assert done.returncode == 0
    assert b"\x1b" not in done.stdout + done.stderr
    assert "━" not in (done.stdout + done.stderr).decode()


def test_the_shell_completes_commands_and_options() -> None:
    def complete(words: str, at: int) -> set[str]:
        environment = {
            **os.environ,
            "_HEIMDALL_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(at),
        }
        code = "from heimdall_core.cli.main import entry; entry()"
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return {line.split(",")[1] for line in done.stdout.splitlines()}

    assert complete("heimdall gen", 1) == {"generate"}
    assert complete("heimdall ser", 1) == {"serve"}  # a plugin's
    assert "--num-examples" in complete("heimdall generate --num", 2)


def test_versions_of_what_matters() -> None:
    done = subprocess.run([*HEIMDALL, "--version"], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("heimdall ")
    assert "  python " in done.stdout

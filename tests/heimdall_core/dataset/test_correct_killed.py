"""A correction that is killed, and two at once: real processes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from heimdall_core.dataset.correct import correct_file
from heimdall_core.dataset.io import read_examples
from heimdall_core.errors import DatasetError

Write = Callable[..., Path]

# Ends the process the hard way just before its n-th step of those that reach the disk.
KILLED = """
import os, signal, sys
from pathlib import Path

steps = int(sys.argv[2])

def counted(function):
    def step(*args, **kwargs):
        global steps
        steps -= 1
        if steps == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    return step

os.fsync, os.replace = counted(os.fsync), counted(os.replace)
from heimdall_core.dataset.correct import correct_file
correct_file(Path(sys.argv[1]))
"""

HOLDS = """
import sys
from pathlib import Path
from heimdall_core.dataset.files import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_killed_at_any_step_the_file_is_the_old_or_the_new_and_the_old_is_kept(
    write: Write,
) -> None:
    rows = [{"instruction": f"Q {n % 4}", "output": "RETURN 1"} for n in range(8)]
    lines = [json.dumps(row).encode() for row in rows]
    path = write(lines)
    old = path.read_bytes()
    states = []
    for step in range(1, 40):
        path.write_bytes(old)
        for left in path.parent.glob("*_backup_*"):
            left.unlink()
        (path.parent / "corrections.jsonl").unlink(missing_ok=True)
        done = subprocess.run([sys.executable, "-c", KILLED, str(path), str(step)], check=False)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL
        states.append(path.read_bytes() == old)
        if not states[-1]:
            assert len(list(read_examples(path))) == 4
            (backup,) = path.parent.glob("*_backup_*")
            assert backup.read_bytes() == old
            assert len((path.parent / "corrections.jsonl").read_bytes().splitlines()) == 4
        # Whatever was left behind is in nobody's way.
        path.write_bytes(old)
        assert correct_file(path).rows_out == 4
    else:
        pytest.fail("never ended")
    assert len(states) > 8
    assert states == sorted(states, reverse=True), "old up to one step, new from there on"
    assert {True, False} <= set(states), "killed before the change and after it"


def test_a_second_correction_is_refused_until_the_first_ends_or_dies(write: Write) -> None:
    path = write([{"instruction": "Q", "output": "A"}] * 2)
    before = path.read_bytes()
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with pytest.raises(DatasetError, match="is being changed by another process"):
            correct_file(path)
        assert path.read_bytes() == before
        first.kill()
    assert correct_file(path).rows_out == 1

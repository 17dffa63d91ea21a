"""Correction when things go wrong outside it: killed at random moments, no room on the disk."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from heimdall_core.dataset.correct import correct_file
from heimdall_core.dataset.io import read_examples

Write = Callable[..., Path]

CORRECT = """
import sys
from pathlib import Path
from heimdall_core.dataset import formats
from heimdall_core.dataset.correct import CorrectOptions, correct_file
formats.BLOCK_BYTES = 20_000  # several blocks, so that there are workers to be killed with
print("begun", flush=True)
correct_file(Path(sys.argv[1]), options=CorrectOptions(workers=2))
"""

LIMITED = """
import resource, signal, sys
from pathlib import Path
from heimdall_core.dataset.correct import correct_file
from heimdall_core.errors import DatasetError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
try:
    correct_file(Path(sys.argv[1]))
except DatasetError as error:
    print(error)
    sys.exit(2)
"""


def rows(count: int) -> list[dict[str, str]]:
    return [
        {"instruction": f"Question {n % (count // 2)}", "output": f"RETURN {n % (count // 2)}"}
        for n in range(count)
    ]


def test_killed_at_20_random_moments(write: Write) -> None:
    path = write(rows(6000))
    old = path.read_bytes()
    draw = random.Random(4)
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", CORRECT, str(path)], check=True, capture_output=True)
    whole = time.monotonic() - started
    new = path.read_bytes()
    assert new != old
    states = []
    for _ in range(20):
        for left in path.parent.iterdir():
            if left.is_file():
                left.unlink()
        path.write_bytes(old)
        with subprocess.Popen(
            [sys.executable, "-c", CORRECT, str(path)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            # Not a wait for something to happen: the moment itself is what is drawn.
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=draw.uniform(0, whole))
            process.send_signal(signal.SIGKILL)
        found = path.read_bytes()
        assert found in (old, new)
        states.append(found == new)
        backups = list(path.parent.glob("*_backup_*"))
        assert all(backup.read_bytes() == old for backup in backups)
        if found == new:
            assert len(backups) == 1
            assert len((path.parent / "corrections.jsonl").read_text().splitlines()) == 3000
    # Workers end with their parent, and hold no lock: the next correction goes through.
    path.write_bytes(old)
    assert correct_file(path).rows_out == 3000
    assert False in states


@pytest.mark.parametrize("limit", [20_000, 120_000, 200_000])
def test_no_room_on_the_disk(write: Write, limit: int) -> None:
    """A limit on the size of files stands in for a full disk: what is written fails half-way."""
    path = write(rows(4000))
    old = path.read_bytes()
    assert len(old) > limit
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path), str(limit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "cannot be written: File too large" in done.stdout
    assert len(done.stdout.splitlines()) == 1
    assert path.read_bytes() == old
    assert [p.name for p in path.parent.iterdir() if not p.name.endswith(".lock")] == [path.name]
    assert correct_file(path).rows_out == 2000
    assert len(list(read_examples(path))) == 2000


@pytest.mark.skipif(not os.access("/proc/self", os.R_OK) or os.geteuid() != 0, reason="needs root")
def test_a_full_tmpfs(tmp_path: Path) -> None:
    """The real thing, where mounting is permitted."""
    disk = tmp_path / "small"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(disk)],  # noqa: S607
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("mounting a tmpfs is not permitted here")
    try:
        path = disk / "data.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows(5500)))
        old = path.read_bytes()
        done = subprocess.run(
            [sys.executable, "-c", LIMITED, str(path), str(2**30)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2, (done.stdout, done.stderr)
        assert "No space left on device" in done.stdout
        assert path.read_bytes() == old
    finally:
        subprocess.run(["umount", str(disk)], check=False)  # noqa: S607

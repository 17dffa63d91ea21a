"""A log larger than memory should be: read in a stream, in memory that does not grow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

LINUX = pytest.mark.skipif(
    not Path("/proc/self/status").is_file(), reason="memory is read from /proc"
)

READ = """
import json, re, sys
from pathlib import Path
from heimdall_core.types import GenerateContext
from heimdall_gen_logs.generate import examples
from heimdall_gen_logs.options import LogsOptions
notes, peaks = [], []
def peak():
    # Of this program alone: `getrusage` begins with what its parent had.
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\\s+(\\d+)", status)[1]) / 1024
context = GenerateContext(count=10**9, seed=1, note=notes.append)
rows = []
for row in examples(context, LogsOptions(files=(sys.argv[1],))):
    rows.append(row.output)
    peaks.append(peak())
print(json.dumps({"rows": len(rows), "first": peaks[0], "last": peak(), "note": notes[-1]}))
"""


def write_log(path: Path, size: int) -> int:
    """A log of at least `size` bytes, one of 64 queries a record; returns the records."""
    block = []
    for i in range(2000):
        label = f"Kind{i % 64:02d}"
        block.append(
            f"[BOLT] user{i % 7}@10.0.0.{i % 250}:5000: MATCH (n:{label} {{code: 'c-{i}-%d'}})\n"
            f"WHERE n.amount > {1000 + i} AND n.city = 'Town {i}'\n"
            f"RETURN n.name, n.amount ORDER BY n.amount DESC LIMIT 10 (params: map[x:{i}])\n"
        )
        if i % 50 == 0:
            block.append("[HTTP] GET /health 200 1ms\n")
    text = "".join(block)
    records = written = number = 0
    with path.open("w", encoding="utf-8") as file:
        while written < size:
            written += file.write(text.replace("%d", str(number)))
            number += 1
            records += 2000
    return records


def read(path: Path) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, float] = json.loads(done.stdout)
    return found


@LINUX
def test_memory_does_not_grow_with_the_log(tmp_path: Path) -> None:
    records = write_log(tmp_path / "bolt.log", 30 * 2**20)
    found = read(tmp_path / "bolt.log")
    assert found["rows"] == 64
    assert f"{records:,} records" in str(found["note"])
    assert found["last"] - found["first"] < 40


@LINUX
@pytest.mark.slow
def test_two_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "bolt.log"
    records = write_log(path, 2 * 2**30)
    assert path.stat().st_size >= 2 * 2**30
    found = read(path)
    path.unlink()
    assert found["rows"] == 64
    assert f"{records:,} records" in str(found["note"])
    assert found["last"] < 250
    assert found["last"] - found["first"] < 40

"""How fast rows are made, every one checked: the default mix and the Cypher generator alone.

    python benchmarks/generate.py [--rows 100000] [--rounds 3]

The peer is NornicDB's `generate_heimdall_dataset.py`, which cannot be shipped here: it makes 750
rows in 0.58 s, of which 92 can be right (their prompt has one answer), so about 150 right rows a
second. Seconds are wall time of the whole command, processor seconds those of all its processes
(on a machine that has other work, half of them is what two idle cores need at best); memory is the
peak of the largest process.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

#: Right rows a second of the peer: 92 of 750 rows in 0.58 s.
PEER = 92 / 0.58


def run(rows: int, *more: str) -> dict[str, float]:
    """One run of the command, in a folder of its own; its own figures, and processor seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "heimdall_core.cli.main", "generate"]
        output = str(Path(folder, "rows.jsonl"))
        done = subprocess.run(
            [*command, "--num-examples", str(rows), "--output", output, "--json", *more],
            capture_output=True,
            text=True,
            check=True,
        )
        figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures["processor"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return figures


def main() -> None:
    """Measures and prints the table."""
    options = argparse.ArgumentParser()
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} processors")
    print(f"peer: {PEER:.0f} right rows/s (92 right rows in 0.58 s)\n")
    print(
        "| what | rows | rejected | seconds | processor seconds | rows/s | peak MB per process "
        "| × peer |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name, more in (("default mix", ()), ("cypher alone", ("--generator", "cypher"))):
        found = [run(given.rows, *more) for _ in range(given.rounds)]
        seconds = statistics.median(each["seconds"] for each in found)
        rows, peak = found[0]["rows"], max(each["peak_mb"] for each in found)
        rate, used = rows / seconds, statistics.median(each["processor"] for each in found)
        print(
            f"| {name} | {rows:,} | {found[0]['rejected']} | {seconds:.1f} | {used:.1f} "
            f"| {rate:,.0f} | {peak:.0f} | {rate / PEER:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()

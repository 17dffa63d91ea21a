"""How long `heimdall --help` and `heimdall plugins` take, beside a bare Python.

    python benchmarks/startup.py

Medians of 15 runs each, all in one go; limits: 150 ms and 400 ms on 2 cores.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time

RUNS = 15
LIMITS = {"heimdall --help": 0.150, "heimdall plugins": 0.400}
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "heimdall --help": [sys.executable, "-m", "heimdall_core.cli.main", "--help"],
    "heimdall plugins": [sys.executable, "-m", "heimdall_core.cli.main", "plugins"],
}


def once(command: list[str]) -> float:
    """Wall seconds of one run."""
    # As an installed package starts: with its modules compiled.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return time.perf_counter() - started


def main() -> None:
    for command in COMMANDS.values():
        once(command)  # the first run compiles and fills caches
    # Interleaved, so that a busy moment of the machine meets all of them.
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(RUNS):
        for name, command in COMMANDS.items():
            times[name].append(once(command))
    base = statistics.median(times["python -c pass"])
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    print("| command | median | fastest | limit | times a bare Python |")
    print("|---|---|---|---|---|")
    for name, found in times.items():
        median = statistics.median(found)
        limit = f"{LIMITS[name] * 1000:.0f} ms" if name in LIMITS else ""
        print(
            f"| `{name}` | {median * 1000:.0f} ms | {min(found) * 1000:.0f} ms | {limit} "
            f"| {median / base:.1f} |"
        )


if __name__ == "__main__":
    main()

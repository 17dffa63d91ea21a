"""How many CPU cores this process may use, and how many it should."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_CGROUP_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")

#: Weights below which one thread is the default.
_SMALL: Final = 30_000_000


def default_threads(weights: int) -> int:
    """Threads for a model of that many weights: all available cores, and one for a small model.

    llama.cpp's threads (and OpenMP's) wait for each other actively after every operation. On
    small operations that gains little, and beside another busy process it costs an order of
    magnitude: 4 M weights on 2 cores took 1.3 s alone and up to 22 s in company, 2.6 s with one
    thread.
    """
    return 1 if weights < _SMALL else available_cores()


def available_cores(quota: Path = _CGROUP_QUOTA) -> int:
    """Cores by affinity, and by a container's CPU quota where there is one: a container with 2 of
    64 cores sees all 64, and llama.cpp's 64 busy-waiting threads on 2 cores crawl."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    try:
        limit, period = quota.read_text().split()
    except (OSError, ValueError):
        return cores
    if limit == "max":
        return cores
    return max(1, min(cores, round(int(limit) / int(period))))

"""Which device and how many threads PyTorch uses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from heimdall_core.errors import ModelError
from heimdall_run_transformers.options import DeviceName

_CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def available_cores(quota: Path = _CGROUP_QUOTA) -> int:
    """Cores that this process may use: its affinity, and a container's CPU quota where there is
    one. A container with 2 of 64 cores sees all 64, and 64 threads on 2 cores crawl."""
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


@contextmanager
def cpu_threads(wanted: int) -> Iterator[int]:
    """Runs PyTorch's operators on `wanted` threads (0: `available_cores`, shared with
    the other processes of a training on this machine) inside the block, and
    gives the number. The setting belongs to the process; the old one is put back."""
    before = torch.get_num_threads()
    beside = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # processes that share this machine
    torch.set_num_threads(wanted or max(1, available_cores() // beside))
    try:
        yield torch.get_num_threads()
    finally:
        torch.set_num_threads(before)


def choose_device(name: DeviceName) -> torch.device:
    """The device by name; `auto` takes the fastest kind that is there.

    Raises `ModelError` where the named device is missing.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next((kind for kind, there in present.items() if there), "cpu"))
    if not present.get(name, True):
        there = [kind for kind, found in present.items() if found]
        raise ModelError(
            f"device '{name}' is not there", hint=f"Available: {', '.join(['auto', 'cpu', *there])}"
        )
    return torch.device(name)

"""Memory that runs out, and how much a forward pass keeps."""

from __future__ import annotations

from pathlib import Path

import torch


def out_of_memory(error: BaseException) -> bool:
    """Whether an error of PyTorch says that memory ran out, on any device."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    text = str(error)
    return "can't allocate memory" in text or "out of memory" in text


def resident_bytes() -> int:
    """Memory of this process as it is, libraries included; 0 where /proc does not tell."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def free_bytes() -> int:
    """Memory that a process may still take: the machine's, or its container's where that is
    less. 0 where the system does not tell."""
    found = []
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                found.append(int(line.split()[1]) * 1024)
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        if limit != "max":
            used = int(Path("/sys/fs/cgroup/memory.current").read_text())
            found.append(int(limit) - used)
    except (OSError, ValueError):
        pass
    return min(found, default=0)

"""What a stage costs, wall time and peak memory, and what code it ran on."""

from __future__ import annotations

import hashlib
import os
import platform
import time
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path


class Meter:
    """Wall seconds and peak resident bytes between its making and `read`.

    On Linux the kernel's peak counter is reset first, so that the figure is this stage's own;
    where that cannot be done it is the peak of the process so far.
    """

    def __init__(self) -> None:
        self._started = time.monotonic()
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")

    def read(self) -> tuple[float, int]:
        """`(seconds, bytes)`."""
        return time.monotonic() - self._started, peak_bytes()


def peak_bytes() -> int:
    """Peak resident memory of this process, in bytes; 0 where the system does not tell."""
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if platform.system() == "Darwin" else peak * 1024


@cache
def code_digest(module: str) -> str:
    """SHA-256 over the source of a module, or of the whole package that it is the plugin of.

    An edited plugin makes its stage run again though its version has not changed.
    """
    package, _, last = module.partition(":")[0].rpartition(".")
    spec = find_spec(package if last == "plugin" and package else module.partition(":")[0])
    if spec is None or spec.origin is None:
        return ""
    origin = Path(spec.origin)
    whole = bool(spec.submodule_search_locations)
    paths = sorted(p for p in origin.parent.rglob("*") if p.is_file()) if whole else [origin]
    total = hashlib.sha256()
    for path in paths:
        if "__pycache__" in path.parts:
            continue
        total.update(os.fsencode(path.relative_to(origin.parent).as_posix()))
        total.update(b"\0")
        total.update(path.read_bytes())
    return total.hexdigest()


def git_state(folder: Path) -> str:
    """Commit of the checkout that holds `folder`, with `-dirty` where it was changed; '' if
    there is none."""
    import subprocess

    def ask(*arguments: str) -> str:
        try:
            done = subprocess.run(  # noqa: S603 - fixed words, no shell
                ["git", "-C", str(folder), *arguments],  # noqa: S607 - git from PATH
                capture_output=True,
                text=True,
                timeout=10,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return done.stdout.strip() if done.returncode == 0 else ""

    commit = ask("rev-parse", "HEAD")
    return f"{commit}-dirty" if commit and ask("status", "--porcelain") else commit

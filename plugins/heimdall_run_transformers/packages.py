"""Says which extra is missing before a heavy import fails with a traceback."""

from __future__ import annotations

import os
from importlib.util import find_spec

from heimdall_core.errors import missing_extra

NEEDED = ("torch", "transformers", "tokenizers", "safetensors")


def require_packages(what: str) -> None:
    """Raises the error that names the extra `train` where one of `NEEDED` is not installed."""
    for package in NEEDED:
        if find_spec(package) is None:
            raise missing_extra(package, "train", what)


def share_cores() -> None:
    """Has PyTorch's threads wait for each other awake for a moment, then asleep; to be called
    before PyTorch is first imported, which is when OpenMP reads it.

    Always asleep, a training of small matrices loses a fifth of its time to waking up. Awake for
    long, which is the default, it is many times slower on cores that others use as well.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")

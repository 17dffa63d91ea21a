"""Says which extra is missing before a heavy import fails with a traceback."""

from __future__ import annotations

from importlib.util import find_spec

from heimdall_core.errors import missing_extra

NEEDED = ("torch", "transformers", "tokenizers", "safetensors")


def require_packages(what: str) -> None:
    """Raises the error that names the extra `train` where one of `NEEDED` is not installed."""
    for package in NEEDED:
        if find_spec(package) is None:
            raise missing_extra(package, "train", what)

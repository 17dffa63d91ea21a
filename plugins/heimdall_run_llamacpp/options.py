"""Options of the runtime, and a cheap look at a file. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path

from attrs import field, frozen, validators


@frozen(kw_only=True)
class LlamaCppOptions:
    """How a GGUF is loaded. The string below each field is its help text."""

    threads: int = field(default=0, validator=validators.ge(0))
    """CPU threads; 0 takes the cores that this process may use, and one for a small model."""
    context_size: int = field(default=0, validator=validators.ge(0))
    """Longest prompt with its answer, in tokens; 0 takes what the model states."""
    batch_size: int = field(default=2048, validator=validators.ge(32))
    """Most tokens per call into llama.cpp. Answers do not depend on it."""
    parallel: int = field(default=16, validator=[validators.ge(1), validators.le(128)])
    """Prompts that are answered at the same time, each with its own part of the cache."""


def handles(path: Path) -> bool:
    """Whether `path` looks like a GGUF: by its first four bytes, whatever its name."""
    try:
        with path.open("rb") as file:
            return file.read(4) == b"GGUF"
    except OSError:
        return False

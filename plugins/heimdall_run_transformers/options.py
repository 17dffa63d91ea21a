"""Options of the runtime, and a cheap look at a model directory. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from attrs import field, frozen, validators

from heimdall_run_transformers.base import is_adapter

DeviceName = Literal["auto", "cpu", "cuda", "mps"]

#: Weights that are read: safetensors alone, in one file or in shards with their index.
WEIGHT_FILES = ("model.safetensors", "model.safetensors.index.json")


@frozen(kw_only=True)
class TransformersOptions:
    """How a model directory is loaded. The string below each field is its help text."""

    batch_size: int = field(default=0, validator=validators.ge(0))
    """Prompts that are answered or scored at once. 0 takes 32, and up to 128 where what they need
    fits into half a gigabyte. Answers in fp32 do not depend on it."""
    device: DeviceName = "auto"
    """Where the model runs; `auto` takes CUDA, then Apple's GPU, then the CPU."""
    threads: int = field(default=0, validator=validators.ge(0))
    """CPU threads of the whole process; 0 takes the cores that this process may use."""


def handles(path: Path) -> bool:
    """Whether `path` looks like a model directory, or an adapter's: a config and weights as
    safetensors."""
    return is_adapter(path) or (
        (path / "config.json").is_file() and any((path / name).is_file() for name in WEIGHT_FILES)
    )

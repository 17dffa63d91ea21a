"""Number formats: what a run computes in, chosen by device and said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Literal

import torch
from attrs import define, field

from heimdall_core.errors import RecipeError

Name = Literal["fp32", "fp16", "bf16"]

_DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


@define
class Precision:
    """How a run computes: frozen weights in `dtype`, trained ones in fp32, autocast between."""

    name: Name
    device: torch.device
    scaler: torch.amp.GradScaler | None = field(default=None)
    """Loss scaling: fp16 alone."""

    @property
    def dtype(self) -> torch.dtype:
        return _DTYPES[self.name]

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Autocast for a forward pass."""
        if self.name == "fp32":
            with nullcontext():
                yield
        else:
            with torch.autocast(self.device.type, dtype=self.dtype):
                yield


def choose_precision(asked: str, device: torch.device) -> Precision:
    """`auto`: bf16 where the card has it (Ampere and later, and Apple's GPU), fp16 on older cards,
    fp32 on the CPU. Raises `RecipeError` for a format that the device cannot compute in."""
    if asked == "auto":
        if device.type == "cuda":
            name: Name = "bf16" if torch.cuda.get_device_capability(device) >= (8, 0) else "fp16"
        else:
            name = "bf16" if device.type == "mps" else "fp32"
    else:
        name = asked  # type: ignore[assignment]  # the recipe's own check has seen to it
    old = device.type == "cuda" and torch.cuda.get_device_capability(device) < (8, 0)
    check_format(name, device.type, old=old)
    scaler = torch.amp.GradScaler(device.type) if name == "fp16" else None
    return Precision(name, device, scaler)


def check_format(name: str, kind: str, *, old: bool) -> None:
    """Raises `RecipeError` for a number format that a device of this kind (`cpu`, `cuda`, `mps`)
    does not compute in; `old` is a CUDA card from before Ampere."""
    if name == "bf16" and old:
        raise RecipeError(
            "this card does not compute in bf16", where="train.precision", hint="set it to 'fp16'"
        )
    if name == "fp16" and kind == "cpu":
        raise RecipeError(
            "the CPU does not train in fp16",
            where="train.precision",
            hint="set it to 'fp32' or 'bf16'",
        )

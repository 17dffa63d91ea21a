"""Devices that a forecast can be made for, by the names people use. Figures are the makers'."""

from __future__ import annotations

import re
from typing import Final

from attrs import frozen

from heimdall_core.errors import RecipeError, did_you_mean

GB = 1_000_000_000


@frozen
class Card:
    """A device in figures."""

    name: str
    kind: str
    """`cpu`, `cuda` or `mps`."""
    memory: int
    """Bytes; 0 where it is the machine's own."""
    flops: float
    """Dense half-precision operations a second; 0 where they are to be measured."""
    precision: str


#: Short name -> card. Turing and older cards compute in fp16, later ones in bf16.
CARDS: Final = {
    "2080ti": Card("RTX 2080 Ti", "cuda", 11 * GB, 53.8e12, "fp16"),
    "t4": Card("T4", "cuda", 16 * GB, 65e12, "fp16"),
    "v100": Card("V100 16 GB", "cuda", 16 * GB, 112e12, "fp16"),
    "3060": Card("RTX 3060 12 GB", "cuda", 12 * GB, 51e12, "bf16"),
    "3090": Card("RTX 3090", "cuda", 24 * GB, 71e12, "bf16"),
    "4090": Card("RTX 4090", "cuda", 24 * GB, 165e12, "bf16"),
    "a10g": Card("A10G", "cuda", 24 * GB, 70e12, "bf16"),
    "l4": Card("L4", "cuda", 24 * GB, 121e12, "bf16"),
    "a100": Card("A100 80 GB", "cuda", 80 * GB, 312e12, "bf16"),
    "h100": Card("H100", "cuda", 80 * GB, 989e12, "bf16"),
    "h200": Card("H200", "cuda", 141 * GB, 989e12, "bf16"),
    "m1": Card("Apple M1 16 GB", "mps", 16 * GB, 5.2e12, "bf16"),
}


def find_card(device: str) -> Card:
    """The card of a `device` setting: one of this machine, or one by name such as `2080ti`.

    Raises `RecipeError` for a name that is not known.
    """
    short = re.sub(r"[^a-z0-9]", "", device.lower().removeprefix("rtx"))
    if short in CARDS:
        return CARDS[short]
    if device not in ("auto", "cpu", "cuda", "mps"):
        raise RecipeError(
            f"no device is called '{device}'",
            where="train.device",
            hint=did_you_mean(device, [*CARDS, "auto", "cpu", "cuda", "mps"]),
        )
    return _own(device)


def _own(device: str) -> Card:
    import torch

    from heimdall_run_transformers.training.memory import free_bytes
    from heimdall_run_transformers.training.meter import device_peak

    if device in ("auto", "cuda") and torch.cuda.is_available():
        place = torch.device("cuda", 0)
        free, _ = torch.cuda.mem_get_info(place)
        half = "bf16" if torch.cuda.get_device_capability(place) >= (8, 0) else "fp16"
        name = torch.cuda.get_device_name(place)
        return Card(name, "cuda", free, device_peak(place).flops, half)
    if device == "cuda":
        raise RecipeError(
            "this machine has no CUDA card",
            where="train.device",
            hint=f"name a card: {', '.join(CARDS)}",
        )
    if device == "mps" or (device == "auto" and torch.backends.mps.is_available()):
        return CARDS["m1"]
    return Card("CPU", "cpu", free_bytes(), 0.0, "fp32")

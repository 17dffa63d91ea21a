"""Figures of a run: model FLOP utilisation against the device's peak, and peak memory."""

from __future__ import annotations

import resource
import sys
import time
from functools import cache
from typing import Final

import torch
from attrs import frozen

#: Dense peaks in TFLOP/s of half precision with fp32 accumulation, by a part of the card's name;
#: the makers' data sheets, without sparsity. Longer names come first.
PEAKS: Final = {
    "H200": 989.0,
    "H100 PCIe": 756.0,
    "H100": 989.0,
    "A100": 312.0,
    "L40S": 362.0,
    "L4": 121.0,
    "A10G": 70.0,
    "A10": 125.0,
    "4090": 165.0,
    "4080": 97.5,
    "3090": 71.0,
    "3060": 51.0,
    "2080 Ti": 53.8,
    "T4": 65.0,
    "V100": 112.0,
}


@frozen
class Peak:
    """What a device can do at best."""

    flops: float
    """Floating-point operations per second; 0 where unknown."""
    source: str


def device_peak(device: torch.device) -> Peak:
    """The peak of a device: from the table for a CUDA card, measured for the CPU."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
        for part, peak in PEAKS.items():
            if part.lower() in name.lower():
                return Peak(peak * 1e12, f"{name}: {peak:g} TFLOP/s dense half precision")
        return Peak(0.0, f"{name} is not in the table of peaks")
    if device.type == "cpu":
        flops = _cpu_flops(torch.get_num_threads())
        return Peak(flops, f"CPU: {flops / 1e9:.0f} GFLOP/s, a plain fp32 product measured here")
    return Peak(0.0, f"no peak is known for {device.type}")


@cache
def _cpu_flops(threads: int) -> float:
    size = 1024
    left, right = torch.ones(size, size), torch.ones(size, size)
    fastest = float("inf")
    for _ in range(4):
        start = time.perf_counter()
        left @ right  # the product itself is of no use
        fastest = min(fastest, time.perf_counter() - start)
    return 2 * size**3 / fastest


@frozen
class Work:
    """Operations that training takes for a token, by the usual formula."""

    parameters: int
    """Of the whole model, the head included."""
    factor: int
    """4: forward pass and gradients of the activations (LoRA); 6: gradients of the weights as
    well; 2 more for the forward pass once more (checkpointing)."""

    @property
    def per_token(self) -> float:
        return float(self.factor * self.parameters)

    @property
    def formula(self) -> str:
        return f"MFU = tokens/s × {self.factor} × {self.parameters / 1e6:,.1f} M parameters / peak"


def peak_memory(device: torch.device) -> int:
    """Most bytes that were held: by tensors on a CUDA card, by the whole process elsewhere."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024

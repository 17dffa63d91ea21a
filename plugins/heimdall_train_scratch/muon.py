"""torch's Muon with its orthogonalisation in 32 bits where the processor has no bf16 of its own.

torch computes it in bf16 everywhere. A processor without the instructions for it emulates them: on
an AVX2 machine a step then takes ten times as long as the training around it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch


def has_bf16(device: torch.device) -> bool:
    """Whether bf16 products are computed, not emulated."""
    if device.type != "cpu":
        return True
    found = torch.cpu.get_capabilities()
    return bool(found.get("avx512_bf16") or found.get("amx_bf16") or found.get("bf16"))


class Muon(torch.optim.Muon):
    """Same parameters, same state, same update, within rounding."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step; with bf16 at hand, torch's own."""
        first = next((p for g in self.param_groups for p in g["params"]), None)
        if first is None or closure is not None or has_bf16(first.device):
            return super().step(closure)  # type: ignore[no-untyped-call]
        for group in self.param_groups:
            self._step_in_fp32(group)
        return None

    def _step_in_fp32(self, group: dict[str, Any]) -> None:
        # Matrices of one shape are orthogonalised together: fewer, larger products.
        alike: dict[tuple[int, int], list[tuple[torch.Tensor, torch.Tensor]]] = defaultdict(list)
        for parameter in group["params"]:
            if parameter.grad is None:
                continue
            state = self.state[parameter]
            if "momentum_buffer" not in state:
                state["momentum_buffer"] = torch.zeros_like(parameter.grad)
            buffer = state["momentum_buffer"]
            buffer.lerp_(parameter.grad, 1 - group["momentum"])
            moved = parameter.grad.lerp(buffer, group["momentum"]) if group["nesterov"] else buffer
            rows, columns = parameter.shape
            shape = (min(rows, columns), max(rows, columns))
            alike[shape].append((parameter, moved if rows <= columns else moved.T))
        for pairs in alike.values():
            stacked = torch.stack([update for _, update in pairs])
            updates = orthogonalise(
                stacked, group["ns_coefficients"], group["ns_steps"], group["eps"]
            )
            for (parameter, _), update in zip(pairs, updates, strict=True):
                rows, columns = parameter.shape
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                ratio = max(1.0, rows / columns) ** 0.5
                parameter.add_(update if rows <= columns else update.T, alpha=-group["lr"] * ratio)


def orthogonalise(
    matrices: torch.Tensor, coefficients: tuple[float, float, float], steps: int, eps: float
) -> torch.Tensor:
    """The Newton–Schulz iteration over a stack `(n, rows, columns)`, rows not above columns.

    Every iterate is a polynomial of X Xᵀ times X, and polynomials of one matrix commute: the
    iteration runs on the small square X Xᵀ, and X itself is multiplied once, at the end. With
    three columns to a row that takes a third fewer operations.
    """
    a, b, c = coefficients
    norms = torch.linalg.matrix_norm(matrices, keepdim=True).clamp(min=eps)
    start: torch.Tensor = matrices / norms
    gram = start @ start.mT
    identity = torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)
    whole: torch.Tensor | None = None
    for step in range(steps):
        factor = torch.baddbmm(gram, gram, gram, beta=b, alpha=c).add_(identity, alpha=a)
        whole = factor if whole is None else factor @ whole
        if step + 1 < steps:
            gram = gram @ factor @ factor
    return start if whole is None else whole @ start

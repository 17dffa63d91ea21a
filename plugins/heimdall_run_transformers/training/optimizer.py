"""The optimisers of a run behind one face."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from attrs import frozen

Tensors = dict[str, torch.Tensor]


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor with all its parts, where processes share it out. All of them must call it."""
    full = getattr(tensor, "full_tensor", None)
    return tensor.detach() if full is None else full().detach()


def like(tensor: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """A whole tensor, shared out as `target` is, on its device and in its number format."""
    mesh = getattr(target, "device_mesh", None)
    if mesh is None:
        return tensor.to(target.device, target.dtype)
    from torch.distributed.tensor import distribute_tensor

    placements = target.placements  # type: ignore[attr-defined]  # a DTensor's
    return distribute_tensor(tensor.to(target.device, target.dtype), mesh, placements)


@frozen
class Optimizer:
    """The optimisers of a run, each with its own peak learning rate, under one schedule. Peaks of
    parameter groups may differ: `ratio` of a group multiplies its optimiser's."""

    parts: tuple[tuple[torch.optim.Optimizer, float], ...]
    """Optimiser, and its learning rate at the peak."""
    names: Mapping[torch.Tensor, str]
    """Parameter → its name in the model."""

    def set_rates(self, share: float) -> None:
        """Puts the learning rates at `share` of their peaks."""
        for optimizer, peak in self.parts:
            for group in optimizer.param_groups:
                group["lr"] = peak * share * group.get("ratio", 1.0)

    def step(self, share: float) -> None:
        """One step at `share` of the peak learning rates; clears the gradients."""
        self.set_rates(share)
        for optimizer, _ in self.parts:
            optimizer.step()
            optimizer.zero_grad()

    def clear(self) -> None:
        """Forgets the gradients."""
        for optimizer, _ in self.parts:
            optimizer.zero_grad()

    def state(self) -> Tensors:
        """Every moment and counter, by `key/parameter`, whole."""
        return {
            f"{key}/{self.names[parameter]}": whole(value)
            for optimizer, _ in self.parts
            for parameter, state in optimizer.state.items()
            for key, value in state.items()
        }

    def restore(self, tensors: Tensors) -> None:
        """Puts back what `state` gave."""
        found: dict[str, Tensors] = {}
        for path, tensor in tensors.items():
            key, _, name = path.partition("/")
            found.setdefault(name, {})[key] = tensor
        for optimizer, _ in self.parts:
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    saved = found.get(self.names[parameter])
                    if saved:
                        optimizer.state[parameter] = {
                            # Counters stay as they are: AdamW's fused kernel wants its own dtype.
                            key: like(value, parameter)
                            if value.shape == parameter.shape
                            else value.to(parameter.device)
                            for key, value in saved.items()
                        }


def adamw(
    groups: list[dict[str, object]], learning_rate: float, beta2: float, *, fused: bool = True
) -> torch.optim.AdamW:
    """AdamW with the fused kernel, on parameter groups that hold their own `weight_decay`."""
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, beta2), fused=fused)

"""AdamW, or Muon for the hidden matrices with AdamW for the rest, behind one face.

Muon (K. Jordan and others, 2024) moves a matrix along its orthogonalised momentum, so that every
direction learns at the same rate.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from attrs import frozen
from transformers import PreTrainedModel

from heimdall_train_scratch.plan import Plan

Tensors = dict[str, torch.Tensor]


@frozen
class Optimizer:
    """The optimisers of a run, each with its own peak learning rate, under one schedule."""

    parts: tuple[tuple[torch.optim.Optimizer, float], ...]
    """Optimiser, and its learning rate at the peak."""
    names: Mapping[torch.Tensor, str]
    """Parameter → its name in the model."""

    def step(self, share: float) -> None:
        """One step at `share` of the peak learning rates; clears the gradients."""
        for optimizer, peak in self.parts:
            for group in optimizer.param_groups:
                group["lr"] = peak * share
            optimizer.step()
            optimizer.zero_grad()

    def state(self) -> Tensors:
        """Every moment and counter, by `key/parameter`."""
        return {
            f"{key}/{self.names[parameter]}": value
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
                    if self.names[parameter] in found:
                        optimizer.state[parameter] = found[self.names[parameter]]


def make_optimizer(model: PreTrainedModel, plan: Plan) -> Optimizer:
    """The optimiser that the plan names. Vectors (norms, biases) do not decay.

    With Muon the embedding, which is also the head, stays with AdamW: its rows are looked up and
    not multiplied through, and most of them have no gradient in a step.
    """
    names: dict[torch.Tensor, str] = {p: name for name, p in model.named_parameters()}
    vectors = [p for p in names if p.dim() < 2]
    matrices = [p for p in names if p.dim() >= 2]
    if plan.optimizer == "adamw":
        return Optimizer(((_adamw(plan, matrices, vectors), plan.learning_rate),), names)
    embedding = {model.get_input_embeddings().weight}
    hidden = [p for p in matrices if p not in embedding]
    muon = torch.optim.Muon(
        hidden, lr=plan.matrix_learning_rate, momentum=0.95, weight_decay=plan.weight_decay
    )
    rest = _adamw(plan, [p for p in matrices if p in embedding], vectors)
    return Optimizer(((muon, plan.matrix_learning_rate), (rest, plan.learning_rate)), names)


def _adamw(
    plan: Plan, matrices: list[torch.Tensor], vectors: list[torch.Tensor]
) -> torch.optim.AdamW:
    groups = [
        {"params": matrices, "weight_decay": plan.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=plan.learning_rate, betas=(0.9, plan.beta2), fused=True)

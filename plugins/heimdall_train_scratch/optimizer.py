"""AdamW, or Muon for the hidden matrices with AdamW for the rest, behind one face.

Muon (K. Jordan and others, 2024) moves a matrix along its orthogonalised momentum, so that every
direction learns at the same rate.
"""

from __future__ import annotations

import torch
from transformers import PreTrainedModel

from heimdall_run_transformers.training.optimizer import Optimizer, adamw
from heimdall_run_transformers.training.plan import Plan
from heimdall_train_scratch.muon import Muon


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
    muon = Muon(hidden, lr=plan.matrix_learning_rate, momentum=0.95, weight_decay=plan.weight_decay)
    rest = _adamw(plan, [p for p in matrices if p in embedding], vectors)
    return Optimizer(((muon, plan.matrix_learning_rate), (rest, plan.learning_rate)), names)


def _adamw(
    plan: Plan, matrices: list[torch.Tensor], vectors: list[torch.Tensor]
) -> torch.optim.AdamW:
    groups: list[dict[str, object]] = [
        {"params": matrices, "weight_decay": plan.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return adamw(groups, plan.learning_rate, plan.beta2)

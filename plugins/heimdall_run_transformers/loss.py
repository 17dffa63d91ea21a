"""The loss on answers, with the language-model head on trained positions only.

For a vocabulary of 2,048 and a width of 256 the head costs as much as a decoder block per token;
prompts, two thirds of a row, need none of it. For Qwen2.5-0.5B it is 28 % of all operations.
"""

from __future__ import annotations

import torch
from torch.nn import functional
from transformers import PreTrainedModel

from heimdall_run_transformers.batches import Batch


def answer_logits(model: PreTrainedModel, batch: Batch) -> torch.Tensor:
    """(P, V) logits in fp32 at the batch's trained positions.

    For models whose head is one linear layer on the last hidden state (Qwen2, Llama, Phi-3).
    A packed batch needs a model that was switched with `documents.use_documents`.
    """
    extra = {} if batch.documents is None else {"documents": batch.documents}
    output = model.base_model(
        input_ids=batch.tokens, position_ids=batch.position_ids, use_cache=False, **extra
    )
    states = output.last_hidden_state.flatten(0, 1)  # (B * T, hidden)
    head: torch.nn.Module = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    logits: torch.Tensor = head(states.index_select(0, batch.positions))
    return logits.float()


def answer_loss(model: PreTrainedModel, batch: Batch) -> torch.Tensor:
    """The summed cross entropy (nats) of the batch's trained tokens, each by its weight; divide by
    `batch.weight` for the mean."""
    logits = answer_logits(model, batch)
    if batch.weights is None:
        return functional.cross_entropy(logits, batch.targets, reduction="sum")
    each = functional.cross_entropy(logits, batch.targets, reduction="none")
    return (each * batch.weights).sum()

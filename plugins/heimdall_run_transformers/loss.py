"""The loss on answers, with the language-model head on trained positions only.

For a vocabulary of 2,048 and a width of 256 the head costs as much as a decoder block per token;
prompts, two thirds of a row, need none of it.
"""

from __future__ import annotations

import torch
from torch.nn import functional
from transformers import PreTrainedModel

from heimdall_run_transformers.batches import Batch


def answer_loss(model: PreTrainedModel, batch: Batch) -> torch.Tensor:
    """The summed cross entropy (nats) of the batch's trained tokens; divide by their number.

    For models whose head is one linear layer on the last hidden state (Qwen2, Llama, Phi-3).
    """
    output = model.base_model(input_ids=batch.tokens, use_cache=False)
    states = output.last_hidden_state.flatten(0, 1)  # (B * T, hidden)
    head: torch.nn.Module = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    logits = head(states.index_select(0, batch.positions))  # (P, V)
    return functional.cross_entropy(logits.float(), batch.targets, reduction="sum")

"""Gradient checkpointing: activations computed again in the backward pass, not kept."""

from __future__ import annotations

from transformers import PreTrainedModel


def checkpoint_activations(model: PreTrainedModel) -> bool:
    """Turns it on; False where it is on already, or the model cannot. What is learnt stays the
    same: the second forward pass has the first one's dropout."""
    if model.is_gradient_checkpointing or not model.supports_gradient_checkpointing:
        return False
    model.gradient_checkpointing_enable({"use_reentrant": False})  # type: ignore[no-untyped-call]
    return True

"""Gradient checkpointing: activations computed again in the backward pass, not kept."""

from __future__ import annotations

import warnings

from transformers import PreTrainedModel


def checkpoints_activations(model: PreTrainedModel) -> bool:
    """Whether it is on."""
    return any(getattr(module, "gradient_checkpointing", False) for module in model.modules())


def checkpoint_activations(model: PreTrainedModel) -> bool:
    """Turns it on; False where it is on already, or the model cannot. What is learnt stays the
    same: the second forward pass has the first one's dropout."""
    if checkpoints_activations(model) or not model.supports_gradient_checkpointing:
        return False
    with warnings.catch_warnings():  # transformers is about to give it another name
        warnings.simplefilter("ignore", FutureWarning)
        model.gradient_checkpointing_enable({"use_reentrant": False})  # type: ignore[no-untyped-call]
    return True

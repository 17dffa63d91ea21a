"""`TrainingConfig`: every training setting, under the names of the training guide.

A recipe's `[train]` table is structured into it. A trainer names the fields that it reads; a
recipe that sets one of the others is refused, so no setting is accepted and then ignored.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from attrs import field, frozen, validators

#: Fields that the core itself reads, whatever the trainer.
READ_BY_CORE: Final = frozenset({"trainer", "seed"})

#: Short names that recipes and the command line may use as well.
ALIASES: Final = {
    "epochs": "num_train_epochs",
    "batch_size": "per_device_train_batch_size",
    "gradient_accumulation": "gradient_accumulation_steps",
}


def _positive(*, zero: bool = False) -> Any:
    return validators.ge(0) if zero else validators.gt(0)


def _maybe_positive() -> Any:
    return validators.optional(validators.gt(0))


@frozen(kw_only=True)
class TrainingConfig:
    """How a model is trained. The string below each field is its help text."""

    trainer: str | None = None
    """Name of the trainer plugin; none for `scratch` without a base model, else `lora`."""
    seed: int | None = None
    """Fixes initial weights and data order; none for the recipe's seed."""
    threads: int = field(default=0, validator=_positive(zero=True))
    """CPU threads; 0 takes the cores that this process may use."""

    # Base model
    base_model: str | None = None
    """Hub name or local directory of the model to fine-tune; none when training from scratch."""
    train_from_scratch: bool = False
    """Start from random weights of the shape below."""
    max_seq_length: int = field(default=2048, validator=_positive())
    """Longest row in tokens. Longer rows are counted, shown, and over a threshold refused."""

    # Shape, for training from scratch
    hidden_size: int = field(default=256, validator=_positive())
    """Width. A multiple of 256 lets K-quants apply."""
    num_hidden_layers: int = field(default=4, validator=_positive())
    """Number of decoder blocks."""
    num_attention_heads: int = field(default=4, validator=_positive())
    """Query heads; must divide `hidden_size`."""
    num_key_value_heads: int | None = field(default=None, validator=_maybe_positive())
    """Key/value heads (grouped-query attention); none for as many as query heads."""
    intermediate_size: int = field(default=768, validator=_positive())
    """Width of the feed-forward part."""
    max_position_embeddings: int = field(default=2048, validator=_positive())
    """Longest context that the model states it can take."""
    vocab_size: int = field(default=2048, validator=_positive())
    """Vocabulary of the tokenizer that is trained with the model."""

    # LoRA
    lora_r: int = field(default=32, validator=_positive())
    """Rank of the adapter."""
    lora_alpha: int = field(default=64, validator=_positive())
    """Scale of the adapter is alpha / r."""
    lora_dropout: float = field(default=0.05, validator=[validators.ge(0), validators.lt(1)])
    """Dropout on the adapter's input."""
    target_modules: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj")
    """Linear layers that get an adapter."""
    use_qlora: bool = False
    """Load the base model in 4 bits (NF4)."""

    # Optimisation
    learning_rate: float = field(default=3e-4, validator=_positive())
    """Peak learning rate."""
    min_learning_rate_ratio: float = field(
        default=0.0, validator=[validators.ge(0), validators.le(1)]
    )
    """Learning rate at the end, as a share of the peak."""
    num_train_epochs: float = field(default=10.0, validator=_positive())
    """Passes over the training rows."""
    max_steps: int | None = field(default=None, validator=_maybe_positive())
    """Stop after this many optimiser steps, whatever the epochs say."""
    per_device_train_batch_size: int = field(default=8, validator=_positive())
    """Rows per micro-batch."""
    gradient_accumulation_steps: int = field(default=2, validator=_positive())
    """Micro-batches per optimiser step."""
    warmup_ratio: float = field(default=0.03, validator=[validators.ge(0), validators.lt(1)])
    """Share of the steps in which the learning rate rises."""
    weight_decay: float = field(default=0.01, validator=_positive(zero=True))
    """AdamW's decoupled decay, on matrices alone."""
    max_grad_norm: float = field(default=1.0, validator=_positive())
    """Gradients are clipped to this norm."""
    optimizer: Literal["adamw", "muon"] = "adamw"
    """`muon` moves the hidden matrices along their orthogonalised momentum: fewer tokens for the
    same loss, about 1.3 times the time per step. The other parameters stay with AdamW."""
    matrix_learning_rate: float = field(default=0.02, validator=_positive())
    """Peak learning rate of the matrices that Muon moves."""
    copy_drill_steps: int = field(default=0, validator=_positive(zero=True))
    """Steps on random tokens followed by themselves, before the first row: a small model learns
    to copy names and values in a hundred of them."""
    adam_beta2: float = field(default=0.999, validator=[validators.gt(0), validators.lt(1)])
    """AdamW's second-moment decay."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, about a fifth slower."""
    precision: Literal["auto", "fp32", "fp16", "bf16"] = "auto"
    """Number format of the computation."""

    # Watching
    logging_steps: int = field(default=10, validator=_positive())
    """Steps between two log lines."""
    eval_steps: int | None = field(default=None, validator=_maybe_positive())
    """Steps between two validations; none for ten validations per run."""
    save_steps: int | None = field(default=None, validator=_maybe_positive())
    """Steps between two checkpoints; none for one at each validation."""
    max_truncated: float = field(default=0.0, validator=[validators.ge(0), validators.le(1)])
    """Share of rows that may be longer than `max_seq_length`; more stops the run."""

    @property
    def trainer_name(self) -> str:
        """The trainer that runs: the one named, else the one that fits."""
        if self.trainer:
            return self.trainer
        return "lora" if self.base_model and not self.train_from_scratch else "scratch"

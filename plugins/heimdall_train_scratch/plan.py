"""What the trainer reads of a recipe, and its defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from heimdall_core.errors import RecipeError
from heimdall_run_transformers.training.idle import check_replay

if TYPE_CHECKING:  # listing plugins need not wait for its many fields
    from heimdall_core.config import TrainingConfig

#: Fields of `TrainingConfig` that this trainer reads; a recipe that sets another is refused.
READS: Final = frozenset(
    {
        # checks
        "train_from_scratch",
        "precision",
        "device",
        # shape
        "architecture",
        "tie_word_embeddings",
        "rope_theta",
        "rms_norm_eps",
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "num_key_value_heads",
        "intermediate_size",
        "max_position_embeddings",
        "vocab_size",
        # data
        "max_seq_length",
        "max_truncated",
        "layout",
        "pack_tokens",
        "task_field",
        "task_weights",
        "replay_dataset",
        "replay_ratio",
        "per_device_train_batch_size",
        # optimisation
        "learning_rate",
        "min_learning_rate_ratio",
        "num_train_epochs",
        "max_steps",
        "gradient_accumulation_steps",
        "warmup_ratio",
        "weight_decay",
        "max_grad_norm",
        "adam_beta2",
        "optimizer",
        "matrix_learning_rate",
        "copy_drill_steps",
        # watching
        "threads",
        "logging_steps",
        "eval_steps",
        "save_steps",
        "checkpoints",
        "early_stopping_patience",
    }
)

#: Values for what a recipe leaves open: those of the `nano` model, see README.md.
DEFAULTS: Final = {
    "train_from_scratch": True,
    "max_seq_length": 512,
    "learning_rate": 1e-3,
    "num_train_epochs": 2.5,
    "per_device_train_batch_size": 8,
    "gradient_accumulation_steps": 1,
    "weight_decay": 0.05,
    "adam_beta2": 0.98,
}


def check_config(config: TrainingConfig) -> None:
    """Raises `RecipeError` for settings that contradict training from scratch."""
    if not config.train_from_scratch:
        raise RecipeError(
            "the trainer 'scratch' starts from random weights, and train_from_scratch is false",
            where="train.train_from_scratch",
            hint="set it to true, or choose another trainer",
        )
    if config.device not in ("auto", "cpu"):
        raise RecipeError(
            f"device = '{config.device}': the trainer 'scratch' computes on the CPU",
            where="train.device",
            hint="leave it out",
        )
    if config.precision not in ("auto", "fp32"):
        raise RecipeError(
            f"precision = '{config.precision}': the trainer 'scratch' computes in fp32",
            where="train.precision",
            hint="leave it out, or set 'fp32'",
        )
    if config.pack_tokens is not None and config.layout != "packed":
        raise RecipeError(
            "there is nothing to pack: the trainer 'scratch' pads, which is faster there, unless "
            "it is told otherwise",
            where="train.pack_tokens",
            hint="set layout = 'packed', or leave it out",
        )
    if config.max_steps is not None and config.copy_drill_steps >= config.max_steps:
        raise RecipeError(
            f"{config.copy_drill_steps} steps of drill leave none of max_steps = "
            f"{config.max_steps} for the rows",
            where="train.copy_drill_steps",
            hint="lower it, or raise max_steps",
        )
    check_replay(config, "replay_ratio")

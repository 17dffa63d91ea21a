"""What the trainer reads of a recipe, and settings that contradict each other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from heimdall_core.errors import RecipeError
from heimdall_run_transformers.training.idle import check_replay

if TYPE_CHECKING:  # listing plugins need not wait for its many fields
    from heimdall_core.config import TrainingConfig

#: Fields of `TrainingConfig` that this trainer reads; a recipe that sets another is refused.
READS: Final = frozenset(
    {
        "base_model",
        "continue_from",
        "train_from_scratch",
        "device",
        "precision",
        "threads",
        # data
        "max_seq_length",
        "max_truncated",
        "task_field",
        "task_weights",
        "replay_dataset",
        "replay_ratio",
        "max_forgetting",
        # adapter
        "lora_r",
        "lora_alpha",
        "lora_dropout",
        "target_modules",
        "use_qlora",
        "use_rslora",
        "use_dora",
        "lora_plus_ratio",
        "lora_init",
        # optimisation
        "learning_rate",
        "min_learning_rate_ratio",
        "num_train_epochs",
        "max_steps",
        "per_device_train_batch_size",
        "gradient_accumulation_steps",
        "micro_batch",
        "layout",
        "pack_tokens",
        "compile",
        "shard",
        "warmup_ratio",
        "weight_decay",
        "max_grad_norm",
        "adam_beta2",
        "gradient_checkpointing",
        # watching
        "logging_steps",
        "eval_steps",
        "save_steps",
        "checkpoints",
        "early_stopping_patience",
    }
)

DEFAULTS: Final[dict[str, object]] = {}

DEVICES: Final = ("auto", "cpu", "cuda", "mps")


def check_config(config: TrainingConfig) -> None:
    """Raises `RecipeError` for settings that contradict each other, before anything is read."""
    if config.train_from_scratch:
        raise RecipeError(
            "the trainer 'lora' adapts a base model, and train_from_scratch is true",
            where="train.train_from_scratch",
            hint="set it to false, or choose the trainer 'scratch'",
        )
    if not config.base_model:
        raise RecipeError(
            "the trainer 'lora' needs a base model",
            where="train.base_model",
            hint="name a folder or a model of the hub, or use a preset such as 'heimdall'",
        )
    if config.use_qlora and config.lora_init == "pissa":
        raise RecipeError(
            "'pissa' changes the base's weights, which a base in 4 bits cannot follow",
            where="train.lora_init",
            hint="leave it out, or set use_qlora = false",
        )
    if config.continue_from and config.lora_init != "default":
        raise RecipeError(
            f"'{config.lora_init}' makes new weights, and continue_from brings its own",
            where="train.lora_init",
            hint="leave one of them out",
        )
    if config.use_dora and config.lora_init in ("pissa", "eva"):
        raise RecipeError(
            f"'{config.lora_init}' and use_dora cannot go together",
            where="train.lora_init",
            hint="leave one of them out",
        )
    if config.shard and config.use_qlora:
        raise RecipeError(
            "weights in 4 bits are not shared out among processes",
            where="train.shard",
            hint="set shard = false: each process has the base in 4 bits",
        )
    if config.shard and config.lora_init == "pissa":
        raise RecipeError(
            "'pissa' is turned into a plain adapter in the end, against weights that shard = true "
            "has in parts",
            where="train.lora_init",
            hint="choose 'eva' or 'default', or leave shard out",
        )
    if config.shard and config.micro_batch == "fit":
        raise RecipeError(
            "a micro-batch is measured by one process, and shard = true has the weights in several",
            where="train.micro_batch",
            hint="set per_device_train_batch_size and gradient_accumulation_steps",
        )
    if config.shard and config.compile:
        raise RecipeError(
            "compiled code keeps its weights in place, and shard = true gathers them block by "
            "block",
            where="train.compile",
            hint="set one of them to false",
        )
    if config.pack_tokens is not None and config.micro_batch == "fit":
        raise RecipeError(
            "micro-batches are cut by pack_tokens, so one that was measured would not be used",
            where="train.micro_batch",
            hint="leave one of them out",
        )
    check_replay(config, "replay_ratio", "max_forgetting")
    if config.pack_tokens is not None and config.layout == "padded":
        raise RecipeError(
            "there is nothing to pack in the layout 'padded'",
            where="train.pack_tokens",
            hint="leave it out, or set layout = 'packed'",
        )


def check_device(config: TrainingConfig) -> None:
    """Raises `RecipeError` for a device that is for estimates alone."""
    if not re.fullmatch("|".join(DEVICES), config.device):
        raise RecipeError(
            f"'{config.device}' is no device to train on",
            where="train.device",
            hint=f"one of {', '.join(DEVICES)}; a card's name is for `heimdall estimate`",
        )

"""The plan of a run: every number of the optimisation, worked out before the first step."""

from __future__ import annotations

import math
from typing import Final

from attrs import frozen

from heimdall_core.config import TrainingConfig
from heimdall_core.errors import RecipeError

#: Validations of a run where the recipe does not say how often.
_VALIDATIONS = 10

#: The copy drill: steps over which its learning rate rises, and where to, relative to the peak on
#: the rows. Its loss falls at a jump, which at the rows' own rate comes three times later.
DRILL_WARMUP: Final = 20
DRILL_RATE: Final = 2.5


@frozen
class Plan:
    """Sizes are in rows, lengths of time in optimiser steps."""

    seed: int
    batch_size: int
    accumulation: int
    """`batch_size * accumulation` rows make an optimiser step, whatever the micro-batches and the
    number of processes."""
    steps: int
    """In all, the drill included."""
    drill: int
    """Steps on random repetitions (see the trainer from scratch), before the first row."""
    steps_per_epoch: int
    warmup: int
    optimizer: str
    learning_rate: float
    matrix_learning_rate: float
    floor: float
    """Learning rate of the last step, as a share of the peak."""
    weight_decay: float
    max_grad_norm: float
    beta2: float
    log_every: int
    validate_every: int
    save_every: int
    patience: int | None = None
    """Validations without a better loss after which training stops."""
    packed: bool = False
    """Micro-batches are packed; else padded."""
    pack_tokens: int | None = None
    """Most tokens of a packed micro-batch; None for `batch_size` rows."""

    def rate_share_at(self, step: int) -> float:
        """The share of the peak learning rates that step `step` (0-based) takes: in the drill it
        rises and stays, on the rows it rises over the warm-up and falls along half a cosine to
        `floor`."""
        if step < self.drill:
            return DRILL_RATE * min(1.0, (step + 1) / DRILL_WARMUP)
        step -= self.drill
        if step < self.warmup:
            return (step + 1) / (self.warmup + 1)
        progress = (step - self.warmup) / max(1, self.steps - self.drill - 1 - self.warmup)
        return self.floor + (1 - self.floor) * (1 + math.cos(math.pi * progress)) / 2

    def epochs(self, step: int) -> float:
        """Passes over the rows that are behind after `step` steps."""
        return max(0, step - self.drill) / self.steps_per_epoch


def plan_run(config: TrainingConfig, rows: int, seed: int, *, packed: bool = False) -> Plan:
    """The plan for `rows` training rows; `seed` fixes initial weights and data order. `packed` is
    what `layout = "auto"` comes to."""
    batches = math.ceil(rows / config.per_device_train_batch_size)
    steps_per_epoch = math.ceil(batches / config.gradient_accumulation_steps)
    drill = config.copy_drill_steps
    steps = drill + math.ceil(config.num_train_epochs * steps_per_epoch)
    if config.max_steps is not None:
        steps = min(steps, config.max_steps)
    if drill >= steps:
        raise RecipeError(
            f"{drill} steps of drill leave none of {steps} for the rows",
            where="train.copy_drill_steps",
            hint="lower it, or raise max_steps",
        )
    validate_every = config.eval_steps or max(1, steps // _VALIDATIONS)
    return Plan(
        seed=seed,
        batch_size=config.per_device_train_batch_size,
        accumulation=config.gradient_accumulation_steps,
        steps=steps,
        drill=drill,
        steps_per_epoch=steps_per_epoch,
        warmup=math.ceil(config.warmup_ratio * (steps - drill)),
        optimizer=config.optimizer,
        learning_rate=config.learning_rate,
        matrix_learning_rate=config.matrix_learning_rate,
        floor=config.min_learning_rate_ratio,
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        beta2=config.adam_beta2,
        log_every=config.logging_steps,
        validate_every=validate_every,
        save_every=config.save_steps or validate_every,
        patience=config.early_stopping_patience,
        packed=packed if config.layout == "auto" else config.layout == "packed",
        pack_tokens=config.pack_tokens,
    )

"""The training loop: optimiser steps, validation, checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import torch
from attrs import define, field, frozen
from transformers import PreTrainedModel

from heimdall_core.errors import ModelError
from heimdall_core.types import Event
from heimdall_run_transformers.batches import collate, epoch_batches, length_batches
from heimdall_run_transformers.encode import EncodedRow
from heimdall_run_transformers.loss import answer_loss
from heimdall_train_scratch.checkpoint import (
    FILE,
    Progress,
    Sums,
    load_checkpoint,
    save_checkpoint,
)
from heimdall_train_scratch.drill import drill_rows
from heimdall_train_scratch.optimizer import Optimizer, Tensors, make_optimizer
from heimdall_train_scratch.plan import Plan

Emit = Callable[[Event], None]


@frozen
class Data:
    """What a run trains and validates on."""

    train: Sequence[EncodedRow]
    validation: Sequence[EncodedRow]
    pad: int
    """Token id that fills short rows."""


@define
class Loop:
    """One run of training. `run()` is all a caller needs.

    The order of the data depends on the seed and the step alone, and the model has no dropout, so
    a checkpoint holds no random state.
    """

    model: PreTrainedModel
    plan: Plan
    data: Data
    work: Path
    fingerprint: str
    """Of data, plan and shape: a checkpoint with another one is of another run."""
    emit: Emit
    progress: Progress = field(factory=Progress)
    best: Tensors = field(factory=dict)
    _epoch: int = -1
    _batches: list[list[int]] = field(factory=list)

    def run(self) -> Progress:
        """Trains to the end and leaves the weights of the best validation in the model.

        Raises `ModelError` where the loss or the gradient is no finite number.
        """
        optimizer = make_optimizer(self.model, self.plan)
        self._resume(optimizer)
        plan, progress = self.plan, self.progress
        earlier = progress.seconds
        start = time.perf_counter()
        while progress.step < plan.steps:
            sums, norm = self._step(optimizer)
            progress.step += 1
            progress.add(sums)
            last = progress.step == plan.steps
            self.emit(Event("progress", "train", done=progress.step, total=plan.steps))
            if last or progress.step % plan.log_every == 0:
                self._log(norm)
            if last or progress.step % plan.validate_every == 0:
                self._validate()
            progress.seconds = earlier + time.perf_counter() - start
            if last or progress.step % plan.save_every == 0:
                self._save(optimizer)
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                parameter.copy_(self.best[name])
        return progress

    def _resume(self, optimizer: Optimizer) -> None:
        found = load_checkpoint(self.work, self.fingerprint, self.model, optimizer)
        if found:
            self.progress, self.best = found
            step = self.progress.step
            self._say("note", f"going on from the checkpoint of step {step}")
        elif (self.work / FILE).exists():
            self._say(
                "warning",
                f"the checkpoint in {self.work} is of other data or settings; starting anew",
            )

    def _say(self, kind: Literal["note", "warning"], message: str) -> None:
        self.emit(Event(kind, "train", message, done=self.progress.step, total=self.plan.steps))

    def _save(self, optimizer: Optimizer) -> None:
        save_checkpoint(
            self.work, self.fingerprint, self.progress, self.model, optimizer, self.best
        )

    def _rows(self, step: int) -> list[list[EncodedRow]]:
        """The micro-batches of optimiser step `step` (0-based)."""
        if step < self.plan.drill:
            vocabulary = self.model.config.vocab_size
            size = self.plan.batch_size * self.plan.accumulation
            return [drill_rows(step, seed=self.plan.seed, rows=size, vocabulary=vocabulary)]
        epoch, index = divmod(step - self.plan.drill, self.plan.steps_per_epoch)
        if epoch != self._epoch:
            lengths = [len(row.tokens) for row in self.data.train]
            self._batches = epoch_batches(
                lengths, self.plan.batch_size, seed=self.plan.seed, epoch=epoch
            )
            self._epoch = epoch
        first = index * self.plan.accumulation
        return [
            [self.data.train[row] for row in batch]
            for batch in self._batches[first : first + self.plan.accumulation]
        ]

    def _step(self, optimizer: Optimizer) -> tuple[Sums, float]:
        """One optimiser step on the mean loss over the trained tokens of all its micro-batches.
        Gives what it saw, and the norm of the gradient before clipping."""
        start = time.perf_counter()
        batches = [collate(rows, self.data.pad) for rows in self._rows(self.progress.step)]
        trained = sum(len(batch.targets) for batch in batches)
        total = 0.0
        for batch in batches:
            loss = answer_loss(self.model, batch)
            torch.autograd.backward(loss / trained)
            total += loss.item()
        norm = torch.nn.utils.clip_grad_norm_(
            self.model.parameters(), self.plan.max_grad_norm
        ).item()
        if not (math.isfinite(total) and math.isfinite(norm)):
            raise ModelError(
                f"the loss is {total / trained:g} and the gradient's norm {norm:g} at step "
                f"{self.progress.step + 1}; the last checkpoint is kept in {self.work}",
                where="train",
                hint="lower learning_rate, or lengthen warmup_ratio",
            )
        optimizer.step(self.plan.rate_share_at(self.progress.step))
        sums = Sums(
            loss=total,
            trained=trained,
            tokens=sum(batch.real_tokens for batch in batches),
            computed=sum(batch.tokens.numel() for batch in batches),
            seconds=time.perf_counter() - start,
        )
        return sums, norm

    def _log(self, norm: float) -> None:
        step, sums = self.progress.step, self.progress.since_log
        self.progress.since_log = Sums()
        values = {
            "loss": sums.mean_loss,
            "learning_rate": self.plan.learning_rate * self.plan.rate_share_at(step - 1),
            "grad_norm": norm,
            "tokens_per_second": sums.tokens / sums.seconds,
            "trained_tokens_per_second": sums.trained / sums.seconds,
            "padding_share": sums.padding_share,
            "epoch": self.plan.epochs(step),
        }
        self.progress.history.append({"step": step, **values})
        self.emit(Event("metric", "train", done=step, total=self.plan.steps, values=values))

    def _validate(self) -> None:
        progress = self.progress
        loss = evaluate(self.model, self.data.validation, self.plan.batch_size, self.data.pad)
        train_loss = progress.since_validation.mean_loss
        progress.since_validation = Sums()
        if loss < progress.best_loss:
            progress.best_loss, progress.best_step = loss, progress.step
            progress.best_train_loss = train_loss
            self.best = {n: p.detach().clone() for n, p in self.model.named_parameters()}
        progress.history.append({"step": progress.step, "validation_loss": loss})
        values = {"validation_loss": loss, "train_loss": train_loss}
        self.emit(
            Event("metric", "train", done=progress.step, total=self.plan.steps, values=values)
        )


@torch.no_grad()
def evaluate(
    model: PreTrainedModel, rows: Sequence[EncodedRow], batch_size: int, pad: int
) -> float:
    """The mean loss over the trained tokens of all rows, in nats."""
    total = 0.0
    for batch in length_batches([len(row.tokens) for row in rows], batch_size):
        total += answer_loss(model, collate([rows[index] for index in batch], pad)).item()
    return total / sum(row.trained for row in rows)

"""The training loop: optimiser steps, validation, checkpoints.

A loop of our own, for trainers of adapters and of whole models alike, because three things here
rest on knowing everything that happens in a step: a run that is killed goes on bit for bit; the
loss is the mean over the trained tokens of the whole optimiser step, however it is cut into
micro-batches and shared out among processes; and when memory runs out, the step is done again in
smaller pieces and comes out the same.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from attrs import define, evolve, field, frozen
from transformers import PreTrainedModel

from heimdall_core.errors import ModelError
from heimdall_core.types import Event
from heimdall_run_transformers.batches import (
    Batch,
    collate,
    epoch_batches,
    pack,
    split_rows,
    within_budget,
)
from heimdall_run_transformers.encode import EncodedRow, lengths_of
from heimdall_run_transformers.loss import answer_loss
from heimdall_run_transformers.training.checkpoint import (
    FILE,
    Progress,
    Sums,
    load_checkpoint,
    save_checkpoint,
)
from heimdall_run_transformers.training.checkpointing import checkpoint_activations
from heimdall_run_transformers.training.memory import out_of_memory
from heimdall_run_transformers.training.meter import Peak, Work, peak_memory
from heimdall_run_transformers.training.optimizer import Optimizer, Tensors, like, whole
from heimdall_run_transformers.training.plan import Plan
from heimdall_run_transformers.training.precision import Precision
from heimdall_run_transformers.training.processes import Processes
from heimdall_run_transformers.training.store import Store
from heimdall_run_transformers.training.validation import Validation, validate

Emit = Callable[[Event], None]


@frozen
class Data:
    """What a run trains and validates on."""

    train: Sequence[EncodedRow]
    validation: Sequence[EncodedRow]
    pad: int
    """Token id that fills short rows."""
    tasks: tuple[str, ...] = ("",)
    """Names of the tasks, by number."""
    weights: Mapping[int, float] = field(factory=dict)
    """Weight in the loss of each task that has one."""
    drill: Callable[[int], list[EncodedRow]] | None = None
    """Rows of the optimiser steps before the first real row, by step."""


@define
class Loop:
    """One run of training. `run()` is all a caller needs.

    The order of the data and the dropout depend on the seed and the step alone, so a checkpoint
    holds no random state.
    """

    model: PreTrainedModel
    """What computes; an adapter's layers are inside it."""
    trained: Mapping[str, torch.nn.Parameter]
    """What is trained and saved, by name."""
    optimizer: Optimizer
    plan: Plan
    data: Data
    work: Path
    fingerprint: str
    """Of data, plan and shape: a checkpoint with another one is of another run."""
    emit: Emit
    precision: Precision
    flops: Work
    peak: Peak
    kernel: str = "groups"
    processes: Processes = field(factory=Processes)
    sharded: bool = False
    """The weights are shared out among the processes (FSDP)."""
    store: Store = field(factory=Store)
    """Where checkpoints go besides `work`."""
    progress: Progress = field(factory=Progress)
    best: Tensors = field(factory=dict)
    _epoch: int = -1
    _batches: list[list[int]] = field(factory=list)

    def run(self) -> Progress:
        """Trains to the end and leaves the weights of the best validation in the model.

        Raises `ModelError` where the loss or the gradient is no finite number (the state before
        that step is saved), and where a single row does not fit in memory.
        """
        device = self.precision.device
        cards = [device] if device.type == "cuda" else []
        with torch.random.fork_rng(devices=cards):
            return self._run()

    def _run(self) -> Progress:
        self._resume()
        plan, progress = self.plan, self.progress
        earlier = progress.seconds
        start = time.perf_counter()
        self.model.train()
        while progress.step < plan.steps and not progress.stopped:
            sums, norm = self._step()
            progress.step += 1
            progress.add(sums)
            last = progress.step == plan.steps
            self._tell("progress")
            if last or progress.step % plan.log_every == 0:
                self._log(norm)
            if last or progress.step % plan.validate_every == 0:
                self._validate()
            progress.seconds = earlier + time.perf_counter() - start
            if last or progress.stopped or progress.step % plan.save_every == 0:
                self._save()
        if not progress.best_step:
            raise ModelError(
                "no validation came to a number, so there is no model to keep",
                where="train",
                hint="lower learning_rate, or lengthen warmup_ratio",
            )
        with torch.no_grad():
            for name, parameter in self.trained.items():
                parameter.copy_(like(self.best[name], parameter))
        return progress

    def check(self) -> Validation:
        """The model, as it is, on the validation rows."""
        return validate(
            self.model,
            self.data.validation,
            batch_size=max(1, self.plan.batch_size // self.progress.parts),
            pad=self.data.pad,
            precision=self.precision,
            packed=self.plan.packed,
            kernel=self.kernel,
            processes=self.processes,
            sharded=self.sharded,
        )

    def _resume(self) -> None:
        self.processes.agree(self.fingerprint, "data, base weights, settings or versions")
        file = self.store.find(self.work, self.fingerprint, self.processes, self._warn)
        if file is not None:
            self.progress, self.best, scale = load_checkpoint(file, self.trained, self.optimizer)
            if self.precision.scaler is not None and scale:
                self.precision.scaler.load_state_dict(scale)
            if self.progress.checkpointing:
                self._compute_twice()
            self._tell("note", f"going on from the checkpoint of step {self.progress.step}")
        elif (self.work / FILE).exists():
            self._warn(f"the checkpoint in {self.work} is of other data or settings; starting anew")
        self.processes.wait()
        if file is not None and file.name != FILE:
            file.unlink()

    def _warn(self, message: str) -> None:
        self._tell("warning", message)

    def _tell(
        self,
        kind: Literal["progress", "metric", "note", "warning"],
        message: str = "",
        values: Mapping[str, float] | None = None,
    ) -> None:
        if self.processes.first:
            step, steps = self.progress.step, self.plan.steps
            self.emit(Event(kind, "train", message, step, steps, values or {}))

    def _save(self) -> None:
        scaler = self.precision.scaler
        save_checkpoint(
            self.work,
            self.fingerprint,
            self.progress,
            self.trained,
            self.optimizer,
            self.best,
            scale=scaler.state_dict() if scaler is not None else None,
            processes=self.processes,
        )
        if self.processes.first:
            try:
                self.store.keep(self.work / FILE, self.fingerprint, self.progress.step)
            except ModelError as error:  # a network comes back; the next checkpoint is another try
                self._warn(f"{error}; it lies in {self.work}, and training goes on")
        self.processes.wait()

    def _rows(self, step: int) -> list[list[EncodedRow]]:
        """The micro-batches of optimiser step `step` (0-based), of all processes."""
        plan = self.plan
        if step < plan.drill:
            if self.data.drill is None:
                raise ValueError("a plan with a drill needs its rows")
            groups = [self.data.drill(step)]
        else:
            epoch, index = divmod(step - plan.drill, plan.steps_per_epoch)
            if epoch != self._epoch:
                self._batches = epoch_batches(
                    lengths_of(self.data.train), plan.batch_size, seed=plan.seed, epoch=epoch
                )
                self._epoch = epoch
            first = index * plan.accumulation
            groups = [
                [self.data.train[row] for row in batch]
                for batch in self._batches[first : first + plan.accumulation]
            ]
        if plan.packed and plan.pack_tokens:
            groups = within_budget([row for group in groups for row in group], plan.pack_tokens)
        if self.progress.parts > 1:
            groups = split_rows(groups, self.progress.parts)
        if len(groups) % self.processes.count:
            groups = split_rows(groups, self.processes.count)
        return groups

    def _lay(self, rows: Sequence[EncodedRow]) -> Batch:
        weights = self.data.weights
        made = pack(rows, weights) if self.plan.packed else collate(rows, self.data.pad, weights)
        return made.to(self.precision.device, self.kernel)

    def _step(self) -> tuple[Sums, float]:
        """One optimiser step on the mean loss over the trained tokens of all its micro-batches.
        Gives what it saw, and the norm of the gradient before clipping."""
        start = time.perf_counter()
        while True:
            groups = self._rows(self.progress.step)
            failed = 0.0
            try:
                sums = self._accumulate(groups)
            except RuntimeError as error:
                if not out_of_memory(error):
                    with self.processes.talking():  # sharded weights are gathered in the passes
                        raise
                if self.sharded:
                    raise self._too_large(max(len(group) for group in groups)) from error
                failed, sums = 1.0, Sums()
            if not self.processes.sum(failed)[0]:
                break
            self._smaller(max(len(group) for group in groups))
        return self._finish(sums, start)

    def _smaller(self, rows: int) -> None:
        """After memory ran out: micro-batches of half as many rows from now on."""
        self.optimizer.clear()
        if self.precision.device.type == "cuda":
            torch.cuda.empty_cache()
        if rows == 1:
            if not self._compute_twice():
                raise ModelError(
                    "memory ran out on a single row, with gradient checkpointing as well",
                    where="train",
                    hint="set use_qlora, or lower max_seq_length",
                )
            self.progress.checkpointing = True
            self._warn(
                "memory ran out on a single row: activations are computed twice from now on "
                "(gradient_checkpointing), which learns the same in more time"
            )
            return
        self.progress.parts *= 2
        self._warn(
            f"memory ran out on micro-batches of {rows} rows: {math.ceil(rows / 2)} from now on, "
            f"with the same {self.plan.batch_size * self.plan.accumulation} rows to a step",
        )

    def _compute_twice(self) -> bool:
        """Turns gradient checkpointing on; False where it cannot be, or is on."""
        if not checkpoint_activations(self.model):
            return False
        self.flops = evolve(self.flops, factor=self.flops.factor + 2)
        return True

    def _too_large(self, rows: int) -> ModelError:
        """Under FSDP the others wait for this process's part of the weights: no second try."""
        return ModelError(
            f"memory ran out on micro-batches of {rows} rows, and with shard = true a step cannot "
            "be done again in smaller ones",
            where=self.processes.name,
            hint="lower per_device_train_batch_size and raise gradient_accumulation_steps, or set "
            "gradient_checkpointing",
        )

    def _accumulate(self, groups: Sequence[list[EncodedRow]]) -> Sums:
        """Forward and backward pass over this process's share of the micro-batches."""
        weights = self.data.weights
        total = sum(r.trained * weights.get(r.task, 1.0) for group in groups for r in group)
        sums = Sums()
        # Sharded weights are gathered by all processes together, so each of them takes as many
        # micro-batches as the others; one that is left over counts for nothing.
        turns = -(-len(groups) // self.processes.count) if self.sharded else 0
        end = max(len(groups), turns * self.processes.count)
        for number in range(self.processes.rank, end, self.processes.count):
            spare = number >= len(groups)
            batch = self._lay(groups[0 if spare else number])
            seeded = (self.plan.seed * 1_000_003 + self.progress.step) * 8191 + number
            torch.manual_seed(seeded % 2**63)  # dropout
            with self.precision.computing():
                loss = answer_loss(self.model, batch)
            mean = loss * (0.0 if spare else 1 / total)
            if self.sharded:
                mean = mean * self.processes.count  # FSDP takes the mean over processes
            scaler = self.precision.scaler
            torch.autograd.backward(mean if scaler is None else scaler.scale(mean))
            if spare:
                continue
            sums.add(
                Sums(
                    loss=loss.item(),
                    weight=batch.weight,
                    trained=len(batch.targets),
                    tokens=batch.real_tokens,
                    computed=batch.tokens.numel(),
                )
            )
        return sums

    def _finish(self, own: Sums, start: float) -> tuple[Sums, float]:
        """The step itself: gradients summed over processes, clipped, applied."""
        loss, weight, trained, tokens, computed = self.processes.sum(
            own.loss, own.weight, own.trained, own.tokens, own.computed
        )
        parameters = list(self.trained.values())
        if not self.sharded:
            self.processes.sum_gradients(parameters)
        else:
            self._sum_replicated(parameters)
        scaler = self.precision.scaler
        if scaler is not None:
            for optimizer, _ in self.optimizer.parts:
                scaler.unscale_(optimizer)
        norm = self._clip(parameters)
        if not math.isfinite(loss) or (scaler is None and not math.isfinite(norm)):
            self._stop_before(loss / weight, norm)
        share = self.plan.rate_share_at(self.progress.step)
        if scaler is None:
            self.optimizer.step(share)
        else:
            self.optimizer.set_rates(share)
            for optimizer, _ in self.optimizer.parts:
                scaler.step(optimizer)
                optimizer.zero_grad()
            scaler.update()
        sums = Sums(loss, weight, int(trained), int(tokens), int(computed))
        sums.seconds = time.perf_counter() - start
        return sums, norm

    def _sum_replicated(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Beside sharded weights, whose gradients FSDP has averaged: those that each process holds
        whole (rows of an embedding)."""
        own = [p for p in parameters if not hasattr(p, "full_tensor")]
        if own:
            self.processes.sum_gradients(own)
            for parameter in own:
                if parameter.grad is not None:
                    parameter.grad /= self.processes.count

    def _clip(self, parameters: Sequence[torch.nn.Parameter]) -> float:
        """Clips the gradients to the plan's norm; gives the norm before."""
        limit = self.plan.max_grad_norm
        if not self.sharded:
            return torch.nn.utils.clip_grad_norm_(parameters, limit).item()
        grads = [p.grad for p in parameters if p.grad is not None]
        norm = math.sqrt(sum(whole(g).float().pow(2).sum().item() for g in grads))
        for grad in grads:
            grad.mul_(min(1.0, limit / (norm + 1e-6)))
        return norm

    def _stop_before(self, loss: float, norm: float) -> None:
        """Saves the state before a step that came to no number, and raises."""
        self.optimizer.clear()
        self._save()
        raise ModelError(
            f"the loss is {loss:g} and the gradient's norm {norm:g} at step "
            f"{self.progress.step + 1}; the last checkpoint, of the state before it, is kept in "
            f"{self.work}",
            where="train",
            hint="lower learning_rate, or lengthen warmup_ratio",
        )

    def peak_memory(self) -> float:
        """Most bytes that any one of the processes held; all of them must ask."""
        return self.processes.most(float(peak_memory(self.precision.device)))

    def _log(self, norm: float) -> None:
        step, sums = self.progress.step, self.progress.since_log
        self.progress.since_log = Sums()
        speed = sums.tokens / sums.seconds
        values = {
            "loss": sums.mean_loss,
            "learning_rate": self.plan.learning_rate * self.plan.rate_share_at(step - 1),
            "grad_norm": norm,
            "tokens_per_second": speed,
            "trained_tokens_per_second": sums.trained / sums.seconds,
            "padding_share": sums.padding_share,
            "epoch": self.plan.epochs(step),
            "peak_memory_bytes": self.peak_memory(),
        }
        if self.peak.flops:
            peak = self.peak.flops * self.processes.count
            values["mfu"] = speed * self.flops.per_token / peak
        self.progress.history.append({"step": step, **values})
        self._tell("metric", values=values)

    def _validate(self) -> None:
        progress = self.progress
        found = self.check()
        loss = found.loss
        train_loss = progress.since_validation.mean_loss
        progress.since_validation = Sums()
        if loss < progress.best_loss:
            progress.best_loss, progress.best_step, progress.stale = loss, progress.step, 0
            progress.best_train_loss = train_loss
            self.best = {n: whole(p).clone().cpu() for n, p in self.trained.items()}
        else:
            progress.stale += 1
        if not self.best:  # a loss that is no number: keep what there is
            self.best = {n: whole(p).clone().cpu() for n, p in self.trained.items()}
        tasks = {
            f"validation_loss/{name or 'unnamed'}": value
            for name, value in found.task_losses(self.data.tasks).items()
        }
        entry: dict[str, Any] = {"step": progress.step, "validation_loss": loss, **tasks}
        progress.history.append(entry)
        self._tell("metric", values={"validation_loss": loss, "train_loss": train_loss, **tasks})
        if self.plan.patience is not None and progress.stale >= self.plan.patience:
            if progress.step < self.plan.steps:
                progress.stopped = True
            self._tell(
                "note",
                f"stopped at step {progress.step}: no better validation loss than that of step "
                f"{progress.best_step} in {progress.stale} validations",
            )

"""From the rows of two files to a model directory."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import attrs
import torch
from transformers import PreTrainedTokenizerFast

from heimdall_core.config import TrainingConfig
from heimdall_core.types import Event, TrainContext, TrainResult
from heimdall_run_transformers.device import cpu_threads
from heimdall_run_transformers.documents import use_documents
from heimdall_run_transformers.encode import read_rendered
from heimdall_run_transformers.quiet import no_progress_bars
from heimdall_run_transformers.tokens import rust_tokenizer
from heimdall_run_transformers.training.loop import Data, Loop
from heimdall_run_transformers.training.meter import Work, device_peak
from heimdall_run_transformers.training.plan import Plan, plan_run
from heimdall_run_transformers.training.precision import choose_precision
from heimdall_run_transformers.training.processes import Processes, joined
from heimdall_run_transformers.training.result import digest_rows, run_counts, run_metrics
from heimdall_run_transformers.training.rows import Rows, prepare_rows
from heimdall_run_transformers.training.store import Store
from heimdall_train_scratch.drill import drill_rows
from heimdall_train_scratch.network import PAD_ID, build_network
from heimdall_train_scratch.optimizer import make_optimizer
from heimdall_train_scratch.shape import Shape, shape_of
from heimdall_train_scratch.tokenizer import train_tokenizer


def train_model(context: TrainContext, config: TrainingConfig) -> TrainResult:
    """Trains tokenizer and model and writes both into `context.output`."""
    with joined("cpu") as processes:
        if not processes.first:
            context = attrs.evolve(context, emit=lambda event: None)
        return _train(context, config, processes)


def _train(context: TrainContext, config: TrainingConfig, processes: Processes) -> TrainResult:
    with cpu_threads(config.threads or context.threads):
        tokenizer = processes.in_turn(lambda: _tokenizer(context, config))
        rust = rust_tokenizer(tokenizer)
        rows = processes.in_turn(lambda: prepare_rows(context, config, rust))
        shape = attrs.evolve(shape_of(config), vocabulary=len(tokenizer))
        plan = plan_run(config, len(rows.train.rows), context.seed)
        context.work.mkdir(parents=True, exist_ok=True)
        model = build_network(shape, plan.seed)
        use_documents(model)
        processes.send(model.parameters())
        device = torch.device("cpu")
        work, peak = Work(shape.parameters, 6), device_peak(device)
        context.emit(Event("note", "train", f"{work.formula}; {peak.source}"))
        if processes.count > 1:
            note = f"{processes.count} processes share out each step (DDP)"
            context.emit(Event("note", "train", note))
        loop = Loop(
            model=model,
            trained=dict(model.named_parameters()),
            optimizer=make_optimizer(model, plan),
            plan=plan,
            data=Data(
                rows.train.rows,
                rows.validation.rows,
                PAD_ID,
                rows.tasks,
                rows.weights,
                lambda step: drill_rows(
                    step,
                    seed=plan.seed,
                    rows=plan.batch_size * plan.accumulation,
                    vocabulary=shape.vocabulary,
                ),
            ),
            work=context.work,
            fingerprint=fingerprint(shape, plan, rows),
            emit=context.emit,
            precision=choose_precision("fp32", device),
            flops=work,
            peak=peak,
            processes=processes,
            store=Store(config.checkpoints),
        )
        loop.run()
        metrics = run_metrics(loop)
    if processes.first:
        save_model(context.output, loop, tokenizer)
    return TrainResult(
        metrics={
            **metrics,
            "parameters": shape.parameters,
            "vocab_size": shape.vocabulary,
        },
        history=tuple(loop.progress.history),
        counts=run_counts(loop, rows),
    )


def _tokenizer(context: TrainContext, config: TrainingConfig) -> PreTrainedTokenizerFast:
    asked = shape_of(config)
    return train_tokenizer(read_rendered(context.train), asked.vocabulary, asked.context)


def fingerprint(shape: Shape, plan: Plan, rows: Rows) -> str:
    """A digest of all that the weights depend on: a checkpoint with the same one is of this run.

    How often a run is logged or saved is no part of it; how often it is validated is, because the
    best of the validated weights are kept.
    """
    what = attrs.asdict(attrs.evolve(plan, log_every=0, save_every=0))
    digest = hashlib.sha256()
    digest.update(json.dumps([attrs.asdict(shape), what, rows.weights]).encode())
    for part in (rows.train.rows, rows.validation.rows):
        digest_rows(digest, part)
    return digest.hexdigest()


def save_model(output: Path, loop: Loop, tokenizer: PreTrainedTokenizerFast) -> None:
    """Config, weights as safetensors, generation settings and tokenizer."""
    output.mkdir(parents=True, exist_ok=True)
    with no_progress_bars():
        loop.model.save_pretrained(output)
    # The chat template goes into tokenizer_config.json, where every converter looks for it.
    tokenizer.save_pretrained(output, save_jinja_files=False)

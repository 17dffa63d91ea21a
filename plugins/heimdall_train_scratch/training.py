"""From the rows of two files to a model directory."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import attrs
from transformers import PreTrainedTokenizerFast

from heimdall_core.config import TrainingConfig
from heimdall_core.types import TrainContext, TrainResult
from heimdall_run_transformers.device import cpu_threads
from heimdall_run_transformers.encode import EncodedRows, encode_rows, read_rendered
from heimdall_run_transformers.quiet import no_progress_bars
from heimdall_run_transformers.tokens import rust_tokenizer
from heimdall_train_scratch.loop import Data, Loop
from heimdall_train_scratch.network import PAD_ID, build_network
from heimdall_train_scratch.plan import Plan, plan_run
from heimdall_train_scratch.shape import Shape, shape_of
from heimdall_train_scratch.tokenizer import train_tokenizer


def train_model(context: TrainContext, config: TrainingConfig) -> TrainResult:
    """Trains tokenizer and model and writes both into `context.output`."""
    asked = shape_of(config)
    with cpu_threads(config.threads or context.threads):
        rendered = read_rendered(context.train), read_rendered(context.validation)
        tokenizer = train_tokenizer(rendered[0], asked.vocabulary, asked.context)
        rust = rust_tokenizer(tokenizer)
        train, validation = (
            encode_rows(
                rust,
                rows,
                max_length=config.max_seq_length,
                max_share_too_long=config.max_truncated,
                where=str(path),
            )
            for rows, path in zip(rendered, (context.train, context.validation), strict=True)
        )
        shape = attrs.evolve(asked, vocabulary=len(tokenizer))
        plan = plan_run(config, len(train.rows), context.seed)
        context.work.mkdir(parents=True, exist_ok=True)
        loop = Loop(
            build_network(shape, plan.seed),
            plan,
            Data(train.rows, validation.rows, PAD_ID),
            context.work,
            fingerprint(shape, plan, train, validation),
            context.emit,
        )
        loop.run()
    save_model(context.output, loop, tokenizer)
    return result_of(loop, shape, train, validation)


def fingerprint(shape: Shape, plan: Plan, *data: EncodedRows) -> str:
    """A digest of all that the weights depend on: a checkpoint with the same one is of this run.

    How often a run is logged or saved is no part of it; how often it is validated is, because the
    best of the validated weights are kept.
    """
    what = attrs.asdict(attrs.evolve(plan, log_every=0, save_every=0))
    digest = hashlib.sha256()
    digest.update(json.dumps([attrs.asdict(shape), what]).encode())
    for rows in data:
        for row in rows.rows:
            digest.update(f"\n{row.prompt_length} ".encode())
            digest.update(row.tokens.tobytes())
        digest.update(b"\n\n")
    return digest.hexdigest()


def save_model(output: Path, loop: Loop, tokenizer: PreTrainedTokenizerFast) -> None:
    """Config, weights as safetensors, generation settings and tokenizer."""
    output.mkdir(parents=True, exist_ok=True)
    with no_progress_bars():
        loop.model.save_pretrained(output)
    # The chat template goes into tokenizer_config.json, where every converter looks for it.
    tokenizer.save_pretrained(output, save_jinja_files=False)


def result_of(loop: Loop, shape: Shape, train: EncodedRows, validation: EncodedRows) -> TrainResult:
    """The run in figures."""
    progress = loop.progress
    total = progress.total
    return TrainResult(
        metrics={
            "train_loss": progress.best_train_loss,
            "validation_loss": progress.best_loss,
            "best_step": progress.best_step,
            "steps": progress.step,
            "epochs": loop.plan.epochs(progress.step),
            "tokens_per_second": total.tokens / total.seconds,
            "trained_tokens_per_second": total.trained / total.seconds,
            "padding_share": total.padding_share,
            "seconds": progress.seconds,
            "parameters": shape.parameters,
            "vocab_size": shape.vocabulary,
        },
        history=tuple(progress.history),
        counts={
            "train_rows": len(train.rows),
            "train_rows_too_long": train.too_long,
            "validation_rows": len(validation.rows),
            "validation_rows_too_long": validation.too_long,
            "tokens": train.tokens,
            "trained_tokens": train.trained_tokens,
            "tokens_seen": total.tokens,
            "trained_tokens_seen": total.trained,
        },
    )

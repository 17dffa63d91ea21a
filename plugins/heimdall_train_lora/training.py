"""From the rows of two files and a base model to an adapter's directory."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import attrs
import peft
import torch

from heimdall_core.config import TrainingConfig
from heimdall_core.types import Event, TrainContext, TrainResult
from heimdall_run_transformers.base import find_base
from heimdall_run_transformers.batches import collate, pack
from heimdall_run_transformers.device import choose_device, cpu_threads
from heimdall_run_transformers.documents import attend, best_kernel, use_documents
from heimdall_run_transformers.tokens import embedding_rows, rust_tokenizer
from heimdall_run_transformers.training.checkpointing import (
    checkpoint_activations,
    checkpoints_activations,
)
from heimdall_run_transformers.training.fit import fit_batch
from heimdall_run_transformers.training.forgetting import (
    compare,
    load_before,
    save_before,
    write_matrix,
)
from heimdall_run_transformers.training.loop import Data, Loop
from heimdall_run_transformers.training.meter import Work, device_peak
from heimdall_run_transformers.training.optimizer import Optimizer, adamw, whole
from heimdall_run_transformers.training.plan import Plan, plan_run
from heimdall_run_transformers.training.precision import Precision, choose_precision
from heimdall_run_transformers.training.processes import Processes, joined
from heimdall_run_transformers.training.result import digest_rows, run_counts, run_metrics
from heimdall_run_transformers.training.rows import Rows, prepare_rows
from heimdall_run_transformers.training.shard import check_sharding, shard_model
from heimdall_run_transformers.training.store import Store
from heimdall_run_transformers.training.validation import Validation, validate
from heimdall_train_lora.build import (
    Adapted,
    adapt,
    check_length,
    load_base,
    load_base_tokenizer,
    parameter_groups,
)
from heimdall_train_lora.chatml import add_markers
from heimdall_train_lora.save import save_adapter
from heimdall_train_lora.settings import READS

#: Settings that the weights do not depend on.
_WATCHING = frozenset(
    {"logging_steps", "save_steps", "checkpoints", "threads", "base_model", "max_forgetting"}
)


def train_model(context: TrainContext, config: TrainingConfig) -> TrainResult:
    """Trains an adapter and writes it into `context.output`."""
    with joined(config.device) as processes:
        if not processes.first:
            context = attrs.evolve(context, emit=lambda event: None)
        device = choose_device(config.device)  # type: ignore[arg-type]  # checked before
        if device.type == "cuda":
            device = torch.device("cuda", processes.local_rank)
        precision = choose_precision(config.precision, device)
        if config.shard:
            check_sharding(config, processes.count, precision)
        with cpu_threads(config.threads or context.threads):
            return _train(context, config, processes, precision)


def _train(
    context: TrainContext, config: TrainingConfig, processes: Processes, precision: Precision
) -> TrainResult:
    folder = processes.in_turn(lambda: find_base(config.base_model or ""))
    sharded = config.shard
    tokenizer = load_base_tokenizer(folder)
    # Weights to be shared out are read into the machine's memory and go to the card in parts.
    at = attrs.evolve(precision, device=torch.device("cpu")) if sharded else precision
    model = load_base(folder, config, at)
    check_length(model, config)
    base_rows = embedding_rows(model)
    markers = add_markers(tokenizer, model)
    rust = rust_tokenizer(tokenizer)
    rows = processes.in_turn(lambda: prepare_rows(context, config, rust))
    context.work.mkdir(parents=True, exist_ok=True)
    pad = tokenizer.pad_token_id or 0
    adapted = adapt(
        model,
        config.base_model or "",
        config,
        markers,
        seed=context.seed,
        rows=rows.train.rows[:64],
        pad=pad,
        work=context.work if processes.first else context.output,
    )
    changed = config.lora_init == "pissa"  # the base's weights as well
    processes.send(model.parameters() if changed else adapted.trained.values())
    _prepare(adapted, config, precision, processes, sharded=sharded)
    loop = _loop(context, config, adapted, rows, pad, folder, processes, precision, sharded)
    _announce(context, loop, markers.added, adapted)
    before = _before(loop, rows, context.work)
    loop.run()
    after = _validate(loop, rows) if rows.old else None
    metrics = {
        **run_metrics(loop),
        "parameters": float(loop.flops.parameters),
        "trained_parameters": float(sum(p.numel() for p in loop.trained.values())),
    }
    state = None
    if sharded:
        state = {name: whole(parameter).cpu() for name, parameter in adapted.trained.items()}
    if processes.first:
        save_adapter(
            context.output,
            adapted,
            tokenizer,
            markers,
            base=folder,
            base_rows=base_rows,
            config=config,
            context=context,
            state=state,
        )
    if before is not None and after is not None and processes.first:
        changes = compare(before, after, rows.tasks, config.max_forgetting)
        write_matrix(context.output, changes, config.max_forgetting)
        for change in changes:
            context.emit(
                Event(
                    "warning" if change.forgotten else "note",
                    "train",
                    f"old task '{change.task}': {change.before:.1%} → {change.after:.1%} of "
                    f"{change.rows} rows exact ({change.change:+.1f} points, 95 % "
                    f"{change.low:+.1f} to {change.high:+.1f})",
                )
            )
    return TrainResult(
        metrics=metrics, history=tuple(loop.progress.history), counts=run_counts(loop, rows)
    )


def _prepare(
    adapted: Adapted,
    config: TrainingConfig,
    precision: Precision,
    processes: Processes,
    *,
    sharded: bool,
) -> None:
    model = adapted.model
    use_documents(model)
    if config.gradient_checkpointing:
        checkpoint_activations(model)
    if sharded:
        shard_model(model, precision.device, processes.count)
        named = {n: p for n, p in adapted.peft.named_parameters() if p.requires_grad}
        adapted.trained.clear()
        adapted.trained.update(named)
    if config.compile:
        torch.compiler.disable(attend)  # type: ignore[no-untyped-call]
        model.base_model.compile(dynamic=True)


def _loop(
    context: TrainContext,
    config: TrainingConfig,
    adapted: Adapted,
    rows: Rows,
    pad: int,
    folder: Path,
    processes: Processes,
    precision: Precision,
    sharded: bool,
) -> Loop:
    model = adapted.model
    plan = plan_run(config, len(rows.train.rows), context.seed, packed=True)
    dropout = bool(getattr(model.config, "attention_dropout", 0.0))
    kernel = best_kernel(precision.device, precision.dtype, dropout=dropout)
    mark = fingerprint(folder, config, plan, rows)
    if config.micro_batch == "fit":
        plan = fit_batch(
            model,
            plan,
            rows.train.rows,
            lambda some: (pack(some) if plan.packed else collate(some, pad)).to(
                precision.device, kernel
            ),
            precision,
            context.work,
            mark,
            processes,
        )
        rows_at_once = f"{plan.batch_size} rows at once, {plan.accumulation} times a step"
        if checkpoints_activations(model) and not config.gradient_checkpointing:
            rows_at_once += ", with gradient_checkpointing, without which not even one fits"
        context.emit(Event("note", "train", f"measured: {rows_at_once}"))
    parameters = sum(p.numel() for p in model.parameters())
    if config.use_qlora:  # two weights to a byte
        parameters = _unquantised(adapted)
    fused = precision.device.type != "mps" and not sharded
    return Loop(
        model=model,
        trained=adapted.trained,
        optimizer=Optimizer(
            (
                (
                    adamw(
                        parameter_groups(adapted.trained, config),
                        plan.learning_rate,
                        plan.beta2,
                        fused=fused,
                    ),
                    plan.learning_rate,
                ),
            ),
            {parameter: name for name, parameter in adapted.trained.items()},
        ),
        plan=plan,
        data=Data(rows.train.rows, rows.validation.rows, pad, rows.tasks, rows.weights),
        work=context.work,
        fingerprint=mark,
        emit=context.emit,
        precision=precision,
        flops=Work(parameters, 6 if checkpoints_activations(model) else 4),
        peak=device_peak(precision.device),
        kernel=kernel,
        processes=processes,
        sharded=sharded,
        store=Store(config.checkpoints),
    )


def _unquantised(adapted: Adapted) -> int:
    total = 0
    for parameter in adapted.model.parameters():
        packed = parameter.__class__.__name__ == "Params4bit"
        total += parameter.numel() * (2 if packed else 1)
    return total


def _announce(context: TrainContext, loop: Loop, added: tuple[int, ...], adapted: Adapted) -> None:
    """Says what was chosen: device, number format, layers, sizes, formula of the MFU."""
    trained = sum(parameter.numel() for parameter in loop.trained.values())
    plan, precision = loop.plan, loop.precision
    lines = [
        f"{precision.device} in {precision.name}, "
        f"{f'packed ({loop.kernel})' if plan.packed else 'padded'}; "
        f"{trained:,} trained parameters in {', '.join(adapted.targets)}",
        f"{plan.steps} steps of {plan.batch_size * plan.accumulation} rows; validation every "
        f"{plan.validate_every}",
        f"{loop.flops.formula}; {loop.peak.source}",
    ]
    if added:
        lines.append(
            f"{len(added)} special tokens of ChatML were added to the vocabulary and are trained"
        )
    if loop.processes.count > 1:
        how = "FSDP" if loop.sharded else "DDP"
        lines.append(f"{loop.processes.count} processes share out each step ({how})")
    for line in lines:
        context.emit(Event("note", "train", line))


def _before(loop: Loop, rows: Rows, work: Path) -> Validation | None:
    """The old tasks before the first step; kept for a run that is resumed."""
    if not rows.old:
        return None
    found = load_before(work, loop.fingerprint)
    if found is None:
        found = _validate(loop, rows)
        if loop.processes.first:
            save_before(work, loop.fingerprint, found)
    return found


def _validate(loop: Loop, rows: Rows) -> Validation:
    return validate(
        loop.model,
        rows.old,
        batch_size=loop.plan.batch_size,
        pad=loop.data.pad,
        precision=loop.precision,
        packed=loop.plan.packed,
        kernel=loop.kernel,
        processes=loop.processes,
        sharded=loop.sharded,
    )


def fingerprint(folder: Path, config: TrainingConfig, plan: Plan, rows: Rows) -> str:
    """A digest of all that the weights depend on: a checkpoint with the same one is of this run."""
    digest = hashlib.sha256()
    for path in sorted([*folder.glob("*.safetensors"), folder / "config.json"]):
        with path.open("rb") as file:
            head = file.read(1 << 20)
        digest.update(f"{path.name} {path.stat().st_size} ".encode() + head)
    settings = {k: v for k, v in attrs.asdict(config).items() if k in READS - _WATCHING}
    what = attrs.asdict(attrs.evolve(plan, log_every=0, save_every=0))
    digest.update(json.dumps([settings, what, rows.weights, peft.__version__]).encode())
    for part in (rows.train.rows, rows.validation.rows):
        digest_rows(digest, part)
    return digest.hexdigest()

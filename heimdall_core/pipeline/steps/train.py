"""Training: the trainer plugin, run on files, its result held to what it promises."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import attrs

from heimdall_core.config import TrainingConfig
from heimdall_core.dataset.split import SplitOptions, split_rows
from heimdall_core.errors import DatasetError, HeimdallError, PluginError
from heimdall_core.pipeline.store import digest_file, digest_json, write_json
from heimdall_core.registry import Registry
from heimdall_core.structure import unstructure
from heimdall_core.types import Event, TrainContext, TrainResult


def train_model(
    registry: Registry,
    config: TrainingConfig,
    *,
    train: Path,
    validation: Path,
    output: Path,
    work: Path,
    seed: int,
    emit: Callable[[Event], None] = lambda event: None,
) -> TrainResult:
    """Trains into `output`, which appears when training has ended well.

    Checkpoints go to `work`; one found there is resumed. What the trainer reports is written
    beside the model as `training.json`.
    """
    name = config.trainer_name
    trainer = registry.trainer(name)
    if output.exists() and any(output.iterdir()):
        raise HeimdallError(
            "is there already and not empty", where=str(output), hint="name another folder"
        )
    work.mkdir(parents=True, exist_ok=True)
    making = output.with_name(f".{output.name}.partial")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    context = TrainContext(
        train=train,
        validation=validation,
        output=making,
        work=work,
        seed=seed if config.seed is None else config.seed,
        emit=emit,
        threads=config.threads,
    )
    try:
        result = trainer.train(context, config)
        if not isinstance(result, TrainResult):
            raise PluginError(
                f"returned {type(result).__name__} instead of TrainResult", where=f"trainer {name}"
            )
        write_json(making / "training.json", attrs.asdict(result))
        if output.exists():
            output.rmdir()
        making.rename(output)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return result


def train_files(
    registry: Registry,
    config: TrainingConfig,
    *,
    dataset: Path,
    validation: Path | None,
    output: Path,
    seed: int,
    split: SplitOptions,
    emit: Callable[[Event], None] = lambda event: None,
) -> TrainResult:
    """`train_model` on a plain dataset, for the command line.

    Without a validation file a part is split off, so that nothing close crosses. Checkpoints lie
    beside `output` under a key of rows and settings, and are removed when training has ended.
    """
    if not dataset.is_file():
        raise DatasetError("no such file", where=str(dataset))
    if output.exists() and any(output.iterdir()):
        raise HeimdallError(
            "is there already and not empty", where=str(output), hint="name another folder"
        )
    inputs = [digest_file(path) for path in (dataset, validation) if path]
    key = digest_json([inputs, unstructure(config), seed, unstructure(split)])[:16]
    root = output.with_name(f".{output.name}.work")
    work = root / key
    work.mkdir(parents=True, exist_ok=True)
    if validation is None:
        # All rows that are not for validation are for training; a test set is the user's own.
        options = attrs.evolve(split, test=0.0, unseen_schemas=0)
        split_rows(dataset, work / "split", options, seed=seed)
        dataset, validation = work / "split" / "train.jsonl", work / "split" / "validation.jsonl"
    result = train_model(
        registry,
        config,
        train=dataset,
        validation=validation,
        output=output,
        work=work / "checkpoints",
        seed=seed,
        emit=emit,
    )
    shutil.rmtree(root, ignore_errors=True)
    return result

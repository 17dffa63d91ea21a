"""Training: the trainer plugin, run on files, its result held to what it promises."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from heimdall_core.config import WATCHING, TrainingConfig
from heimdall_core.dataset.io import read_examples
from heimdall_core.dataset.local import as_files
from heimdall_core.dataset.split import SplitOptions, split_rows
from heimdall_core.errors import DatasetError, FindingsError, HeimdallError, PluginError
from heimdall_core.execution import chosen
from heimdall_core.pipeline.store import digest_file, digest_json, write_json
from heimdall_core.registry import Registry
from heimdall_core.structure import unstructure
from heimdall_core.types import Event, StageInfo, TrainContext, Trainer, TrainResult

#: Folder of a model that trackers write into while it is trained.
RUNS: Final = "runs"

#: Figures of the machine and of the moment, not of the model. No file that holds or describes the
#: model carries them: the same recipe gives the same bytes, on a slower day too.
MEASURED: Final = frozenset(
    {"seconds", "tokens_per_second", "trained_tokens_per_second", "peak_memory_bytes", "mfu"}
)

#: What a training by itself, outside of a run and its manifest, leaves of them beside the model.
SPEED: Final = "speed.json"

#: A trainer's verdict on old tasks; its `promoted` is false where one of them was forgotten.
FORGETTING: Final = "forgetting.json"


def process_rank() -> int:
    """Which of several processes this is (`torchrun`, `accelerate launch`); 0 writes the model."""
    return int(os.environ.get("RANK", "0")) if os.environ.get("WORLD_SIZE", "1") != "1" else 0


def tracking_of(config: TrainingConfig, folder: Path) -> dict[str, Any]:
    """What trackers are told of a training: `StageInfo.tracking`."""
    wanted = set(config.trackers) | ({"wandb"} if config.wandb_project else set())
    return {
        "folder": str(folder),
        "trackers": sorted(wanted),
        "wandb_project": config.wandb_project,
        "config": {k: v for k, v in unstructure(config).items() if k not in WATCHING},
    }


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
    cache: Path | None = None,
    executor: Mapping[str, Any] | None = None,
) -> TrainResult:
    """Trains into `output`, which appears when training has ended well; on the `executor`, a table
    as in a recipe, where one that trains is named.

    Checkpoints go to `work`; one found there is resumed. What the trainer reports is written
    beside the model as `training.json`, but for what it `MEASURED` of the machine. Of several
    processes, the first one writes.

    Raises `FindingsError` for a model that forgot an old task: it lies in `<output>-refused`.
    """
    name = config.trainer_name
    trainer = registry.trainer(name)
    run = _runner(registry, trainer, executor or {})
    rank = process_rank()
    if rank == 0:
        _check_free(output)
    work.mkdir(parents=True, exist_ok=True)
    making = output.with_name(f".{output.name}.partial{rank or ''}")
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
        cache=cache,
    )
    try:
        result = run(context, config)
        if not isinstance(result, TrainResult):
            raise PluginError(
                f"returned {type(result).__name__} instead of TrainResult", where=f"trainer {name}"
            )
        if rank == 0:
            found = {
                **attrs.asdict(result),
                "metrics": _lasting(result.metrics),
                "history": [_lasting(entry) for entry in result.history],
                "languages": languages_of(train),
            }
            write_json(making / "training.json", found)
            _put(making, output)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return result


def _runner(
    registry: Registry, trainer: Trainer, table: Mapping[str, Any]
) -> Callable[[TrainContext, TrainingConfig], TrainResult]:
    """The trainer, here or on an executor that trains."""
    if not table:
        return trainer.train
    executor, options = chosen(registry, table)
    if executor.train is None:
        return trainer.train
    if os.environ.get("WORLD_SIZE", "1") != "1":
        raise HeimdallError(
            f"the executor '{executor.name}' starts the processes of a training itself",
            where="executor",
            hint="leave torchrun out, or the executor",
        )
    spread = executor.train
    return lambda context, config: spread(trainer.train, context, config, options)


def _lasting(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in figures.items() if name not in MEASURED}


def languages_of(rows: Path) -> list[str]:
    """Languages of the answers in a dataset, by name; the one with most rows first."""
    counts = Counter(row.language for row in read_examples(rows) if row.language)
    return [name for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]


def _check_free(output: Path) -> None:
    """What trackers wrote of an interrupted training may lie there already."""
    if output.exists() and (
        not output.is_dir() or any(path.name != RUNS for path in output.iterdir())
    ):
        raise HeimdallError(
            "is there already and not empty", where=str(output), hint="name another folder"
        )


def _put(making: Path, output: Path) -> None:
    """Gives a finished model its name, unless it is refused."""
    forgotten = _forgotten(making)
    target = output.with_name(f"{output.name}-refused") if forgotten else output
    if forgotten and target.exists():
        shutil.rmtree(target)
    if (output / RUNS).is_dir():
        (output / RUNS).rename(making / RUNS)
    if output.exists():
        output.rmdir()
    making.rename(target)
    if forgotten:
        raise FindingsError(
            f"not promoted: {'; '.join(forgotten)}",
            where=str(target),
            hint="replay more (replay_ratio), train less, or raise max_forgetting",
        )


def _forgotten(making: Path) -> list[str]:
    try:
        found: Mapping[str, Any] = json.loads((making / FORGETTING).read_text("utf-8"))
    except FileNotFoundError:
        return []
    if found["promoted"]:
        return []
    return [
        f"{task['task']} lost {-task['change']:.1f} points of exact match "
        f"(95 %: {-task['high']:.1f} to {-task['low']:.1f}; {task['rows']} rows), more than "
        f"{found['limit_points']:g}"
        for task in found["tasks"]
        if task["forgotten"]
    ]


def _clear(work: Path, output: Path, *, tracked: bool) -> None:
    """After a refusal: takes away what was begun, but for a checkpoint to go on from."""
    if any(path.is_file() for path in (work / "checkpoints").rglob("*.safetensors")):
        return
    shutil.rmtree(work, ignore_errors=True)
    if not any(work.parent.iterdir()):
        work.parent.rmdir()
    if not tracked and (output / RUNS).is_dir():
        shutil.rmtree(output / RUNS)
        if not any(output.iterdir()):
            output.rmdir()


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
    resume: bool = True,
    executor: Mapping[str, Any] | None = None,
) -> TrainResult:
    """`train_model` on a dataset, for the command line, with trackers told of it. Shards, and what
    is behind a URL, are streamed into one local file first: a trainer goes over rows many times.

    Without a validation file a part is split off, so that nothing close crosses. Checkpoints lie
    beside `output` under a key of rows and settings, and are removed when training has ended;
    without `resume` those of an earlier start are removed first.
    """
    trainer = registry.trainer(config.trainer_name)
    if trainer.ready is not None:
        trainer.ready(config)
    if process_rank() == 0:
        _check_free(output)
    given: dict[str, Path | None] = {"dataset": dataset, "validation": validation}
    rows = output.with_name(f".{output.name}.rows{process_rank() or ''}")
    with as_files(given, rows) as (here, also):
        if here is None:
            raise DatasetError("there is no dataset to train on", where=str(output))
        return _train_files(
            registry,
            config,
            dataset=here,
            validation=also,
            output=output,
            seed=seed,
            split=split,
            emit=emit,
            executor=executor,
            resume=resume,
        )


def _train_files(
    registry: Registry,
    config: TrainingConfig,
    *,
    dataset: Path,
    validation: Path | None,
    output: Path,
    seed: int,
    split: SplitOptions,
    emit: Callable[[Event], None],
    resume: bool,
    executor: Mapping[str, Any] | None,
) -> TrainResult:
    rank = process_rank()
    given = dataset
    inputs = [digest_file(path) for path in (dataset, validation) if path]
    settings = {k: v for k, v in unstructure(config).items() if k not in WATCHING}
    key = digest_json([inputs, settings, seed, unstructure(split)])[:16]
    root = output.with_name(f".{output.name}.work")
    work = root / key
    if not resume and rank == 0:
        shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)
    if validation is None:
        # All rows that are not for validation are for training; a test set is the user's own.
        options = attrs.evolve(split, test=0.0, unseen_schemas=0)
        parts = work / f"split{rank or ''}"
        try:
            split_rows(dataset, parts, options, seed=seed)
        except HeimdallError:
            if rank == 0:
                _clear(work, output, tracked=True)
            raise
        dataset, validation = parts / "train.jsonl", parts / "validation.jsonl"
    info = StageInfo(
        output.name, "train", key, output, settings, tracking=tracking_of(config, output / RUNS)
    )
    seen: set[str] = set()

    def tell(event: Event) -> None:
        emit(event)
        warn(*registry.emit(event))

    def warn(*problems: str) -> None:
        for problem in problems:
            if problem not in seen:
                seen.add(problem)
                emit(Event("warning", "train", problem))

    tracked = (output / RUNS).exists()
    if rank == 0:
        warn(*registry.before_stage(info))
    try:
        result = train_model(
            registry,
            config,
            train=dataset,
            validation=validation,
            output=output,
            work=work / "checkpoints",
            seed=seed,
            emit=tell if rank == 0 else lambda event: None,
            cache=output.with_name(".heimdall-tokens"),
            executor=executor,
        )
    except BaseException as error:
        if rank == 0:
            failed = Event("warning", "train", f"failed: {type(error).__name__}")
            registry.emit(attrs.evolve(failed, values={"failed": 1}))
        if not isinstance(error, HeimdallError):
            raise
        if rank == 0 and not isinstance(error, FindingsError):
            _clear(work, output, tracked=tracked)
        if error.where.startswith(str(work)) and given != dataset:
            error.where = error.where.replace(str(dataset), f"{given} (its part for training)")
            error.where = error.where.replace(str(validation), f"{given} (its part for validation)")
        raise
    if rank == 0:
        measured = {name: result.metrics[name] for name in MEASURED & result.metrics.keys()}
        write_json(output / SPEED, dict(sorted(measured.items())))
        warn(*registry.after_stage(attrs.evolve(info, manifest={"metrics": dict(result.metrics)})))
        shutil.rmtree(root, ignore_errors=True)
    return result

"""Runs a recipe: what is already done is taken, what is not is made, in the order of the stages."""

from __future__ import annotations

import datetime
import json
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from heimdall_core.errors import HeimdallError, RecipeError, StageError, did_you_mean
from heimdall_core.execution import Work
from heimdall_core.pipeline.log import run_log
from heimdall_core.pipeline.measure import Meter, code_digest, git_state
from heimdall_core.pipeline.stage import Stage, StageContext
from heimdall_core.pipeline.stages import STAGES
from heimdall_core.pipeline.steps.train import tracking_of
from heimdall_core.pipeline.store import (
    RunFolder,
    StageRecord,
    digest_files,
    digest_json,
    hash_files,
    write_json,
)
from heimdall_core.recipe import Recipe, trust_of
from heimdall_core.registry import Registry
from heimdall_core.structure import structure
from heimdall_core.types import Event, StageInfo
from heimdall_core.versions import versions

Observer = Callable[[Event], None]

#: Distributions whose versions are written into every manifest.
_NOTED = [
    "heimdall-slm",
    "attrs",
    "cattrs",
    "pluggy",
    "torch",
    "transformers",
    "tokenizers",
    "safetensors",
    "peft",
    "gguf",
    "llama-cpp-python",
    "graphdblite",
    "numpy",
]


@frozen
class StageResult:
    """One stage of a run."""

    record: StageRecord
    folder: Path
    cached: bool


@frozen
class RunResult:
    """What a run came to."""

    name: str
    folder: Path
    stages: Mapping[str, StageResult]
    manifest: Mapping[str, Any]

    @property
    def metrics(self) -> Mapping[str, Any]:
        """Metric → `{value, low, high, n, …}`."""
        found: Mapping[str, Any] = self.manifest["metrics"]
        return found


def run(
    recipe: Recipe | str | Path,
    *,
    registry: Registry | None = None,
    runs: str | Path = Path("runs"),
    until: str | None = None,
    on_event: Observer = lambda event: None,
) -> RunResult:
    """Runs a recipe to its end, or up to and including the stage `until`. A text or a path is the
    name of a preset or a recipe's file, as for `heimdall run`.

    Outputs are content-addressed below `runs/<name>`: a stage whose options, inputs, plugins and
    code are the same as before is not run again, and a run that was killed goes on where it was.
    Events go to `on_event` and to the plugins that observe; nothing is printed.

    Raises `HeimdallError`; a finished stage's output stays.
    """
    _alone()
    wanted = _until(until)
    recipe, registry = _given(recipe, registry)
    recipe = recipe.resolve(registry)
    _ready(recipe, registry, {stage.name for stage in wanted})
    folder = RunFolder(Path(runs) / recipe.name)
    with folder.lock():
        (folder.root / "recipe.toml").write_text(recipe.to_toml(registry), encoding="utf-8")
        with (
            run_log(folder.root, recipe.name) as log,
            Work(registry, recipe.executor) as work,
        ):
            results: dict[str, StageResult] = {}
            for stage in wanted:
                results[stage.name] = _stage(
                    stage, recipe, registry, folder, results, on_event, log, work
                )
            manifest = _manifest(recipe, registry, folder, results)
            write_json(folder.root / "manifest.json", manifest)
    return RunResult(recipe.name, folder.root, results, manifest)


def _alone() -> None:
    """Raises `HeimdallError` in each of several processes that a launcher started: they would
    write into one folder, and only training can be shared out among them."""
    count = os.environ.get("WORLD_SIZE", "1")
    if count != "1":
        raise HeimdallError(
            f"a run is one process, and this is one of {count} that a launcher started",
            where="run",
            hint="start it without torchrun: --executor ray spreads its training, or stop it with "
            "--until split and give its rows to `heimdall train` under torchrun",
        )


def _given(recipe: object, registry: Registry | None) -> tuple[Recipe, Registry]:
    """The recipe that was meant, and its plugins. Raises `RecipeError` for what is no recipe."""
    if isinstance(recipe, Recipe):
        trust = recipe.plugins
    elif isinstance(recipe, str | Path):
        trust = trust_of(recipe)
    else:
        raise RecipeError(
            f"expected a Recipe, or the name of a preset or file, found {type(recipe).__name__}",
            where="run",
            hint="make one of plain data with Recipe.from_dict(data)",
        )
    if registry is None:
        registry = Registry(block=trust.block, allow=trust.allow)
    return (recipe if isinstance(recipe, Recipe) else Recipe.load(recipe, registry)), registry


def _ready(recipe: Recipe, registry: Registry, stages: set[str]) -> None:
    """Asks trainer, exporters and evaluators whether they can start, before the first stage takes
    its time."""
    trainer = registry.trainer(recipe.train.trainer_name)
    if "train" in stages and trainer.ready is not None:
        trainer.ready(recipe.train)
    for name in recipe.export.exporters if "export" in stages else ():
        exporter = registry.exporter(name)
        if exporter.ready is not None:
            options: Any = structure(recipe.export.options.get(name, {}), exporter.options)
            exporter.ready(options)
    for name in recipe.evaluate.metrics if "evaluate" in stages else ():
        evaluator = registry.evaluator(name)
        if evaluator.ready is not None:
            chosen: Any = structure(recipe.evaluate.options.get(name, {}), evaluator.options)
            evaluator.ready(chosen)


def _until(name: str | None) -> tuple[Stage, ...]:
    names = [stage.name for stage in STAGES]
    if name is None:
        return STAGES
    if name not in names:
        raise HeimdallError(f"unknown stage '{name}'", hint=did_you_mean(name, names))
    return STAGES[: names.index(name) + 1]


def stage_key(stage: Stage, recipe: Recipe, registry: Registry, digests: Mapping[str, str]) -> str:
    """The content address of a stage's output: options, seed, inputs, plugins and code."""
    plugins = []
    for role, name in stage.providers(recipe, registry):
        info = registry.provider(role, name)
        plugins.append([role, name, info.distribution, info.version, code_digest(info.module)])
    return digest_json(
        {
            "stage": stage.name,
            "options": stage.options(recipe, registry),
            "inputs": {name: digests[name] for name in stage.needs},
            "plugins": plugins,
            "code": {module: code_digest(module) for module in stage.code},
            "libraries": versions(stage.libraries) if stage.libraries else {},
        }
    )


def _stage(
    stage: Stage,
    recipe: Recipe,
    registry: Registry,
    folder: RunFolder,
    done: Mapping[str, StageResult],
    on_event: Observer,
    log: Observer,
    executor: Work,
) -> StageResult:
    notes: list[str] = []

    def emit(event: Event) -> None:
        if not event.stage:
            event = attrs.evolve(event, stage=stage.name)
        if event.kind in ("note", "warning"):
            notes.append(event.message)
        for observe in (log, on_event):
            observe(event)
        for problem in registry.emit(event):
            warn(problem)

    def warn(text: str) -> None:
        notes.append(text)
        for observe in (log, on_event):
            observe(Event("warning", stage.name, text))

    digests = {name: result.record.digest for name, result in done.items()}
    key = stage_key(stage, recipe, registry, digests)
    if record := folder.find(stage.name, key):
        emit(Event("note", stage.name, "done before"))
        return StageResult(record, folder.output(stage.name, key), cached=True)
    options = stage.options(recipe, registry)
    info = StageInfo(recipe.name, stage.name, key, folder.output(stage.name, key), options)
    if stage.name == "train":
        place = folder.root / "tracking" / key[:16]
        info = attrs.evolve(info, tracking=tracking_of(recipe.train, place))
    for problem in registry.before_stage(info):
        warn(problem)
    emit(Event("note", stage.name, "started"))
    notes.clear()
    meter = Meter()
    with folder.making(stage.name, key) as partial:
        work = folder.work_folder(stage.name, key)
        inputs = {name: result.folder for name, result in done.items()}
        context = StageContext(recipe, registry, inputs, digests, partial, work, emit)
        try:
            with executor.spread(emit) if stage.spread else nullcontext():
                outcome = stage.run(context)
        except BaseException as error:
            # The run's log and the caller are told by the error itself.
            failed = Event("warning", stage.name, f"failed: {type(error).__name__}")
            registry.emit(attrs.evolve(failed, values={"failed": 1}))
            if not isinstance(error, OSError):
                raise
            # A full disk, a folder that was taken away.
            place = error.filename or partial
            reason = error.strerror or str(error)
            raise StageError(reason, where=f"{stage.name}: {place}") from error
        seconds, peak = meter.read()
        files = hash_files(partial)
        record = StageRecord(
            stage=stage.name,
            key=key,
            inputs={name: digests[name] for name in stage.needs},
            options=options,
            versions=versions(_NOTED),
            seed=recipe.seed,
            seconds=round(seconds, 3),
            peak_bytes=peak,
            digest=digest_files(files),
            files=files,
            metrics=outcome.metrics,
            counts=outcome.counts,
            notes=tuple(dict.fromkeys(notes)),
        )
        final = folder.commit(partial, record)
    emit(Event("note", stage.name, f"finished in {seconds:.1f} s", values={"seconds": seconds}))
    for problem in registry.after_stage(attrs.evolve(info, manifest=record.to_dict())):
        warn(problem)
    return StageResult(record, final, cached=False)


def _manifest(
    recipe: Recipe, registry: Registry, folder: RunFolder, results: Mapping[str, StageResult]
) -> dict[str, Any]:
    """The manifest of the whole run, as `heimdall runs show NAME --json` prints it."""
    stages = []
    artefacts = []
    metrics: dict[str, Any] = {}
    for name, result in results.items():
        record = result.record
        entry = record.to_dict()
        place = result.folder.relative_to(folder.root).as_posix()
        stages.append({**entry, "cached": result.cached, "folder": place})
        metrics |= {
            (k if name == "evaluate" else f"{name}.{k}"): v for k, v in record.metrics.items()
        }
        if name in ("train", "export"):
            artefacts += [
                {
                    "path": f"{place}/{file.path}",
                    "bytes": file.bytes,
                    "sha256": file.sha256,
                }
                for file in record.files
            ]
    return {
        "name": recipe.name,
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "git": git_state(Path.cwd()),
        "recipe": recipe.to_dict(registry),
        "stages": stages,
        "metrics": metrics,
        "artefacts": artefacts,
    }


def read_manifest(runs: Path, name: str) -> dict[str, Any]:
    """The manifest of a finished run; raises `HeimdallError` with the runs that exist."""
    path = runs / name / "manifest.json"
    known = list_runs(runs)
    if name not in known:
        raise HeimdallError(f"no run '{name}' in {runs}", hint=did_you_mean(name, known))
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise HeimdallError(
            f"the run '{name}' has not ended yet",
            hint=f"go on with: heimdall run {runs / name / 'recipe.toml'} --runs {runs}",
        ) from error
    except (OSError, ValueError) as error:
        raise HeimdallError(f"is damaged: {error}", where=str(path)) from error
    wanted = ("name", "finished", "stages", "metrics", "artefacts")
    if not isinstance(manifest, dict) or any(key not in manifest for key in wanted):
        raise HeimdallError(
            "is damaged: it lacks " + ", ".join(wanted),
            where=str(path),
            hint="remove it and run again; finished stages are kept",
        )
    return manifest


def list_runs(runs: Path) -> list[str]:
    """Names of the runs in a folder, finished or not."""
    return sorted(p.parent.name for p in runs.glob("*/recipe.toml"))


def remove_run(runs: Path, name: str) -> None:
    """Deletes a run's folder, unless it is being worked on."""
    if name not in list_runs(runs):
        raise HeimdallError(f"no run '{name}' in {runs}", hint=did_you_mean(name, list_runs(runs)))
    folder = RunFolder(runs / name)
    with folder.lock():
        pass
    shutil.rmtree(folder.root)


def prune_run(runs: Path, name: str) -> tuple[int, int]:
    """Deletes the stage outputs that the run's manifest no longer names: what earlier settings
    made. Returns how many, and the bytes they held. Raises `HeimdallError` for a run that has not
    ended, whose outputs are all still wanted."""
    manifest = read_manifest(runs, name)
    folder = RunFolder(runs / name)
    kept = {Path(stage["folder"]).name for stage in manifest["stages"]}
    removed = freed = 0
    with folder.lock():
        for parent in (folder.stages, folder.work):
            for path in parent.iterdir() if parent.is_dir() else ():
                if path.name in kept and parent == folder.stages:
                    continue
                freed += sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
                removed += 1
                shutil.rmtree(path)
    return removed, freed

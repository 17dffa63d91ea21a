"""`heimdall run --plan`: what would run, what is done already, and what it would cost.

A figure comes, in this order, from an earlier run of the same stage in the same folder, from the
plugin's own forecast, from a small sample timed on the spot, or from the trainer's forecast by a
rule of thumb; the plan says which.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import attrs
from attrs import frozen

from heimdall_core.dataset import read_examples
from heimdall_core.dataset.correct import correct_file
from heimdall_core.dataset.split import split_rows
from heimdall_core.dataset.validate import validate_file
from heimdall_core.errors import HeimdallError
from heimdall_core.pipeline.data_stages import sources_of
from heimdall_core.pipeline.measure import peak_bytes
from heimdall_core.pipeline.runner import stage_key
from heimdall_core.pipeline.stages import STAGES
from heimdall_core.pipeline.steps.generate import all_schemas, generate_dataset
from heimdall_core.pipeline.store import RunFolder
from heimdall_core.prompt import render_example
from heimdall_core.recipe import Recipe
from heimdall_core.registry import Registry
from heimdall_core.types import Estimate

#: Rows that are generated and curated to time the data stages.
SAMPLE_ROWS = 300

#: What a plain disk reads or writes; for the rule of thumb alone.
_DISK_BYTES_PER_SECOND = 2e8


@frozen
class PlannedStage:
    """One line of the plan."""

    stage: str
    state: Literal["cached", "run", "depends"]
    """`depends`: runs, unless what it is made from turns out to be what it was made from before."""
    seconds: float | None
    bytes: int | None
    basis: str
    """What the figures rest on."""


def plan(recipe: Recipe, registry: Registry, runs: Path) -> list[PlannedStage]:
    """The plan of a recipe, without running anything but a small sample in a temporary folder."""
    recipe = recipe.resolve(registry)
    folder = RunFolder(runs / recipe.name)
    digests: dict[str, str] = {}
    lines: list[PlannedStage] = []
    sample: _Sample | None = None
    for stage in STAGES:
        known = all(name in digests for name in stage.needs)
        record = (
            folder.find(stage.name, stage_key(stage, recipe, registry, digests)) if known else None
        )
        if record is not None:
            digests[stage.name] = record.digest
            lines.append(PlannedStage(stage.name, "cached", 0.0, None, "done before"))
            continue
        state: Literal["run", "depends"] = "run" if known else "depends"
        earlier = folder.previous(stage.name)
        if earlier is not None:
            figures = Estimate(earlier.seconds, earlier.peak_bytes)
            lines.append(
                PlannedStage(
                    stage.name, state, figures.seconds, figures.bytes, "its last run in this folder"
                )
            )
            continue
        sample = sample or _Sample(recipe, registry)
        lines.append(_forecast(stage.name, state, sample))
    return lines


class _Sample:
    """A few rows taken through the data stages, timed."""

    def __init__(self, recipe: Recipe, registry: Registry) -> None:
        self.recipe, self.registry = recipe, registry
        self.seconds: dict[str, float] = {}
        total = recipe.generate.num_examples
        with tempfile.TemporaryDirectory(prefix="heimdall-plan-") as name:
            folder = Path(name)
            sources = sources_of(recipe, registry)
            rows = folder / "rows.jsonl"
            started = time.perf_counter()
            self.rows = generate_dataset(
                registry,
                sources,
                total=min(SAMPLE_ROWS, total),
                seed=recipe.seed,
                output=rows,
                check=recipe.generate.check,
                dialect=recipe.generate.dialect,
                max_rejected=1.0,
            ).rows
            self._lap("generate", started)
            arguments: dict[str, Any] = {
                "language": registry.find_language,
                "schemas": all_schemas(sources),
            }
            started = time.perf_counter()
            validate_file(rows, recipe.validate, **arguments)
            self._lap("validate", started)
            started = time.perf_counter()
            loose = attrs.evolve(recipe.correct, min_category_size=0)
            correct_file(rows, folder / "corrected.jsonl", loose, **arguments)
            self._lap("correct", started)
            started = time.perf_counter()
            # A sample can be too small to be split; its time is counted all the same.
            with suppress(HeimdallError):
                split_rows(rows, folder / "parts", recipe.split, seed=recipe.seed)
            self._lap("split", started)
            texts = [
                render_example(r.instruction, r.input, r.output, r.system)
                for r in read_examples(rows)
            ]
            self.characters = sum(len(t.prompt) + len(t.answer) for t in texts) / max(1, len(texts))
        self.train = self._training()

    def _lap(self, stage: str, started: float) -> None:
        share = self.recipe.generate.num_examples / max(1, self.rows)
        self.seconds[stage] = (time.perf_counter() - started) * share

    def _training(self) -> Estimate | None:
        trainer = self.registry.trainer(self.recipe.train.trainer_name)
        if trainer.estimate is None:
            return None
        # About four characters to a token of a tokenizer that is trained on the rows themselves.
        return trainer.estimate(
            self.recipe.train, self.recipe.generate.num_examples, self.characters / 4
        )


def _forecast(stage: str, state: Literal["run", "depends"], sample: _Sample) -> PlannedStage:
    if stage in sample.seconds:
        basis = f"{sample.rows} sample rows, timed"
        return PlannedStage(stage, state, sample.seconds[stage], peak_bytes(), basis)
    if sample.train is None:
        return PlannedStage(stage, state, None, None, "the trainer makes no forecast")
    if stage == "train":
        return PlannedStage(
            stage, state, sample.train.seconds, sample.train.bytes, "the trainer's forecast"
        )
    rough = _rule_of_thumb(stage, sample)
    basis = str(rough.details.get("basis", "not measured yet in this folder"))
    return PlannedStage(stage, state, rough.seconds, rough.bytes, basis)


def _rule_of_thumb(stage: str, sample: _Sample) -> Estimate:
    """Export, proof and measurement, from what the trainer says of the model's size and speed:
    a file takes the time to read and write its weights, and a token that is generated takes about
    the time of one that is trained (three times the arithmetic there, one at a time here)."""
    recipe, forecast = sample.recipe, sample.train
    details = forecast.details if forecast else {}
    parameters, speed = details.get("parameters"), details.get("tokens_per_second")
    if not parameters or not speed:
        return Estimate()
    # The weights once in 32 bits, and once more while they are converted or compared.
    weights = 2 * 4 * int(parameters) + peak_bytes()
    files = max(1, len(recipe.evaluate.artefacts))
    if stage == "export":
        seconds = 0.2 + files * 2 * 4 * parameters / _DISK_BYTES_PER_SECOND
        return Estimate(seconds, weights, {"basis": f"rough: {parameters:,} parameters"})
    tokens = sample.characters / 4
    if stage == "verify":
        asked = 2 * recipe.verify.answers * files
        seconds = asked * tokens / speed + files
    else:
        share = recipe.split.test * recipe.generate.num_examples
        rows = min(recipe.evaluate.max_rows, recipe.split.max_test_rows or share, share)
        if recipe.split.unseen_schemas:
            rows += recipe.evaluate.max_rows
        asked = round(rows * files)
        seconds = asked * tokens / speed
    basis = f"rough: {asked:,} answers at the forecast speed"
    return Estimate(seconds, weights, {"basis": basis})

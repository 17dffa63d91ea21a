"""The stages that make and care for rows: generate, validate, correct, split."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from heimdall_core.dataset.correct import CorrectionReport, correct_file
from heimdall_core.dataset.remote import Remote, located
from heimdall_core.dataset.shards import digest_of, is_pattern
from heimdall_core.dataset.split import split_rows
from heimdall_core.dataset.stats import composition
from heimdall_core.dataset.validate import validate_file
from heimdall_core.errors import FindingsError
from heimdall_core.pipeline.stage import Outcome, StageContext
from heimdall_core.pipeline.steps.generate import Source, all_schemas, generate_dataset
from heimdall_core.pipeline.steps.refill import refilled
from heimdall_core.pipeline.store import digest_file, write_json
from heimdall_core.recipe import Recipe
from heimdall_core.registry import Registry
from heimdall_core.types import Json


def sources_of(recipe: Recipe, registry: Registry) -> tuple[Source, ...]:
    """The generators of a recipe's mix, with their options and weights."""
    return tuple(
        Source(
            registry.generator(name),
            recipe.generator_options(registry, name),
            float(table.get("weight", 1.0)),
        )
        for name, table in recipe.generate.mix.items()
    )


def read_by_generators(recipe: Recipe, registry: Registry) -> dict[str, Any]:
    """Digests of the files that generators' options name: what they hold makes the rows too."""
    found: dict[str, Any] = {}
    for source in sources_of(recipe, registry):
        if source.generator.inputs is None:
            continue
        for path in source.generator.inputs(source.options):
            path = located(path)
            if isinstance(path, Remote) or is_pattern(path):
                found[str(path)] = digest_of(path, digest_file)
                continue
            files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
            for file in files:
                # A file that is not there is the generator's to complain about.
                found[str(file)] = digest_file(file) if file.is_file() else ""
    return {"inputs": found} if found else {}


def generate(context: StageContext) -> Outcome:
    """Rows from the mix, each checked, and the graph schemas that they name."""
    recipe, table = context.recipe, context.recipe.generate
    sources = sources_of(recipe, context.registry)
    report = generate_dataset(
        context.registry,
        sources,
        total=table.num_examples,
        seed=recipe.seed,
        output=context.output / "rows.jsonl",
        rejects=context.output / "rejected.jsonl",
        check=table.check,
        dialect=table.dialect,
        max_rejected=table.max_rejected,
        max_context_size=table.max_context_size,
        workers=0,
        emit=context.emit,
    )
    write_json(context.output / "schemas.json", all_schemas(sources))
    return Outcome(counts=report.to_dict())


def schemas_of(folder: Path) -> dict[str, Json]:
    """The graph schemas that the generate stage has written, by name."""
    found: dict[str, Json] = json.loads((folder / "schemas.json").read_text(encoding="utf-8"))
    return found


def validate(context: StageContext) -> Outcome:
    """A report of what is wrong with the rows; stops where a limit of the recipe is passed."""
    options = context.recipe.validate
    report = validate_file(
        context.inputs["generate"] / "rows.jsonl",
        options,
        language=context.registry.find_language,
        schemas=schemas_of(context.inputs["generate"]),
        emit=context.emit,
    )
    # The path would make the same report another one in another folder.
    found = {**report.to_json(), "path": "rows.jsonl"}
    write_json(context.output / "report.json", found)
    failed = report.failures(options)
    if failed:
        raise FindingsError(
            "; ".join(failed), where="validate", hint="see the thresholds in [validate]"
        )
    return Outcome(counts=found)


def correct(context: StageContext) -> Outcome:
    """Rows without duplicates and contradictions, balanced; refilled by their generators."""
    recipe = context.recipe
    rows = context.inputs["generate"] / "rows.jsonl"
    output = context.output / "rows.jsonl"
    schemas = schemas_of(context.inputs["generate"])
    arguments: dict[str, Any] = {
        "language": context.registry.find_language,
        "schemas": schemas,
    }

    def corrected(path: Path) -> CorrectionReport:
        return correct_file(path, output, recipe.correct, emit=context.emit, **arguments)

    report = corrected(rows)
    if report.quotas:
        # The declared second pass: the generators fill what curation found too small.
        write_json(context.output / "first_pass_quotas.json", dict(report.quotas))
        report = refilled(
            context.registry,
            sources_of(recipe, context.registry),
            rows,
            report,
            corrected,
            extra=context.output / "refill.jsonl",
            seed=recipe.seed,
            check=recipe.generate.check,
            dialect=recipe.generate.dialect,
            max_rejected=recipe.generate.max_rejected,
            max_context_size=recipe.generate.max_context_size,
            emit=context.emit,
        )
    for lock in context.output.glob(".*.lock"):
        lock.unlink()  # nobody else is in this folder, and a lock is no output
    return Outcome(counts=report.to_json())


def split(context: StageContext) -> Outcome:
    """Train, validation and test files that hold nothing in common."""
    report = split_rows(
        context.inputs["correct"] / "rows.jsonl",
        context.output,
        context.recipe.split,
        seed=context.recipe.seed,
        language=context.registry.find_language,
        emit=context.emit,
    )
    summary = composition(context.output / "train.jsonl")
    return Outcome(counts={**report.to_json(), "composition": summary.to_json()})

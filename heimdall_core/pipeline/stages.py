"""The stages, in their order: what each is keyed by, and what it does with the earlier outputs.

generate → validate → correct → split → train → export → verify → evaluate. A stage reads the
previous stages' files and writes its own; it never reaches back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import field, frozen

from heimdall_core.config import WATCHING
from heimdall_core.dataset import read_examples
from heimdall_core.dataset.correct import CorrectionReport, correct_file
from heimdall_core.dataset.split import split_rows
from heimdall_core.dataset.stats import composition
from heimdall_core.dataset.validate import validate_file
from heimdall_core.errors import FindingsError, StageError
from heimdall_core.pipeline.steps.answers import AnswerLog, model_digest
from heimdall_core.pipeline.steps.evaluate import (
    evaluate_model,
    metric_dict,
    spread,
    write_report,
)
from heimdall_core.pipeline.steps.export import export_model, verify_artefact
from heimdall_core.pipeline.steps.generate import Source, all_schemas, generate_dataset
from heimdall_core.pipeline.steps.models import artefact_of, open_model
from heimdall_core.pipeline.steps.refill import refilled
from heimdall_core.pipeline.steps.release import write_release_notes
from heimdall_core.pipeline.steps.suite import refuse_leaks
from heimdall_core.pipeline.steps.train import train_model
from heimdall_core.pipeline.store import digest_file, write_json
from heimdall_core.recipe import Recipe
from heimdall_core.registry import Registry
from heimdall_core.structure import structure, unstructure
from heimdall_core.types import Event, Json


@frozen
class StageContext:
    """What a stage's function is given."""

    recipe: Recipe
    registry: Registry
    inputs: Mapping[str, Path]
    """Earlier stage → folder of its output."""
    digests: Mapping[str, str]
    """Earlier stage → digest of its output."""
    output: Path
    work: Path
    emit: Callable[[Event], None]


@frozen
class Outcome:
    """What a stage came to, beside its files."""

    metrics: Json = field(factory=dict)
    counts: Json = field(factory=dict)


@frozen
class Stage:
    """One stage of the pipeline."""

    name: str
    needs: tuple[str, ...]
    options: Callable[[Recipe, Registry], Json]
    """Everything in the recipe that its output depends on."""
    providers: Callable[[Recipe, Registry], tuple[tuple[str, str], ...]]
    """The plugins at work, as (role, name)."""
    run: Callable[[StageContext], Outcome]
    code: tuple[str, ...]
    """Core modules whose source belongs to the key."""
    libraries: tuple[str, ...] = ()
    """Distributions whose versions belong to the key."""


def _languages(recipe: Recipe, registry: Registry) -> tuple[tuple[str, str], ...]:
    return tuple(("language", name) for name in registry.names("language"))


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


# --- the functions -------------------------------------------------------------------------------


def _read_by_generators(recipe: Recipe, registry: Registry) -> dict[str, Any]:
    """Digests of the files that generators' options name: what they hold makes the rows too."""
    found: dict[str, Any] = {}
    for source in sources_of(recipe, registry):
        if source.generator.inputs is None:
            continue
        for path in source.generator.inputs(source.options):
            files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
            for file in files:
                # A file that is not there is the generator's to complain about.
                found[str(file)] = digest_file(file) if file.is_file() else ""
    return {"inputs": found} if found else {}


def _generate(context: StageContext) -> Outcome:
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
        workers=0,
        emit=context.emit,
    )
    write_json(context.output / "schemas.json", all_schemas(sources))
    return Outcome(counts=report.to_dict())


def _schemas(folder: Path) -> dict[str, Json]:
    found: dict[str, Json] = json.loads((folder / "schemas.json").read_text(encoding="utf-8"))
    return found


def _validate(context: StageContext) -> Outcome:
    options = context.recipe.validate
    report = validate_file(
        context.inputs["generate"] / "rows.jsonl",
        options,
        language=context.registry.find_language,
        schemas=_schemas(context.inputs["generate"]),
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


def _correct(context: StageContext) -> Outcome:
    recipe = context.recipe
    rows = context.inputs["generate"] / "rows.jsonl"
    output = context.output / "rows.jsonl"
    schemas = _schemas(context.inputs["generate"])
    arguments: dict[str, Any] = {
        "language": context.registry.find_language,
        "schemas": schemas,
    }

    def correct(path: Path) -> CorrectionReport:
        return correct_file(path, output, recipe.correct, emit=context.emit, **arguments)

    report = correct(rows)
    if report.quotas:
        # The declared second pass: the generators fill what curation found too small.
        write_json(context.output / "first_pass_quotas.json", dict(report.quotas))
        report = refilled(
            context.registry,
            sources_of(recipe, context.registry),
            rows,
            report,
            correct,
            extra=context.output / "refill.jsonl",
            seed=recipe.seed,
            check=recipe.generate.check,
            dialect=recipe.generate.dialect,
            max_rejected=recipe.generate.max_rejected,
            emit=context.emit,
        )
    for lock in context.output.glob(".*.lock"):
        lock.unlink()  # nobody else is in this folder, and a lock is no output
    return Outcome(counts=report.to_json())


def _split(context: StageContext) -> Outcome:
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


def _train(context: StageContext) -> Outcome:
    result = train_model(
        context.registry,
        context.recipe.train,
        train=context.inputs["split"] / "train.jsonl",
        validation=context.inputs["split"] / "validation.jsonl",
        output=context.output / "model",
        work=context.work,
        seed=context.recipe.seed,
        emit=context.emit,
        cache=context.work.parent / "tokens",
    )
    return Outcome(
        metrics={
            name: {"value": value, "low": value, "high": value, "n": 1}
            for name, value in result.metrics.items()
        },
        counts={"history": [dict(h) for h in result.history], **result.counts},
    )


def _metadata(context: StageContext) -> dict[str, Any]:
    recipe = context.recipe
    split = context.inputs["split"]
    training = json.loads(
        (context.inputs["train"] / "model" / "training.json").read_text(encoding="utf-8")
    )
    return {
        "name": recipe.name,
        "description": recipe.description,
        "author": recipe.author,
        "licence": recipe.licence,
        "base_model": recipe.train.base_model,
        "recipe_hash": context.digests["train"],
        "datasets": [
            {"name": path.stem, "sha256": _sha256(path)} for path in sorted(split.glob("*.jsonl"))
        ],
        "metrics": training["metrics"],
        "languages": training.get("languages", []),
    }


def _sha256(path: Path) -> str:
    return digest_file(path)


#: Rows that an exporter may look at to see what matters.
_IMPORTANT_ROWS = 200


def _export(context: StageContext) -> Outcome:
    recipe = context.recipe
    listed = []
    metadata = _metadata(context)
    rows = spread(list(read_examples(context.inputs["split"] / "train.jsonl")), _IMPORTANT_ROWS)
    for name in recipe.export.exporters:
        options: Any = structure(
            recipe.export.options.get(name, {}),
            context.registry.exporter(name).options,
            f"export.options.{name}",
        )
        target = context.output / name
        target.mkdir()
        artefacts = export_model(
            context.registry,
            name,
            options,
            model=context.inputs["train"] / "model",
            output=target,
            metadata=metadata,
            examples=rows,
            emit=context.emit,
        )
        write_release_notes(target, artefacts, context.inputs["train"] / "model", metadata)
        for artefact in artefacts:
            listed.append(
                {
                    "path": artefact.path.relative_to(context.output).as_posix(),
                    "kind": artefact.kind,
                    "exporter": name,
                    "details": unstructure(dict(artefact.details)),
                }
            )
    write_json(context.output / "artefacts.json", listed)
    return Outcome(counts={"artefacts": listed})


def exported(folder: Path) -> list[dict[str, Any]]:
    """What an export stage wrote: path, kind, exporter and details of each artefact."""
    listed: list[dict[str, Any]] = json.loads(
        (folder / "artefacts.json").read_text(encoding="utf-8")
    )
    return listed


def _verify(context: StageContext) -> Outcome:
    recipe = context.recipe
    rows = spread(
        list(read_examples(context.inputs["split"] / "test.jsonl")),
        max(recipe.verify.texts, recipe.verify.answers),
    )
    proofs = []
    for artefact in exported(context.inputs["export"]):
        context.emit(Event("note", "verify", artefact["kind"]))
        checks = verify_artefact(
            context.registry,
            artefact["exporter"],
            model=context.inputs["train"] / "model",
            artefact=context.inputs["export"] / artefact["path"],
            examples=rows,
            texts=recipe.verify.texts,
            answers=recipe.verify.answers,
            max_new_tokens=recipe.evaluate.max_new_tokens,
            emit=context.emit,
        )
        proofs += [{"artefact": artefact["kind"], **attrs.asdict(check)} for check in checks]
    write_json(context.output / "proof.json", proofs)
    failed = [p for p in proofs if not p["passed"]]
    if failed:
        text = "; ".join(f"{p['artefact']}: {p['name']}: {p['detail']}" for p in failed)
        raise StageError(f"the exported file is not the trained model: {text}", where="verify")
    return Outcome(counts={"proof": proofs})


def _evaluate(context: StageContext) -> Outcome:
    recipe = context.recipe
    table = recipe.evaluate
    split = context.inputs["split"]
    kinds = {
        a["kind"].rpartition(":")[2]: context.inputs["export"] / a["path"]
        for a in exported(context.inputs["export"])
    } | {"model": context.inputs["train"] / "model"}
    evaluators: dict[str, Any] = {
        name: structure(
            table.options.get(name, {}),
            context.registry.evaluator(name).options,
            f"evaluate.options.{name}",
        )
        for name in table.metrics
    }
    metrics: dict[str, Any] = {}
    counts: dict[str, Any] = {"cut_off": {}}
    for place, artefact in enumerate(table.artefacts):
        path = artefact_of(artefact, kinds)
        digest = model_digest(path)
        with open_model(context.registry, path, table.runtime) as model:
            for file in sorted(split.glob("test*.jsonl")):
                rows = spread(list(read_examples(file)), table.max_rows)
                if not rows:
                    continue
                label = f"{file.stem} on {artefact}"
                refuse_leaks(split / "train.jsonl", rows, f"evaluate: {file.name}")
                name = f"answers-{artefact}-{file.stem}.jsonl"
                key = f"{digest} {table.max_new_tokens}"
                with AnswerLog(context.work / name, key) as log:
                    report = evaluate_model(
                        context.registry,
                        model,
                        rows,
                        evaluators,
                        max_new_tokens=table.max_new_tokens,
                        schemas=_schemas(context.inputs["generate"]),
                        targets=table.targets,
                        seed=recipe.seed,
                        emit=context.emit,
                        label=label,
                        log=log,
                    )
                write_report(context.output / name, rows, report)
                counts["cut_off"][label] = report.cut_off
                for result in report.results:
                    name = _metric_name(result.metric, file.stem, artefact if place else "")
                    entry = result.to_dict()
                    if place or file.stem != "test":
                        # Targets are set for the headline: the first artefact on the plain test.
                        entry["target"] = entry["reached"] = None
                    metrics[name] = {**entry, "artefact": artefact, "test_set": file.stem}
                if place == 0 and file.stem == "test":
                    counts["questions"] = [
                        {
                            "question": row.instruction,
                            "answer": answer.text,
                            "expected": row.output,
                        }
                        for row, answer in list(zip(rows, report.completions, strict=False))[
                            :: max(1, len(rows) // (table.questions + 1))
                        ][: table.questions]
                    ]
    write_json(context.output / "metrics.json", metrics)
    return Outcome(metrics=metrics, counts=counts)


def _metric_name(metric: str, test_set: str, artefact: str) -> str:
    """`exact_match`; `exact_match/unseen_schemas` on another test set; `exact_match@F16` on
    another file than the headline's."""
    other = test_set.removeprefix("test").strip("_")
    return metric + (f"/{other}" if other else "") + (f"@{artefact}" if artefact else "")


# --- the list ------------------------------------------------------------------------------------

_STEPS = "heimdall_core.pipeline.steps"
_ROWS = ("heimdall_core.types", "heimdall_core.dataset.io")
_PROMPT = ("heimdall_core.prompt", *_ROWS)
_CURATE = ("heimdall_core.dataset", "heimdall_core.prompt", "heimdall_core.types")

STAGES: tuple[Stage, ...] = (
    Stage(
        "generate",
        (),
        lambda recipe, registry: {
            "generate": unstructure(recipe.generate),
            "seed": recipe.seed,
            **_read_by_generators(recipe, registry),
        },
        lambda recipe, registry: (
            *(("generator", name) for name in recipe.generate.mix),
            *_languages(recipe, registry),
        ),
        _generate,
        (f"{_STEPS}.generate", f"{_STEPS}.checking", *_ROWS),
    ),
    Stage(
        "validate",
        ("generate",),
        lambda recipe, _: unstructure(recipe.validate),
        _languages,
        _validate,
        _CURATE,
        ("rensa", "numpy", "phonenumbers", "python-stdnum", "detect-secrets"),
    ),
    Stage(
        "correct",
        ("generate", "validate"),
        lambda recipe, registry: {
            "correct": unstructure(recipe.correct),
            "generate": unstructure(recipe.generate),
            "seed": recipe.seed,
            **_read_by_generators(recipe, registry),
        },
        lambda recipe, registry: (
            *(("generator", name) for name in recipe.generate.mix),
            *_languages(recipe, registry),
        ),
        _correct,
        (f"{_STEPS}.generate", f"{_STEPS}.refill", *_CURATE),
        ("rensa", "numpy"),
    ),
    Stage(
        "split",
        ("correct",),
        lambda recipe, _: {"split": unstructure(recipe.split), "seed": recipe.seed},
        _languages,
        _split,
        _CURATE,
        ("rensa", "numpy"),
    ),
    Stage(
        "train",
        ("split",),
        lambda recipe, registry: {
            "train": {
                k: v for k, v in recipe.to_dict(registry)["train"].items() if k not in WATCHING
            },
            "seed": recipe.seed,
        },
        lambda recipe, registry: (("trainer", recipe.train.trainer_name),),
        _train,
        (f"{_STEPS}.train", *_PROMPT),
        ("torch", "transformers", "tokenizers", "peft", "bitsandbytes"),
    ),
    Stage(
        "export",
        ("split", "train"),
        lambda recipe, _: {
            "export": unstructure(recipe.export),
            "name": recipe.name,
            "description": recipe.description,
            "author": recipe.author,
            "licence": recipe.licence,
            "base_model": recipe.train.base_model,
        },
        lambda recipe, registry: tuple(("exporter", name) for name in recipe.export.exporters),
        _export,
        (f"{_STEPS}.export", f"{_STEPS}.release", "heimdall_core.prompt"),
        ("gguf", "llama-cpp-python"),
    ),
    Stage(
        "verify",
        ("split", "train", "export"),
        lambda recipe, _: {
            "verify": unstructure(recipe.verify),
            "max_new_tokens": recipe.evaluate.max_new_tokens,
        },
        lambda recipe, registry: (
            *(("exporter", name) for name in recipe.export.exporters),
            *(("runtime", name) for name in registry.names("runtime")),
        ),
        _verify,
        (f"{_STEPS}.export", *_PROMPT),
        ("torch", "transformers", "tokenizers", "llama-cpp-python"),
    ),
    Stage(
        "evaluate",
        ("generate", "split", "train", "export", "verify"),
        lambda recipe, _: {"evaluate": unstructure(recipe.evaluate), "seed": recipe.seed},
        lambda recipe, registry: (
            *(("evaluator", name) for name in recipe.evaluate.metrics),
            *(("runtime", name) for name in registry.names("runtime")),
            *_languages(recipe, registry),
        ),
        _evaluate,
        (
            f"{_STEPS}.answers",
            f"{_STEPS}.evaluate",
            f"{_STEPS}.models",
            f"{_STEPS}.suite",
            "heimdall_core.pipeline.statistics",
            *_PROMPT,
        ),
        ("torch", "transformers", "llama-cpp-python"),
    ),
)

__all__ = ["STAGES", "Outcome", "Stage", "StageContext", "exported", "metric_dict", "sources_of"]

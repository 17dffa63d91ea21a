"""The stages that make, prove and measure a model: train, export, verify, evaluate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs

from heimdall_core.dataset import read_examples
from heimdall_core.errors import HeimdallError, StageError
from heimdall_core.pipeline.data_stages import schemas_of
from heimdall_core.pipeline.stage import Outcome, StageContext
from heimdall_core.pipeline.steps.answers import AnswerLog, model_digest
from heimdall_core.pipeline.steps.evaluate import (
    evaluate_model,
    spread,
    write_report,
)
from heimdall_core.pipeline.steps.export import export_model, verify_artefact
from heimdall_core.pipeline.steps.hosted import ModelSource
from heimdall_core.pipeline.steps.models import artefact_of, open_model
from heimdall_core.pipeline.steps.release import write_release_notes
from heimdall_core.pipeline.steps.suite import refuse_leaks
from heimdall_core.pipeline.steps.train import train_model
from heimdall_core.pipeline.store import digest_file, write_json
from heimdall_core.structure import structure, unstructure
from heimdall_core.types import Event


def train(context: StageContext) -> Outcome:
    """A model directory from the training rows."""
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
        executor=context.recipe.executor,
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


def export(context: StageContext) -> Outcome:
    """The files of each exporter, with their metadata."""
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


def verify(context: StageContext) -> Outcome:
    """A proof of every exported file against the model that was trained."""
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


def evaluate(context: StageContext) -> Outcome:
    """Every metric of every artefact on every test set; answers are kept as they come."""
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
    failed: dict[str, HeimdallError] = {}
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
                        schemas=schemas_of(context.inputs["generate"]),
                        targets=table.targets,
                        seed=recipe.seed,
                        emit=context.emit,
                        label=label,
                        log=log,
                        source=ModelSource(path, table.runtime),
                    )
                write_report(context.output / name, rows, report)
                failed |= {f"{metric} ({label})": e for metric, e in report.failed.items()}
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
    if failed:
        # The stage is to run again: its figures are not those that the recipe asks for.
        kept = context.work / "metrics.json"
        write_json(kept, {"metrics": metrics, "failed": {k: str(e) for k, e in failed.items()}})
        found = "; ".join(f"{name}: {error}" for name, error in failed.items())
        raise StageError(
            f"not measured to the end: {found}",
            where="evaluate",
            hint=f"the other figures are in {kept}; run again, the answers are kept",
        )
    write_json(context.output / "metrics.json", metrics)
    return Outcome(metrics=metrics, counts=counts)


def _metric_name(metric: str, test_set: str, artefact: str) -> str:
    """`exact_match`; `exact_match/unseen_schemas` on another test set; `exact_match@F16` on
    another file than the headline's."""
    other = test_set.removeprefix("test").strip("_")
    return metric + (f"/{other}" if other else "") + (f"@{artefact}" if artefact else "")

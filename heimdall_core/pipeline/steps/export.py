"""Export, and the proof that what was exported is what was trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from heimdall_core.errors import PluginError
from heimdall_core.pipeline.steps.evaluate import evaluate_model
from heimdall_core.pipeline.steps.generate import known_schemas
from heimdall_core.pipeline.steps.models import open_model
from heimdall_core.registry import Registry
from heimdall_core.types import (
    Artefact,
    Check,
    Event,
    Example,
    ExportContext,
    Json,
    VerifyContext,
)


def export_model(
    registry: Registry,
    exporter: str,
    options: Any,
    *,
    model: Path,
    output: Path,
    metadata: Json,
    examples: Sequence[Example] = (),
    emit: Callable[[Event], None] = lambda event: None,
) -> list[Artefact]:
    """Runs one exporter; returns what it wrote."""
    plugin = registry.exporter(exporter)
    context = ExportContext(
        model=model, output=output, metadata=metadata, examples=examples, emit=emit
    )
    artefacts = list(plugin.export(context, options))
    for artefact in artefacts:
        if not isinstance(artefact, Artefact) or not artefact.path.exists():
            raise PluginError(
                f"reported an artefact that is not there: {artefact}", where=f"exporter {exporter}"
            )
    return artefacts


def verify_artefact(
    registry: Registry,
    exporter: str,
    *,
    model: Path,
    artefact: Path,
    examples: Sequence[Example],
    texts: int,
    answers: int,
    max_new_tokens: int,
    options: Any = None,
    emit: Callable[[Event], None] = lambda event: None,
) -> list[Check]:
    """The proof of one artefact, line by line; empty where its exporter has none."""
    plugin = registry.exporter(exporter)
    if plugin.verify is None:
        return []
    context = VerifyContext(
        model=model,
        artefact=artefact,
        examples=examples,
        texts=texts,
        answers=answers,
        max_new_tokens=max_new_tokens,
        options=options,
        emit=emit,
    )
    return list(plugin.verify(context))


def metric_changes(
    registry: Registry,
    metrics: Sequence[str],
    *,
    model: Path,
    artefact: Path,
    rows: Sequence[Example],
    max_new_tokens: int,
    most_loss: float,
    emit: Callable[[Event], None] = lambda event: None,
) -> list[Check]:
    """Each metric of the exported file beside the model's own; one that is worse by more than
    `most_loss` has not passed."""
    evaluators = {name: registry.evaluator(name).options() for name in metrics}
    values: list[dict[str, float]] = []
    for path in (model, artefact):
        with open_model(registry, path) as loaded:
            report = evaluate_model(
                registry,
                loaded,
                rows,
                evaluators,
                max_new_tokens=max_new_tokens,
                schemas=known_schemas(registry),
                emit=emit,
                label=path.name,
            )
        report.require_all(str(path), "there is nothing to compare")
        values.append({result.metric: result.value.value for result in report.results})
    checks = []
    for name in metrics:
        before, after = values[0][name], values[1][name]
        sign = 1 if registry.evaluator(name).higher_is_better else -1
        checks.append(
            Check(
                f"metric {name}",
                sign * (before - after) <= most_loss,
                f"{after:.4g} beside the model's {before:.4g} on {len(rows)} rows"
                f" ({after - before:+.4g})",
            )
        )
    return checks

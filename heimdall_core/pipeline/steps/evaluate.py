"""Measurement: one model, one test set, any evaluators; answers are generated once for all."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from heimdall_core.dataset import atomic_text
from heimdall_core.errors import HeimdallError, PluginError
from heimdall_core.pipeline.statistics import Metric, summarise
from heimdall_core.pipeline.steps.models import answer_rows
from heimdall_core.registry import Registry
from heimdall_core.types import (
    Completion,
    EvaluateContext,
    Evaluator,
    Event,
    Example,
    Json,
    LoadedModel,
    Measurement,
)


@frozen
class MetricResult:
    """One metric over one test set."""

    metric: str
    value: Metric
    target: float | None
    higher_is_better: bool
    by_category: Mapping[str, Metric]
    measurements: tuple[Measurement, ...]

    @property
    def reached(self) -> bool | None:
        """Whether the target is reached; None without one, or without rows to measure."""
        if self.target is None or not self.value.n:
            return None
        value = self.value.value
        return value >= self.target if self.higher_is_better else value <= self.target

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, without the per-example values."""
        return {
            **metric_dict(self.value),
            "target": self.target,
            "reached": self.reached,
            "higher_is_better": self.higher_is_better,
            "by_category": {k: metric_dict(m) for k, m in self.by_category.items()},
        }


def metric_dict(metric: Metric) -> dict[str, Any]:
    """A metric as JSON; what cannot be computed is null, not NaN (which is not JSON)."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in attrs.asdict(metric).items()
    }


@frozen
class EvaluateReport:
    """Everything measured of one model on one test set."""

    results: tuple[MetricResult, ...]
    completions: tuple[Completion, ...]
    cut_off: int
    """Answers that hit the token limit instead of ending; they are measured as they are."""


def spread(rows: Sequence[Example], most: int) -> list[Example]:
    """At most `most` rows, drawn evenly over the whole file."""
    if len(rows) <= most:
        return list(rows)
    return [rows[i * len(rows) // most] for i in range(most)]


def evaluate_model(
    registry: Registry,
    model: LoadedModel,
    rows: Sequence[Example],
    evaluators: Mapping[str, Any],
    *,
    max_new_tokens: int,
    schemas: Mapping[str, Json] | None = None,
    targets: Mapping[str, float] | None = None,
    seed: int = 0,
    emit: Callable[[Event], None] = lambda event: None,
    label: str = "",
) -> EvaluateReport:
    """Runs evaluators (name → options) on a loaded model.

    Raises `PluginError` with the evaluator's name where one raises or returns something else than
    a measurement per row.
    """
    if not rows:
        raise HeimdallError("there are no rows to evaluate on", where="evaluate")
    plugins = {name: registry.evaluator(name) for name in evaluators}
    completions: list[Completion] = []
    if any("answers" in plugin.needs for plugin in plugins.values()):
        completions = answer_rows(
            model, rows, max_new_tokens=max_new_tokens, emit=emit, label=label
        )
    cut_off = sum(answer.finish != "stop" for answer in completions)
    if cut_off:
        emit(
            Event(
                "warning",
                "evaluate",
                f"{label}: {cut_off} of {len(completions)} answers did not end within "
                f"{max_new_tokens} tokens; they count as they are",
            )
        )
    context = EvaluateContext(
        examples=rows,
        completions=completions,
        model=model,
        language=registry.find_language,
        schemas=schemas or {},
        seed=seed,
    )
    results = []
    for name, options in evaluators.items():
        emit(Event("note", "evaluate", f"{label}: {name}"))
        plugin = plugins[name]
        measurements = _measure(plugin, context, options)
        target = (targets or {}).get(name, plugin.target)
        results.append(_result(plugin, rows, measurements, target, seed))
    return EvaluateReport(tuple(results), tuple(completions), cut_off)


def write_answers(path: Path, rows: Sequence[Example], report: EvaluateReport) -> None:
    """Every question with the right answer, the model's, and each metric's value for it."""
    with atomic_text(path) as file:
        for i, row in enumerate(rows):
            line: dict[str, Any] = {
                "id": row.id or row.content_id(),
                "instruction": row.instruction,
                "input": row.input,
                "expected": row.output,
                "category": row.category,
                "family": row.family,
                "schema": row.schema,
            }
            if report.completions:
                answer = report.completions[i]
                line |= {
                    "answer": answer.text,
                    "tokens": answer.tokens,
                    "finish": answer.finish,
                }
            line["metrics"] = {
                r.metric: {
                    "value": r.measurements[i].value,
                    "weight": r.measurements[i].weight,
                    **r.measurements[i].detail,
                }
                for r in report.results
            }
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _measure(plugin: Evaluator, context: EvaluateContext, options: Any) -> list[Measurement]:
    try:
        measurements = list(plugin.measure(context, options))
    except HeimdallError:
        raise
    except Exception as error:  # a third party's bug: say whose, keep the cause
        raise PluginError(
            f"{type(error).__name__}: {error}", where=f"evaluator {plugin.name}"
        ) from error
    wrong = next((m for m in measurements if not isinstance(m, Measurement)), None)
    if wrong is not None or len(measurements) != len(context.examples):
        raise PluginError(
            f"returned {len(measurements)} measurements for {len(context.examples)} rows"
            if wrong is None
            else f"returned {type(wrong).__name__} instead of Measurement",
            where=f"evaluator {plugin.name}",
        )
    return measurements


def _result(
    plugin: Evaluator,
    rows: Sequence[Example],
    measurements: list[Measurement],
    target: float | None,
    seed: int,
) -> MetricResult:
    groups: dict[str, list[Measurement]] = defaultdict(list)
    for row, measurement in zip(rows, measurements, strict=True):
        groups[row.category or "none"].append(measurement)
    return MetricResult(
        metric=plugin.name,
        value=summarise(measurements, plugin.aggregate, seed=seed),
        target=target,
        higher_is_better=plugin.higher_is_better,
        by_category={
            name: summarise(group, plugin.aggregate, seed=seed, resamples=200)
            for name, group in sorted(groups.items())
        },
        measurements=tuple(measurements),
    )

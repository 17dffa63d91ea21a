"""Measurement: one model, one test set, any evaluators; answers are generated once for all."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs
from attrs import field, frozen

from heimdall_core.dataset.parallel import current_session, ordered_map
from heimdall_core.errors import HeimdallError, PluginError
from heimdall_core.pipeline.statistics import Metric, summarise
from heimdall_core.pipeline.steps.answers import AnswerLog, write_answers
from heimdall_core.pipeline.steps.guard import guarded
from heimdall_core.pipeline.steps.hosted import ModelSource, answers_elsewhere
from heimdall_core.pipeline.steps.models import answer_rows
from heimdall_core.pipeline.steps.suite import suite_of, suite_path, write_suite
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
    by_difficulty: Mapping[str, Metric]
    """By what the row's `meta.difficulty` says, or the language's level, 1 (one clause) to 5."""
    by_context_size: Mapping[str, Metric]
    measurements: tuple[Measurement, ...]
    demanded: bool = False
    """Whether the target was asked for, and is not only the evaluator's own."""

    @property
    def skipped(self) -> dict[str, int]:
        """By reason, the rows that this metric says nothing about; the most frequent first."""
        return skipped_reasons(self.measurements)

    @property
    def lost(self) -> str:
        """What kept rows from being measured that could have been, such as a server that went
        away; '' where nothing did."""
        return next((str(m.detail["lost"]) for m in self.measurements if m.detail.get("lost")), "")

    @property
    def reached(self) -> bool | None:
        """Whether the target is reached; None without one, or without rows to measure, unless
        it was demanded: a gate that nothing was measured for is closed."""
        if self.target is None or (not self.value.n and not self.demanded):
            return None
        value = self.value.value
        return value >= self.target if self.higher_is_better else value <= self.target

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, without the per-example values."""
        return {
            **metric_dict(self.value),
            "target": self.target,
            "reached": self.reached,
            "demanded": self.demanded,
            "higher_is_better": self.higher_is_better,
            "skipped": self.skipped,
            "by_category": {k: metric_dict(m) for k, m in self.by_category.items()},
            "by_difficulty": {k: metric_dict(m) for k, m in self.by_difficulty.items()},
            "by_context_size": {k: metric_dict(m) for k, m in self.by_context_size.items()},
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
    difficulties: tuple[str, ...]
    """Of each row."""
    suite: Mapping[str, Any]
    """What was measured on, and with what."""
    failed: Mapping[str, HeimdallError] = field(factory=dict)
    """Metrics that came to no figures, or not to all, and why; the others are in `results`."""

    def require_all(self, where: str, kept: str) -> None:
        """Raises `HeimdallError` where a metric failed, with what has become of the others."""
        if self.failed:
            raise HeimdallError(
                f"not measured to the end: {_reasons(self.failed)}; {kept}", where=where
            )


def _reasons(failed: Mapping[str, HeimdallError]) -> str:
    return "; ".join(
        line if name in (line := str(error)) else f"{name}: {line}"
        for name, error in failed.items()
    )


#: Reasons that are told apart as they are; more of them are put together by their beginnings.
_MOST_REASONS = 8


def skipped_reasons(measurements: Sequence[Measurement]) -> dict[str, int]:
    """By reason, how many measurements have no weight; the most frequent first. Where there are
    many reasons, what follows a colon, which may differ from row to row, is left out."""
    told = [str(m.detail.get("skipped") or "no reason given") for m in measurements if not m.weight]
    if len(set(told)) > _MOST_REASONS:
        told = [reason.partition(": ")[0] for reason in told]
    return dict(Counter(told).most_common())


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
    log: AnswerLog | None = None,
    source: ModelSource | None = None,
) -> EvaluateReport:
    """Runs evaluators (name → options) on a loaded model. With a `log`, answers are written down as
    they come, and those that stand in it are not asked for again. With its `source`, an executor
    that has machines for it makes the answers.

    An evaluator that cannot start is found before any answer is asked for, and raises. One that
    raises later, or returns something else than a measurement per row, stands in the report's
    `failed`, with its name or that of the runtime whose fault it is: the others are measured.
    """
    if not rows:
        raise HeimdallError("there are no rows to evaluate on", where="evaluate")
    plugins = {name: registry.evaluator(name) for name in evaluators}
    for name, plugin in plugins.items():
        if plugin.ready is not None:
            plugin.ready(evaluators[name])
    # Before the work: an engine that is asked for its version may be gone afterwards.
    suite = suite_of(registry, rows, evaluators, max_new_tokens=max_new_tokens, schemas=schemas)
    model = guarded(registry, model)
    completions: list[Completion] = []
    if any("answers" in plugin.needs for plugin in plugins.values()):
        completions = answer_rows(
            model,
            rows,
            max_new_tokens=max_new_tokens,
            emit=emit,
            label=label,
            log=log,
            elsewhere=answers_elsewhere(registry, source, max_new_tokens),
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
        max_new_tokens=max_new_tokens,
    )
    difficulties = tuple(difficulty(row, registry) for row in rows)
    results = []
    failed: dict[str, HeimdallError] = {}
    for name, options in evaluators.items():
        emit(Event("note", "evaluate", f"{label}: {name}"))
        plugin = plugins[name]
        try:
            measurements = _measure(plugin, context, options, registry)
            result = _result(plugin, rows, difficulties, measurements, targets or {}, seed)
        except HeimdallError as error:
            failed[name] = error
            emit(Event("warning", "evaluate", f"{label}: {name} was not measured: {error}"))
            continue
        if result.lost:
            failed[name] = HeimdallError(result.lost, where=name)
            emit(Event("warning", "evaluate", f"{label}: {name}: {result.lost}"))
        if math.isfinite(result.value.value):
            emit(Event("metric", "evaluate", label, values={name: result.value.value}))
        results.append(result)
    return EvaluateReport(tuple(results), tuple(completions), cut_off, difficulties, suite, failed)


def difficulty(row: Example, registry: Registry) -> str:
    """How hard a row is: what it says itself, or its language's level; '' where none is."""
    own = row.meta.get("difficulty")
    if isinstance(own, str | int) and not isinstance(own, bool):
        return str(own)
    language = registry.find_language(row.language) if row.language else None
    if language is None or language.complexity is None:
        return ""
    try:
        return str(language.complexity(row.output).level)
    except HeimdallError:
        return ""


def write_report(path: Path, rows: Sequence[Example], report: EvaluateReport) -> None:
    """Every answer with its measurements, and the suite beside it."""
    write_answers(
        path,
        rows,
        report.completions,
        {result.metric: result.measurements for result in report.results},
        report.difficulties,
    )
    write_suite(suite_path(path), report.suite)


#: Rows that are measured at a time where they are measured elsewhere.
_PART = 50


def _measure(
    plugin: Evaluator, context: EvaluateContext, options: Any, registry: Registry
) -> list[Measurement]:
    if current_session() is None or not plugin.rowwise or len(context.examples) <= _PART:
        return _measured(plugin, context, options)
    scorer = _Scorer(registry, plugin, options, context.schemas, context.seed)
    parts = (
        (context.examples[at : at + _PART], context.completions[at : at + _PART])
        for at in range(0, len(context.examples), _PART)
    )
    return [each for part in ordered_map(scorer, parts) for each in part]


@frozen
class _Scorer:
    """One metric over some rows. Called in a worker."""

    registry: Registry
    plugin: Evaluator
    options: Any
    schemas: Mapping[str, Json]
    seed: int

    def __call__(self, part: tuple[Sequence[Example], Sequence[Completion]]) -> list[Measurement]:
        context = EvaluateContext(
            examples=part[0],
            completions=part[1],
            model=None,
            language=self.registry.find_language,
            schemas=self.schemas,
            seed=self.seed,
        )
        return _measured(self.plugin, context, self.options)


def _measured(plugin: Evaluator, context: EvaluateContext, options: Any) -> list[Measurement]:
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
    difficulties: Sequence[str],
    measurements: list[Measurement],
    targets: Mapping[str, float],
    seed: int,
) -> MetricResult:
    own = plugin.aggregate
    aggregate = None if own is None else partial(_aggregate, plugin.name, own)

    def by(keys: Sequence[str]) -> dict[str, Metric]:
        groups: dict[str, list[Measurement]] = defaultdict(list)
        for key, measurement in zip(keys, measurements, strict=True):
            groups[key or "none"].append(measurement)
        return {
            name: summarise(group, aggregate, seed=seed, resamples=200)
            for name, group in sorted(groups.items())
        }

    return MetricResult(
        metric=plugin.name,
        value=summarise(measurements, aggregate, seed=seed),
        target=targets.get(plugin.name, plugin.target),
        higher_is_better=plugin.higher_is_better,
        by_category=by([row.category for row in rows]),
        by_difficulty=by(difficulties),
        by_context_size=by([row.context_size for row in rows]),
        measurements=tuple(measurements),
        demanded=plugin.name in targets,
    )


def _aggregate(
    name: str,
    aggregate: Callable[[Sequence[Measurement]], float],
    measurements: Sequence[Measurement],
) -> float:
    try:
        return float(aggregate(measurements))
    except Exception as error:  # a third party's bug: say whose, keep the cause
        raise PluginError(
            f"aggregate: {type(error).__name__}: {error}", where=f"evaluator {name}"
        ) from error


def missed_targets(metrics: Mapping[str, Any]) -> list[str]:
    """A line for each metric that misses its target; `metrics` as `MetricResult.to_dict` gives."""
    return [
        f"{name} was not measured (target {entry['target']:g})"
        if entry["value"] is None or not entry["n"]
        else f"{name} {entry['value']:.4g} (target {entry['target']:g})"
        for name, entry in metrics.items()
        if entry.get("reached") is False
    ]

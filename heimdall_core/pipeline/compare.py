"""Two models on the same rows: is one better, or can't that be told?"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from attrs import frozen

from heimdall_core.errors import HeimdallError
from heimdall_core.pipeline.statistics import weighted_mean
from heimdall_core.pipeline.steps.answers import AnsweredRow, read_answers
from heimdall_core.pipeline.steps.suite import differences, read_suite, suite_path
from heimdall_core.registry import Registry
from heimdall_core.types import Evaluator, Measurement

Verdict = Literal["better", "worse", "can't tell"]
Aggregate = Callable[[Sequence[Measurement]], float]

_RESAMPLES = 2000

#: Rows that must come out differently before anything is said: with five, one in sixteen coins
#: falls on one side five times.
_FEWEST = 6


@frozen
class Comparison:
    """One metric of two models, on the rows that both were asked."""

    metric: str
    first: float
    second: float
    low: float
    high: float
    """95 % interval of `second - first`, from a paired bootstrap."""
    rows: int
    differing: int
    """Rows whose values differ."""
    verdict: Verdict
    """Whether the second is better than the first."""

    @property
    def difference(self) -> float:
        """`second - first`."""
        return self.second - self.first


def paired(
    metric: str,
    first: Sequence[Measurement],
    second: Sequence[Measurement],
    *,
    aggregate: Aggregate | None = None,
    higher_is_better: bool = True,
    seed: int = 0,
    resamples: int = _RESAMPLES,
) -> Comparison:
    """Compares two models row by row: the same rows are drawn for both, so that hard rows are hard
    for both. It can be told which is better where the interval of the difference leaves out zero
    and at least six rows came out differently."""
    reduce = aggregate or weighted_mean
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if a.weight > 0 or b.weight > 0]
    if not pairs:
        nan = float("nan")
        return Comparison(metric, nan, nan, nan, nan, 0, 0, "can't tell")
    one, two = (reduce([pair[side] for pair in pairs]) for side in (0, 1))
    differing = sum(a.value != b.value or a.weight != b.weight for a, b in pairs)
    rng = random.Random(seed)  # noqa: S311 - statistics, not secrets
    estimates = []
    for _ in range(resamples if differing else 0):
        drawn = rng.choices(pairs, k=len(pairs))
        estimates.append(reduce([b for _, b in drawn]) - reduce([a for a, _ in drawn]))
    estimates = sorted(e for e in estimates if e == e) or [two - one]
    low = estimates[int(0.025 * len(estimates))]
    high = estimates[min(int(0.975 * len(estimates)), len(estimates) - 1)]
    verdict: Verdict = "can't tell"
    if differing >= _FEWEST and (low > 0 or high < 0):
        verdict = "better" if (low > 0) == higher_is_better else "worse"
    return Comparison(metric, one, two, low, high, len(pairs), differing, verdict)


def compare_files(
    registry: Registry,
    first: Path,
    second: Path,
    *,
    metrics: Sequence[str] = (),
    seed: int = 0,
    only_rows: bool = False,
) -> list[Comparison]:
    """Compares two answers files, metric by metric. Raises `HeimdallError` where they were not
    measured on the same suite; with `only_rows` that is not looked at (files of one run)."""
    one, two = list(read_answers(first)), list(read_answers(second))
    common = _metrics(one, two, metrics)
    if not only_rows:
        mine, theirs = (read_suite(suite_path(path)) for path in (first, second))
        changed = differences(mine, theirs, common)
        if changed:
            raise HeimdallError(
                f"cannot be compared: {'; '.join(changed)}",
                where=f"{first} and {second}",
                hint="measure both on the same rows with the same evaluators",
            )
    if [row.id for row in one] != [row.id for row in two]:
        raise HeimdallError("hold other rows", where=f"{first} and {second}")
    known = _evaluators(registry, common)
    return [
        paired(
            name,
            [row.measurements[name] for row in one],
            [row.measurements[name] for row in two],
            aggregate=known[name].aggregate if name in known else None,
            higher_is_better=known[name].higher_is_better if name in known else True,
            seed=seed,
        )
        for name in common
    ]


def _metrics(
    one: Sequence[AnsweredRow], two: Sequence[AnsweredRow], wanted: Sequence[str]
) -> list[str]:
    if not one or not two:
        raise HeimdallError("there are no rows to compare")
    both = [name for name in one[0].measurements if name in two[0].measurements]
    for name in wanted:
        if name not in both:
            raise HeimdallError(
                f"'{name}' was not measured in both", hint=f"both have: {', '.join(both) or 'none'}"
            )
    if not both:
        raise HeimdallError("have no metric in common")
    return list(wanted) or both


def _evaluators(registry: Registry, names: Sequence[str]) -> Mapping[str, Evaluator]:
    """The evaluators that are still installed; the others' values are averaged."""
    return {name: registry.evaluator(name) for name in names if name in registry.names("evaluator")}

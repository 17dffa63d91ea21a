"""Aggregates of per-example values, with bootstrap confidence intervals."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from attrs import frozen

from heimdall_core.types import Measurement

#: Resamples behind an interval.
RESAMPLES = 1000


@frozen
class Metric:
    """A figure with its 95 % confidence interval."""

    value: float
    low: float
    high: float
    n: int
    """Examples behind it: those with a weight."""


def weighted_mean(measurements: Sequence[Measurement]) -> float:
    """Σ weight·value / Σ weight; nan where nothing has a weight."""
    total = sum(m.weight for m in measurements)
    if not total:
        return float("nan")
    return sum(m.weight * m.value for m in measurements) / total


def summarise(
    measurements: Sequence[Measurement],
    aggregate: Callable[[Sequence[Measurement]], float] | None = None,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Metric:
    """The aggregate over all examples with a weight, with a percentile-bootstrap interval.

    For plain shares (every value 0 or 1, every weight 1) the Wilson interval is given instead: the
    bootstrap says [1, 1] for 50 right out of 50, and that is not what is known.
    """
    counted = [m for m in measurements if m.weight > 0]
    reduce = aggregate or weighted_mean
    if not counted:
        return Metric(float("nan"), float("nan"), float("nan"), 0)
    value = reduce(counted)
    if aggregate is None and all(m.weight == 1 and m.value in (0, 1) for m in counted):
        low, high = wilson(sum(m.value for m in counted), len(counted))
        return Metric(value, low, high, len(counted))
    rng = random.Random(seed)  # noqa: S311 - statistics, not secrets
    estimates = sorted(reduce(rng.choices(counted, k=len(counted))) for _ in range(resamples))
    low = estimates[int(0.025 * resamples)]
    high = estimates[min(int(0.975 * resamples), resamples - 1)]
    return Metric(value, low, high, len(counted))


def wilson(successes: float, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's 95 % score interval of a share of `n` examples."""
    share = successes / n
    centre = share + z * z / (2 * n)
    spread = z * ((share * (1 - share) + z * z / (4 * n)) / n) ** 0.5
    scale = 1 + z * z / n
    # With all or none the bound is 1 or 0 exactly; the arithmetic misses it by a rounding.
    low = (centre - spread) / scale if successes > 0 else 0.0
    high = (centre + spread) / scale if successes < n else 1.0
    return low, high

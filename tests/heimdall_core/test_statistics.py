"""Aggregates and their intervals."""

from __future__ import annotations

import math

import pytest

from heimdall_core.pipeline.statistics import summarise, weighted_mean, wilson
from heimdall_core.types import Measurement


def test_weights_count() -> None:
    assert weighted_mean([Measurement(1.0, 3.0), Measurement(0.0, 1.0)]) == 0.75
    assert math.isnan(weighted_mean([Measurement(1.0, 0.0)]))


def test_rows_without_weight_are_not_counted() -> None:
    metric = summarise([Measurement(1.0), Measurement(0.0, 0.0)])
    assert (metric.value, metric.n) == (1.0, 1)


def test_all_right_is_not_certainty() -> None:
    metric = summarise([Measurement(1.0)] * 50)
    assert metric.value == 1.0
    assert 0.92 < metric.low < 0.93
    assert metric.high == 1.0


def test_wilson_is_the_textbook_interval() -> None:
    # 81 of 263: 0.2553 to 0.3662 (Newcombe 1998, method 3)
    low, high = wilson(81, 263)
    assert low == pytest.approx(0.2553, abs=5e-5)
    assert high == pytest.approx(0.3662, abs=5e-5)


def test_the_bootstrap_covers_the_mean_and_is_deterministic() -> None:
    values = [Measurement(float(i % 7)) for i in range(200)]
    metric = summarise(values, seed=3)
    assert metric.low < metric.value < metric.high
    assert metric == summarise(values, seed=3)
    # Half-width of a 95 % interval of the mean: 1.96 σ/√n, σ = 2 here.
    assert metric.high - metric.low == pytest.approx(2 * 1.96 * 2 / 200**0.5, rel=0.15)


def test_an_aggregate_of_its_own_is_used_for_the_interval_too() -> None:
    def perplexity(rows):  # type: ignore[no-untyped-def]
        return math.exp(sum(r.value for r in rows) / sum(r.weight for r in rows))

    metric = summarise([Measurement(2.0, 2.0), Measurement(1.0, 1.0)], perplexity)
    assert metric.value == pytest.approx(math.e)
    assert metric.low == pytest.approx(math.e)

"""Which plots the page has, from the report's data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from heimdall_report_html.charts import bars, curves, histogram

Figure = tuple[str, str]
"""Title and SVG."""


def loss_figures(history: Sequence[Mapping[str, Any]]) -> list[Figure]:
    """Loss and learning rate over the steps."""
    found = []
    losses = {
        name: points
        for name, key in (
            ("training", "loss"),
            ("training, mean so far", "train_loss"),
            ("validation", "validation_loss"),
        )
        if (points := _points(history, key))
    }
    if losses:
        found.append(("Loss", curves("Loss over steps", losses, x="step", y="loss")))
    rates = {
        name: points
        for name, key in (
            ("learning rate", "learning_rate"),
            ("of matrices", "matrix_learning_rate"),
        )
        if (points := _points(history, key))
    }
    if rates:
        svg = curves("Learning rate over steps", rates, x="step", y="learning rate")
        found.append(("Learning rate", svg))
    return found


def data_figures(dataset: Mapping[str, Any]) -> list[Figure]:
    """Categories and lengths of the training rows."""
    found = []
    if dataset["categories"]:
        svg = bars("Training rows by category", dataset["categories"], x="rows")
        found.append(("Training rows by category", svg))
    lengths = dataset["lengths"]
    if lengths and lengths["rows"]:
        series = {"prompt": lengths["prompt"], "answer": lengths["answer"]}
        svg = histogram("Lengths of training rows", series, x=lengths["unit"])
        found.append(("Lengths of training rows", svg))
    return found


def failure_figures(failures: Mapping[str, Mapping[str, int]], of: str) -> list[Figure]:
    """Causes of wrong answers, a plot per metric that names them; `of` says whose and where."""
    return [
        (
            f"Why answers are wrong: {metric}, {of}",
            bars(f"Causes by {metric}, {of}", counts, x="answers"),
        )
        for metric, counts in failures.items()
    ]


def latency_figure(latency: Mapping[str, Any] | None) -> str:
    """How long single answers took; '' where none was timed."""
    if latency is None:
        return ""
    series = {"first token": latency["first_token_ms"], "whole answer": latency["whole_ms"]}
    return histogram("Latency of single answers", series, x="milliseconds", limit=("target", 500.0))


def _points(history: Sequence[Mapping[str, Any]], key: str) -> list[tuple[float, float]]:
    return [
        (float(entry["step"]), float(entry[key]))
        for entry in history
        if isinstance(entry.get(key), int | float)
        and math.isfinite(entry[key])
        and isinstance(entry.get("step"), int | float)
    ]

"""Entry point of the plugin."""

from __future__ import annotations

import math
from collections.abc import Iterator

from heimdall_core import Evaluator, hookimpl, lazy
from heimdall_eval_latency.options import LatencyOptions


@hookimpl
def heimdall_evaluators() -> Iterator[Evaluator]:
    yield Evaluator(
        name="latency",
        summary="Median milliseconds from a question to the end of its answer, asked alone.",
        measure=lazy("heimdall_eval_latency.measure:measure"),
        needs=frozenset({"model"}),
        aggregate=lazy("heimdall_eval_latency.measure:median"),
        options=LatencyOptions,
        target=500.0,
        higher_is_better=False,
        bounds=(0.0, math.inf),
    )

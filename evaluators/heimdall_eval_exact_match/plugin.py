"""Entry point of the plugin."""

from __future__ import annotations

from collections.abc import Iterator

from heimdall_core import Evaluator, hookimpl, lazy
from heimdall_eval_exact_match.options import ExactMatchOptions


@hookimpl
def heimdall_evaluators() -> Iterator[Evaluator]:
    yield Evaluator(
        name="exact_match",
        summary="Share of answers that are the right one.",
        measure=lazy("heimdall_eval_exact_match.measure:measure"),
        options=ExactMatchOptions,
        rowwise=True,
        target=0.70,
        bounds=(0.0, 1.0),
    )

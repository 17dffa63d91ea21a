"""Entry point of the plugin."""

from __future__ import annotations

from collections.abc import Iterator

from heimdall_core import Evaluator, hookimpl, lazy
from heimdall_eval_execution.options import ExecutionOptions


@hookimpl
def heimdall_evaluators() -> Iterator[Evaluator]:
    yield Evaluator(
        name="execution",
        summary="Share of answers that return what the reference returns, on a graph with data.",
        measure=lazy("heimdall_eval_execution.measure:measure"),
        options=ExecutionOptions,
        rowwise=True,
        ready=lazy("heimdall_eval_execution.measure:ready"),
        depends=lazy("heimdall_eval_execution.measure:depends"),
        bounds=(0.0, 1.0),
    )

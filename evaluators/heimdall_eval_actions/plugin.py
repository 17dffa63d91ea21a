"""Entry point of the plugin."""

from __future__ import annotations

from collections.abc import Iterator

from heimdall_core import Evaluator, hookimpl, lazy
from heimdall_eval_actions.options import ActionsOptions


@hookimpl
def heimdall_evaluators() -> Iterator[Evaluator]:
    yield Evaluator(
        name="actions",
        summary="Share of the action questions whose answer makes NornicDB do the right thing.",
        measure=lazy("heimdall_eval_actions.measure:measure"),
        options=ActionsOptions,
        rowwise=True,
        bounds=(0.0, 1.0),
    )
    yield Evaluator(
        name="actions_shown",
        summary="Share of all answers that NornicDB's user sees something of.",
        measure=lazy("heimdall_eval_actions.measure:measure_shown"),
        options=ActionsOptions,
        rowwise=True,
        bounds=(0.0, 1.0),
    )

"""Entry point of the plugin: the evaluators `cypher_syntax`, `cypher_semantics` and
`cypher_performance`."""

from __future__ import annotations

from collections.abc import Iterator

from heimdall_core import Evaluator, hookimpl, lazy
from heimdall_eval_cypher.options import CypherOptions

_MEASURE = "heimdall_eval_cypher.measure:measure_"


@hookimpl
def heimdall_evaluators() -> Iterator[Evaluator]:
    yield Evaluator(
        name="cypher_syntax",
        summary="Share of answers that parse as Cypher.",
        measure=lazy(_MEASURE + "syntax"),
        options=CypherOptions,
        rowwise=True,
        target=0.90,
        bounds=(0.0, 1.0),
    )
    yield Evaluator(
        name="cypher_semantics",
        summary="Share of answers without an error, checked against the row's schema.",
        measure=lazy(_MEASURE + "semantics"),
        options=CypherOptions,
        rowwise=True,
        target=0.85,
        bounds=(0.0, 1.0),
    )
    yield Evaluator(
        name="cypher_performance",
        summary="Share of the answers that parse without a performance warning.",
        measure=lazy(_MEASURE + "performance"),
        options=CypherOptions,
        rowwise=True,
        bounds=(0.0, 1.0),
    )

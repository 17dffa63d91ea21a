"""Entry point of the plugin."""

from __future__ import annotations

import math
from collections.abc import Iterator

from heimdall_core import Evaluator, hookimpl, lazy
from heimdall_eval_perplexity.options import PerplexityOptions


@hookimpl
def heimdall_evaluators() -> Iterator[Evaluator]:
    yield Evaluator(
        name="perplexity",
        summary="Perplexity of the right answers, per token.",
        measure=lazy("heimdall_eval_perplexity.measure:measure"),
        needs=frozenset({"model"}),
        aggregate=lazy("heimdall_eval_perplexity.measure:aggregate"),
        options=PerplexityOptions,
        target=10.0,
        higher_is_better=False,
        bounds=(1.0, math.inf),
    )
    yield Evaluator(
        name="perplexity_row",
        summary="Perplexity of whole rows, prompt and answer, per token.",
        measure=lazy("heimdall_eval_perplexity.measure:measure_row"),
        needs=frozenset({"model"}),
        aggregate=lazy("heimdall_eval_perplexity.measure:aggregate"),
        options=PerplexityOptions,
        higher_is_better=False,
        bounds=(1.0, math.inf),
    )

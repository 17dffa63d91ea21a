"""Times answers as a user gets them: one question at a time, streamed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

from heimdall_core.errors import HeimdallError
from heimdall_core.prompt import messages_for, render_prompt
from heimdall_core.types import EvaluateContext, Example, LoadedModel, Measurement
from heimdall_eval_latency.options import LatencyOptions

Clock = Callable[[], float]


def measure(
    context: EvaluateContext,
    options: LatencyOptions | None = None,
    clock: Clock = time.perf_counter,
) -> list[Measurement]:
    """Milliseconds of each whole answer, prompt included. `detail` holds `first_token_ms`, `tokens`
    and `tokens_per_second` (the answer's tokens over the whole time).

    Rows beyond `options.queries` are not asked and have no weight. An empty answer has no
    weight either: it would be the fastest of all.
    """
    options = options or LatencyOptions()
    if context.model is None:
        raise HeimdallError("needs a model to ask", where="latency")
    rows = context.examples
    for row in rows[: options.warmup]:
        _ask(context.model, row, context.max_new_tokens, clock)
    count = min(options.queries, len(rows))
    chosen = {place * len(rows) // count for place in range(count)}
    return [
        _ask(context.model, row, context.max_new_tokens, clock)
        if number in chosen
        else Measurement(0.0, weight=0.0, detail={"skipped": "not timed"})
        for number, row in enumerate(rows)
    ]


def _ask(model: LoadedModel, row: Example, most: int, clock: Clock) -> Measurement:
    prompt = render_prompt(messages_for(row.instruction, row.input, row.system))
    first: list[float] = []
    start = clock()

    def on_text(text: str) -> None:
        if not first:
            first.append(clock())

    (answer,) = model.generate([prompt], max_new_tokens=most, on_text=on_text)
    end = clock()
    if answer.finish == "context" and not answer.tokens:
        return Measurement(0.0, weight=0.0, detail={"skipped": "the prompt leaves no room"})
    if not answer.text.strip():
        # A model that says nothing is not a fast one.
        return Measurement(0.0, weight=0.0, detail={"skipped": "the answer is empty"})
    whole = end - start
    return Measurement(
        1000 * whole,
        detail={
            "first_token_ms": 1000 * ((first[0] if first else end) - start),
            "tokens": answer.tokens,
            "tokens_per_second": answer.tokens / whole if whole > 0 else 0.0,
        },
    )


def median(measurements: Sequence[Measurement]) -> float:
    """The median of what was timed; nan where nothing was. The mean would be that of the longest
    answer."""
    timed = [each.value for each in measurements if each.weight]
    return statistics.median(timed) if timed else float("nan")

"""Perplexity of the right answers, from the log-probabilities that a model gives their tokens."""

from __future__ import annotations

import math
from collections.abc import Sequence

from heimdall_core.errors import HeimdallError
from heimdall_core.prompt import RenderedExample, render_example
from heimdall_core.types import EvaluateContext, LoadedModel, Measurement, NoOptions


def measure(context: EvaluateContext, options: NoOptions | None = None) -> list[Measurement]:
    """The perplexity of each row's right answer, its end token included; the prompt is given and
    not scored. The weight is the number of tokens.

    Raises `HeimdallError` without a model, and for a row that is longer than its context.
    """
    if context.model is None:
        raise HeimdallError("needs a model that can score", where="perplexity")
    rows = [
        render_example(row.instruction, row.input, row.output, row.system)
        for row in context.examples
    ]
    try:
        scores = context.model.score([(row.prompt, row.answer) for row in rows])
    except HeimdallError:
        # The model counts pairs; the user knows rows.
        for example, rendered in zip(context.examples, rows, strict=True):
            _check_length(context.model, rendered, example.id or example.content_id())
        raise
    return [of_row(score.log_probs) for score in scores]


def of_row(log_probs: Sequence[float]) -> Measurement:
    """exp of the mean surprise, in nats, of one answer's tokens."""
    total = math.fsum(log_probs)
    return Measurement(
        value=_exp(-total / len(log_probs)),
        weight=float(len(log_probs)),
        detail={"log_prob": total, "tokens": len(log_probs)},
    )


def aggregate(measurements: Sequence[Measurement]) -> float:
    """exp(-Σ log p / tokens) over all tokens of all answers; nan where there are none.

    This is not the mean of the rows' perplexities, in which one bad short row would outweigh
    many good long ones.
    """
    tokens = math.fsum(m.weight for m in measurements)
    if not tokens:
        return math.nan
    return _exp(-math.fsum(m.detail["log_prob"] for m in measurements) / tokens)


def _exp(surprise: float) -> float:
    """exp that says infinite where a float cannot hold it: a token of probability 0."""
    return math.exp(surprise) if surprise < 700 else math.inf


def _check_length(model: LoadedModel, row: RenderedExample, name: str) -> None:
    tokens = len(model.tokenize(row.prompt)) + len(model.tokenize(row.answer))
    if tokens > model.context_size:
        raise HeimdallError(
            f"row {name} has {tokens} tokens, the model's context {model.context_size}",
            where="perplexity",
            hint="leave the row out, or load the model with a longer context",
        )

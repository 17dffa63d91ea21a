"""Perplexity of rows, from the log-probabilities that a model gives their tokens."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

from heimdall_core.errors import HeimdallError
from heimdall_core.prompt import IM_START, RenderedExample, render_example
from heimdall_core.types import (
    EvaluateContext,
    Example,
    LoadedModel,
    Measurement,
    TokenScores,
)
from heimdall_eval_perplexity.options import PerplexityOptions

#: A rendered prompt and the text that is scored after it.
Pair = tuple[str, str]


def measure(
    context: EvaluateContext, options: PerplexityOptions | None = None
) -> list[Measurement]:
    """The perplexity of each row's right answer, its end token included; the prompt is given and
    not scored. The weight is the number of tokens.

    A row longer than the model's context is scored in windows, where the runtime can do that.
    Raises `HeimdallError` without a model, and for such a row on another runtime.
    """
    model, rendered = _start(context, "perplexity")
    scores = _answer_scores(model, rendered, context.examples, options)
    return [of_row(score.log_probs) for score in scores]


def measure_row(
    context: EvaluateContext, options: PerplexityOptions | None = None
) -> list[Measurement]:
    """The perplexity of each whole row: every token after the first, prompt and answer, tokenised
    apart as in training."""
    model, rendered = _start(context, "perplexity_row")
    prompts = [(IM_START, row.prompt.removeprefix(IM_START)) for row in rendered]
    before = _score(model, prompts, context.examples, options)
    answers = _answer_scores(model, rendered, context.examples, options)
    pairs = zip(before, answers, strict=True)
    return [of_row((*prompt.log_probs, *answer.log_probs)) for prompt, answer in pairs]


def of_row(log_probs: Sequence[float]) -> Measurement:
    """exp of the mean surprise, in nats, of one row's tokens."""
    total = math.fsum(log_probs)
    return Measurement(
        value=_exp(-total / len(log_probs)),
        weight=float(len(log_probs)),
        detail={"log_prob": total, "tokens": len(log_probs)},
    )


def aggregate(measurements: Sequence[Measurement]) -> float:
    """exp(-Σ log p / tokens) over all tokens of all rows; nan where there are none.

    This is not the mean of the rows' perplexities, in which one bad short row would outweigh
    many good long ones.
    """
    tokens = math.fsum(m.weight for m in measurements)
    if not tokens:
        return math.nan
    return _exp(-math.fsum(m.detail["log_prob"] for m in measurements) / tokens)


def _start(context: EvaluateContext, where: str) -> tuple[LoadedModel, list[RenderedExample]]:
    if context.model is None:
        raise HeimdallError("needs a model that can score", where=where)
    rendered = [
        render_example(row.instruction, row.input, row.output, row.system)
        for row in context.examples
    ]
    return context.model, rendered


#: Of each model, what it said of the answers last: both metrics need the same.
_SCORED: WeakKeyDictionary[LoadedModel, tuple[Any, list[TokenScores]]] = WeakKeyDictionary()


def _answer_scores(
    model: LoadedModel,
    rendered: Sequence[RenderedExample],
    examples: Sequence[Example],
    options: PerplexityOptions | None,
) -> list[TokenScores]:
    """The scores of the answers after their prompts; asked for once for both metrics."""
    pairs = [(row.prompt, row.answer) for row in rendered]
    key = (pairs, (options or PerplexityOptions()).overlap)
    known = None
    with suppress(TypeError):  # a model that no dictionary takes
        known = _SCORED.get(model)
    if known is not None and known[0] == key:
        return known[1]
    found = _score(model, pairs, examples, options)
    with suppress(TypeError):
        _SCORED[model] = key, found
    return found


def _score(
    model: LoadedModel,
    pairs: Sequence[Pair],
    examples: Sequence[Example],
    options: PerplexityOptions | None,
) -> list[TokenScores]:
    windowed: Any = getattr(model, "score_long", None)
    if windowed is not None:
        found: list[TokenScores] = windowed(pairs, (options or PerplexityOptions()).overlap)
        return found
    try:
        return model.score(pairs)
    except HeimdallError:
        # The model counts pairs; the user knows rows.
        for example, pair in zip(examples, pairs, strict=True):
            _check_length(model, pair, example.id or example.content_id())
        raise


def _exp(surprise: float) -> float:
    """exp that says infinite where a float cannot hold it: a token of probability 0."""
    return math.exp(surprise) if surprise < 700 else math.inf


def _check_length(model: LoadedModel, pair: Pair, name: str) -> None:
    tokens = len(model.tokenize(pair[0])) + len(model.tokenize(pair[1]))
    if tokens > model.context_size:
        raise HeimdallError(
            f"row {name} has {tokens} tokens, the model's context {model.context_size}",
            where="perplexity",
            hint="leave the row out, or load the model with a longer context",
        )

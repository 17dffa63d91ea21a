"""Picks each answer's next token from its logits: the likeliest one, or a sample."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from heimdall_core.errors import ModelError
from heimdall_run_llamacpp.grammar import GrammarState

#: Picks a token from the logits (V,) of one answer.
Picker = Callable[[npt.NDArray[np.float32]], int]


def greedy(logits: npt.NDArray[np.float32]) -> int:
    """The likeliest token; the lowest id among equals."""
    return int(logits.argmax())


def sampler(temperature: float, seed: int, row: int) -> Picker:
    """Samples from the softmax at `temperature`. Each row has a random stream of its own, so an
    answer does not depend on what it was batched with."""
    stream = np.random.default_rng([seed, row])

    def pick(logits: npt.NDArray[np.float32]) -> int:
        scaled = logits.astype(np.float64) / temperature
        chances = np.exp(scaled - scaled.max()).cumsum()
        return int(chances.searchsorted(stream.random() * chances[-1], side="right"))

    return pick


def constrained(pick: Picker, grammar: GrammarState) -> Picker:
    """`pick` among the tokens that a grammar allows; the grammar follows each choice.

    Raises `ModelError` where it allows none, the end of the answer included.
    """

    def pick_allowed(logits: npt.NDArray[np.float32]) -> int:
        # Nearly always the likeliest is allowed, and one candidate is quicker to test than V.
        token = greedy(logits)
        if pick is not greedy or not grammar.allows(token):
            masked = grammar.mask(logits)
            if not np.isfinite(masked).any():
                raise ModelError("the grammar allows no token of the model's vocabulary here")
            token = pick(masked)
        grammar.accept(token)
        return token

    return pick_allowed

"""The copy drill: before the first row, random tokens followed by themselves.

A query is in large part copied from its question: names, values, numbers. A network learns to copy
("look for where the last token stood before, and say what followed it") late and at a jump when it
sees rows alone, and in about a hundred steps when it sees nothing else: then the rows only have to
teach what to copy. Learning to repeat random tokens first is known from work on induction heads
(Olsson and others, 2022).
"""

from __future__ import annotations

import numpy as np

from heimdall_core.prompt import SPECIAL_TOKENS
from heimdall_run_transformers.encode import EncodedRow

#: Tokens of the half that is repeated.
HALF = 16


def drill_rows(step: int, *, seed: int, rows: int, vocabulary: int) -> list[EncodedRow]:
    """`rows` sequences of `2 * HALF` tokens for drill step `step`; the loss covers the second
    half but its first token, which nothing foretells. The same arguments give the same rows."""
    random = np.random.default_rng([seed, step, HALF])
    halves = random.integers(len(SPECIAL_TOKENS), vocabulary, size=(rows, HALF), dtype=np.int64)
    return [_row(half) for half in halves]


def _row(half: np.ndarray[tuple[int], np.dtype[np.int64]]) -> EncodedRow:
    tokens = np.concatenate([half, half]).astype(np.int32)
    return EncodedRow(tokens, prompt_length=HALF + 1)

"""Scoring texts that are longer than a model's context: in windows that overlap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Ids = Sequence[int]


def windows(prompt: Ids, answer: Ids, size: int, overlap: int) -> Iterator[tuple[Ids, Ids]]:
    """Pieces `(given, scored)` of at most `size` tokens together, in order: each token of `answer`
    is scored in exactly one of them, given the `overlap` tokens before it or more (or all there
    are). A pair that fits is one piece.

    Needs a prompt, and `0 < overlap < size`.
    """
    if not prompt or not 0 < overlap < size:
        raise ValueError(f"prompt of {len(prompt)} tokens, overlap {overlap}, size {size}")
    ids = [*prompt, *answer]
    if len(ids) <= size:
        yield prompt, answer
        return
    at = len(prompt)
    while at < len(ids):
        start = max(0, at - overlap)
        end = min(len(ids), start + size)
        yield ids[start:at], ids[at:end]
        at = end

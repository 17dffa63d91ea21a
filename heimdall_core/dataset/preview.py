"""Rows as the model will see them: the rendered prompt, its tokens, which of them are trained, and
where the answer ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from heimdall_core.dataset.io import BadLine
from heimdall_core.dataset.lengths import load_tokenizer
from heimdall_core.dataset.rows import trainable_rows
from heimdall_core.prompt import RenderedExample


@frozen
class PreviewedToken:
    """One token of a row."""

    id: int
    text: str
    """The piece of the text that it stands for; its own name where that is no whole character."""
    trained: bool
    """Whether the loss covers it."""
    beyond: bool
    """Whether it lies beyond `max_seq_length`: a trainer would not take it."""


@frozen
class PreviewedRow:
    """One row as the model sees it."""

    line: int
    category: str
    prompt: str
    answer: str
    """With the marker that ends it: the last thing a model is trained to emit."""
    tokens: tuple[PreviewedToken, ...] = ()
    """Empty where no tokenizer was named."""

    @property
    def trained(self) -> int:
        """Tokens that are trained and not beyond the limit."""
        return sum(token.trained and not token.beyond for token in self.tokens)

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON."""
        return {**attrs.asdict(self), "trained": self.trained}


def preview_rows(
    path: Path,
    *,
    rows: int = 3,
    first: int = 1,
    tokenizer: str = "",
    max_seq_length: int = 0,
) -> tuple[list[PreviewedRow], list[BadLine]]:
    """The first rows from line `first` on, and the bad lines that stand among them.

    Raises `DatasetError` for a dataset or a tokenizer that cannot be read."""
    found: list[PreviewedRow] = []
    bad: list[BadLine] = []
    rust = load_tokenizer(tokenizer) if tokenizer else None
    for line, row, seen in trainable_rows(path, bad.append):
        if line < first:
            continue
        tokens = _tokens(rust, seen, max_seq_length) if rust is not None else ()
        found.append(PreviewedRow(line, row.category, seen.prompt, seen.answer, tokens))
        if len(found) == rows:
            break
    return found, [each for each in bad if each.line >= first]


def _tokens(rust: Any, seen: RenderedExample, limit: int) -> tuple[PreviewedToken, ...]:
    # Apart, as they are for training.
    prompt = rust.encode(seen.prompt)
    answer = rust.encode(seen.answer, add_special_tokens=False)
    tokens: list[PreviewedToken] = []
    for text, encoding, trained in ((seen.prompt, prompt, False), (seen.answer, answer, True)):
        end = 0
        for token, name, (start, stop) in zip(
            encoding.ids, encoding.tokens, encoding.offsets, strict=True
        ):
            # White space before a token belongs to none of the offsets of some tokenizers.
            piece = text[min(start, end) if start >= end else start : stop] or name
            end = max(end, stop)
            beyond = 0 < limit <= len(tokens)
            tokens.append(PreviewedToken(token, piece, trained, beyond))
    return tuple(tokens)

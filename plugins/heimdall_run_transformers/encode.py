"""Rows as token ids: the prompt masked out of the loss, the answer with its end token trained.

row     {"instruction": "count the authors", "output": "MATCH (a:Author) RETURN count(a)"}
text    <|im_start|>user\\ncount the authors<|im_end|>\\n<|im_start|>assistant\\n
        MATCH (a:Author) RETURN count(a)<|im_end|>
loss    on the second line alone
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
from attrs import frozen
from tokenizers import Tokenizer

from heimdall_core.dataset.io import read_examples
from heimdall_core.errors import DatasetError, ModelError, PromptError
from heimdall_core.prompt import RenderedExample, render_example
from heimdall_core.types import Example

#: Rows that are handed to the Rust tokenizer at once: enough to keep its threads busy.
_CHUNK = 2048


@frozen(eq=False)
class EncodedRow:
    """One row as the model sees it."""

    tokens: npt.NDArray[np.int32]
    """(T,) prompt and answer."""
    prompt_length: int
    """Tokens before the answer; `tokens[prompt_length:]` is trained."""
    task: int = 0
    """Number of the row's task among the tasks of its data."""

    @property
    def trained(self) -> int:
        """Tokens that the loss covers."""
        return len(self.tokens) - self.prompt_length


def lengths_of(rows: Sequence[EncodedRow]) -> npt.NDArray[np.int64]:
    """(N,) tokens of each row; without making the rows, where they lie in a cache."""
    known = getattr(rows, "lengths", None)
    if known is not None:
        return np.asarray(known, dtype=np.int64)
    return np.asarray([len(row.tokens) for row in rows], dtype=np.int64)


@frozen
class EncodedRows:
    """The rows of one file that can be trained on, and how many could not."""

    rows: Sequence[EncodedRow]
    too_long: int = 0
    """Rows longer than the limit. They are left out: a cut answer teaches to stop early."""
    tasks: tuple[str, ...] = ("",)
    """Names of the rows' tasks, by number."""

    @property
    def tokens(self) -> int:
        return int(lengths_of(self.rows).sum())

    @property
    def trained_tokens(self) -> int:
        return sum(row.trained for row in self.rows)


def read_rendered(path: Path) -> list[RenderedExample]:
    """The rows of a JSONL file as training text.

    Raises `DatasetError` for a bad line and for a file without rows, `PromptError` for a row
    whose text holds a control marker.
    """
    rendered = [text for _, text in rendered_rows(path)]
    if not rendered:
        raise DatasetError("the file has no rows", where=str(path))
    return rendered


def rendered_rows(path: Path) -> Iterator[tuple[Example, RenderedExample]]:
    """The rows of a JSONL file, each with its training text, as they are read; raises as
    `read_rendered` does, but for a file without rows."""
    for number, row in enumerate(read_examples(path), 1):
        try:
            text = render_example(row.instruction, row.input, row.output, row.system)
        except PromptError as error:
            raise PromptError(
                error.message, where=f"{path}: row {number} ({row.id})", hint=error.hint
            ) from error
        yield row, text


def encode_rows(
    rust: Tokenizer,
    rendered: Iterable[RenderedExample],
    *,
    max_length: int,
    max_share_too_long: float,
    where: str,
) -> EncodedRows:
    """Tokenises rows and leaves out those of more than `max_length` tokens.

    Prompt and answer are tokenised apart: when the model answers it is given the prompt's tokens
    alone, and they must be those of its training.

    Raises `ModelError` where more than `max_share_too_long` (0 to 1) of the rows are left out, and
    where none remains.
    """
    rows = [EncodedRow(tokens, prompt) for tokens, prompt in encode_texts(rust, rendered)]
    lengths = lengths_of(rows)
    kept = within_length(lengths, max_length, max_share_too_long, where)
    return EncodedRows(tuple(rows[index] for index in kept), len(rows) - len(kept))


def encode_texts(
    rust: Tokenizer, rendered: Iterable[RenderedExample]
) -> Iterator[tuple[npt.NDArray[np.int32], int]]:
    """Token ids of each row, and how many of them are the prompt's. Thousands of rows at a time go
    to the Rust tokenizer, which takes them on all cores."""
    for chunk in _chunks(rendered):
        prompts = rust.encode_batch_fast([row.prompt for row in chunk])
        answers = rust.encode_batch_fast([row.answer for row in chunk], add_special_tokens=False)
        for prompt, answer in zip(prompts, answers, strict=True):
            ids = prompt.ids
            yield np.array(ids + answer.ids, dtype=np.int32), len(ids)


def within_length(
    lengths: npt.NDArray[np.int64], max_length: int, max_share_too_long: float, where: str
) -> npt.NDArray[np.int64]:
    """Numbers of the rows of at most `max_length` tokens.

    Raises `ModelError` where more than `max_share_too_long` (0 to 1) of the rows are longer, and
    where none is left.
    """
    kept = np.flatnonzero(lengths <= max_length)
    total, too_long = len(lengths), len(lengths) - len(kept)
    if too_long > max_share_too_long * total or not len(kept):
        raise ModelError(
            f"{too_long} of {total} rows are longer than max_seq_length = {max_length} tokens "
            f"(the longest has {lengths.max(initial=0)})",
            where=where,
            hint="raise max_seq_length, shorten the rows, or allow a share with max_truncated",
        )
    return kept


def _chunks(rendered: Iterable[RenderedExample]) -> Iterator[list[RenderedExample]]:
    source = iter(rendered)
    while chunk := list(islice(source, _CHUNK)):
        yield chunk

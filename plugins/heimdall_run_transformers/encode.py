"""Rows as token ids: the prompt masked out of the loss, the answer with its end token trained.

row     {"instruction": "count the authors", "output": "MATCH (a:Author) RETURN count(a)"}
text    <|im_start|>user\\ncount the authors<|im_end|>\\n<|im_start|>assistant\\n
        MATCH (a:Author) RETURN count(a)<|im_end|>
loss    on the second line alone
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
from attrs import frozen
from tokenizers import Tokenizer

from heimdall_core.dataset.io import read_examples
from heimdall_core.errors import DatasetError, ModelError, PromptError
from heimdall_core.prompt import RenderedExample, render_example

#: Rows that are handed to the Rust tokenizer at once: enough to keep its threads busy.
_CHUNK = 2048


@frozen(eq=False)
class EncodedRow:
    """One row as the model sees it."""

    tokens: npt.NDArray[np.int32]
    """(T,) prompt and answer."""
    prompt_length: int
    """Tokens before the answer; `tokens[prompt_length:]` is trained."""

    @property
    def trained(self) -> int:
        """Tokens that the loss covers."""
        return len(self.tokens) - self.prompt_length


@frozen
class EncodedRows:
    """The rows of one file that can be trained on, and how many could not."""

    rows: tuple[EncodedRow, ...]
    too_long: int = 0
    """Rows longer than the limit. They are left out: a cut answer teaches to stop early."""

    @property
    def tokens(self) -> int:
        return sum(len(row.tokens) for row in self.rows)

    @property
    def trained_tokens(self) -> int:
        return sum(row.trained for row in self.rows)


def read_rendered(path: Path) -> list[RenderedExample]:
    """The rows of a JSONL file as training text.

    Raises `DatasetError` for a bad line and for a file without rows, `PromptError` for a row
    whose text holds a control marker.
    """
    rendered = []
    for number, row in enumerate(read_examples(path), 1):
        try:
            rendered.append(render_example(row.instruction, row.input, row.output, row.system))
        except PromptError as error:
            raise PromptError(
                error.message, where=f"{path}: row {number} ({row.id})", hint=error.hint
            ) from error
    if not rendered:
        raise DatasetError("the file has no rows", where=str(path))
    return rendered


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
    rows: list[EncodedRow] = []
    longest = too_long = 0
    for chunk in _chunks(rendered):
        prompts = rust.encode_batch_fast([row.prompt for row in chunk])
        answers = rust.encode_batch_fast([row.answer for row in chunk], add_special_tokens=False)
        for prompt, answer in zip(prompts, answers, strict=True):
            tokens = np.array([*prompt.ids, *answer.ids], dtype=np.int32)
            longest = max(longest, len(tokens))
            if len(tokens) > max_length:
                too_long += 1
            else:
                rows.append(EncodedRow(tokens, len(prompt.ids)))
    total = len(rows) + too_long
    if too_long > max_share_too_long * total or not rows:
        raise ModelError(
            f"{too_long} of {total} rows are longer than max_seq_length = {max_length} tokens "
            f"(the longest has {longest})",
            where=where,
            hint="raise max_seq_length, shorten the rows, or allow a share with max_truncated",
        )
    return EncodedRows(tuple(rows), too_long)


def _chunks(rendered: Iterable[RenderedExample]) -> Iterator[list[RenderedExample]]:
    source = iter(rendered)
    while chunk := list(islice(source, _CHUNK)):
        yield chunk

"""Rows as the model sees them, and what makes two of them "the same".

Everything is compared on the rendered prompt and answer, not on the fields: rows whose fields
differ and whose rendering does not are one row to the model.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

from heimdall_core.dataset.formats import Block, blocks
from heimdall_core.dataset.io import BadLine, rows_of
from heimdall_core.dataset.spill import Partitions
from heimdall_core.errors import PromptError
from heimdall_core.prompt import IM_END, RenderedExample, render_example
from heimdall_core.types import Example

#: Spacing, sentence punctuation and quotes of all shapes.
_FILLING = re.compile(r"[\s.,;:!?\"'`\u00b4\u2018\u2019\u201c\u201d]+")
_LITERAL = re.compile(r"'[^']*'|\"[^\"]*\"|\d+")


def trainable_rows(
    path: Path, on_bad: Callable[[BadLine], None]
) -> Iterator[tuple[int, Example, RenderedExample]]:
    """Streams (line number, row, its rendering). A row that the prompt contract refuses is a bad
    line, like one that cannot be read: neither can be trained on."""
    for block in blocks(path):
        yield from seen_rows(block, on_bad)


def seen_rows(
    block: Block, on_bad: Callable[[BadLine], None]
) -> Iterator[tuple[int, Example, RenderedExample]]:
    """`trainable_rows` of one block."""
    for line, row in rows_of(block, on_bad):
        try:
            seen = render_example(row.instruction, row.input, row.output, row.system)
        except PromptError as error:
            on_bad(BadLine(block.path, line, str(error), block.place(line)))
            continue
        if "\0" in seen.prompt or "\0" in seen.answer:
            # Servers in C end a text there.
            reason = "the text holds a NUL character"
            on_bad(BadLine(block.path, line, reason, block.place(line)))
            continue
        yield line, row, seen


def digest(text: str) -> bytes:
    """15 bytes: 120 bits, in the smallest Python object that holds more than 64."""
    return hashlib.blake2b(text.encode(), digest_size=15).digest()


def short_digest(text: str) -> int:
    """64 bits, for `array('Q')`; where a collision can do little harm."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


def answer_digest(seen: RenderedExample) -> int:
    """64 bits of the answer, without the white space around it. Compared within one prompt."""
    return short_digest(seen.answer.removesuffix(IM_END).strip())


def loosen(text: str) -> str:
    """A text without its case, spacing, punctuation and Unicode variants. Two prompts that are
    equal then are the same question to anyone, so no split may part them."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return _FILLING.sub(" ", text.casefold()).strip()


def skeleton(answer: str) -> str:
    """An answer without its quoted texts and numbers: stands in for a template family where a
    row names none."""
    return _LITERAL.sub("_", answer)


def excerpt(text: str, width: int = 80) -> str:
    """The text on one line, cut to `width` characters."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"


class Repeats:
    """Finds rows that show the model one prompt: duplicates where the answers are equal, and
    contradictions where they are not. Keeps 32 bytes a row, on the disk where they are many."""

    def __init__(self, folder: Path | None = None) -> None:
        self._records = Partitions(folder)
        self.prompts = 0
        """How many different prompts there are; known after `groups`."""

    def add(self, row: int, prompt: bytes, answer: int) -> None:
        """Takes row number `row`; numbers rise, and may skip."""
        self._records.add(prompt, answer, row)

    def groups(self) -> Iterator[list[list[int]]]:
        """For each prompt of several rows: its rows by answer, both in order of appearance.
        A list of more than one row holds duplicates; more than one list is a contradiction."""
        self.prompts = 0
        for records in self._records:
            first: dict[bytes, tuple[int, int]] = {}
            more: dict[bytes, dict[int, list[int]]] = {}
            for prompt, answer, row in records:
                before = first.setdefault(prompt, (answer, row))
                if before != (answer, row):
                    answers = more.setdefault(prompt, {before[0]: [before[1]]})
                    answers.setdefault(answer, []).append(row)
            self.prompts += len(first)
            yield from (list(answers.values()) for answers in more.values())

"""The second reading of a correction: each block's rows into those that stay and those that go."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import attrs
from attrs import frozen

from heimdall_core.dataset.checks import AnswerChecker
from heimdall_core.dataset.curate import BlockDecisions
from heimdall_core.dataset.formats import Block
from heimdall_core.dataset.io import BadLine, dump_example
from heimdall_core.dataset.rows import seen_rows
from heimdall_core.prompt import RenderedExample
from heimdall_core.types import Example


@frozen
class SortedOut:
    """One block as JSON lines: its rows that stay, and the list of what goes."""

    rows: str
    removals: str
    changed: bool
    """Whether a line goes or a row is marked."""
    done: int


class BlockWriter:
    """Sorts a block's rows out by decisions that were made before. Called in a worker."""

    def __init__(self, checker: AnswerChecker, about: Mapping[str, str], *, md5: bool) -> None:
        self.checker, self.about, self.md5 = checker, about, md5

    def __call__(self, part: tuple[BlockDecisions, Block]) -> SortedOut:
        decisions, block = part
        rows: list[str] = []
        removals: list[str] = []
        marked = False
        source = seen_rows(
            block, lambda bad: removals.append(self._entry(block, bad.line, "format", bad))
        )
        # `range` ends it: a file that has grown meanwhile is told by the caller. It comes second,
        # so that the bad lines after the last row are read.
        indices = range(len(decisions.gone))
        for (line, row, seen), index in zip(source, indices, strict=False):
            if decisions.gone[index]:
                where = f"{block.path}:{line}{block.place(line)}"
                reason, detail = decisions.removal(index, row, where, self.checker)
                removals.append(self._entry(block, line, reason, detail, row, seen))
                continue
            kept = _marked(row, decisions.checked_with(index))
            marked |= kept is not row
            rows.append(dump_example(kept) + "\n")
        return SortedOut("".join(rows), "".join(removals), marked or bool(removals), block.done)

    def _entry(
        self,
        block: Block,
        line: int,
        reason: str,
        detail: str | BadLine,
        row: Example | None = None,
        seen: RenderedExample | None = None,
    ) -> str:
        entry: dict[str, object] = {**self.about, "line": line, "reason": reason}
        if block.shard:
            entry |= {"shard": block.shard, "shard_line": line - block.before}
        entry["detail"] = detail.reason if isinstance(detail, BadLine) else detail
        if row:
            entry |= {"id": row.id, "category": row.category}
        if seen and self.md5:
            text = (seen.prompt + seen.answer).encode()
            entry["md5"] = hashlib.md5(text, usedforsecurity=False).hexdigest()
        return json.dumps(entry, ensure_ascii=False) + "\n"


def _marked(row: Example, language: str) -> Example:
    mark = f"{language}:checked"
    if not language or mark in row.verification:
        return row
    return attrs.evolve(row, verification=(*row.verification, mark))

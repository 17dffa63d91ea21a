"""Which rows teach the same: equal answers, or answers of one canonical form.

The canonical form of a query costs more than all else that is done with a row, so it is made only
of the rows that something else has brought together.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from heimdall_core.dataset import formats
from heimdall_core.dataset.checks import AnswerChecker
from heimdall_core.dataset.formats import Block
from heimdall_core.dataset.io import rows_of
from heimdall_core.dataset.parallel import ordered_map
from heimdall_core.dataset.rows import short_digest
from heimdall_core.dataset.scan import Emit
from heimdall_core.dataset.spill import Column
from heimdall_core.types import Event


class Sameness:
    """Canonical forms of the rows of one dataset, as 64-bit digests, made when asked for."""

    def __init__(
        self,
        path: Path,
        checker: AnswerChecker,
        lines: Column,
        answers: Column,
        *,
        forms: bool = True,
        made: dict[int, int] | None = None,
        workers: int = 0,
        emit: Emit = lambda event: None,
    ) -> None:
        self.path, self.checker = path, checker
        self.lines, self.answers = lines, answers
        self.forms, self.workers, self.emit = forms, workers, emit
        self._made_before = {} if made is None else made
        """Forms by the digest of the answer; shared by those who look at the same rows again."""
        self._known: dict[int, int] = {}
        self._prose: set[int] = set()

    def pairs(self, earlier: Any, later: Any) -> Any:
        """Of pairs of rows, which have the same answer; on arrays of numpy."""
        import numpy as np

        answers = np.frombuffer(self.answers.values(), np.uint64)
        same = answers[earlier] == answers[later]
        open_ones = np.flatnonzero(~same)
        if self.forms and len(open_ones):
            wanted = np.unique(np.concatenate([earlier[open_ones], later[open_ones]]))
            self.learn(wanted.tolist())
            same[open_ones] = [
                self.lesson(a) == self.lesson(b)
                for a, b in zip(earlier[open_ones].tolist(), later[open_ones].tolist(), strict=True)
            ]
        return same

    def different(self, rows: Sequence[int]) -> int:
        """How many different answers these rows have. With forms, they must have been learnt."""
        return len({self._known[row] for row in rows}) if self.forms else len(rows)

    def of(self, row: int) -> int:
        """The digest of a row that was learnt."""
        return self._known[row]

    def lesson(self, row: int) -> int:
        """What near rows must share: the digest of a query, and nothing more where the answer is
        prose, which was compared as text already."""
        return 0 if row in self._prose else self._known[row]

    def learn(self, rows: Collection[int]) -> None:
        """Makes the canonical forms of these rows, in one reading of the dataset."""
        answers = self.answers.values()
        wanted = []
        for row in set(rows) - self._known.keys():
            form = self._made_before.get(answers[row])
            if form is None:
                wanted.append(row)
            else:
                self._known[row] = form
        for row, digest, prose in self._made(wanted):
            self._known[row] = digest
            if prose:
                self._prose.add(row)
            else:
                self._made_before[answers[row]] = digest

    def queries(self, rows: Collection[int]) -> list[tuple[int, int]]:
        """(row, digest) of those among these rows whose answer is a query, in order."""
        return sorted((row, digest) for row, digest, prose in self._made(rows) if not prose)

    def _made(self, rows: Collection[int]) -> Iterator[tuple[int, int, int]]:
        if not rows:
            return
        lines = self.lines.values()
        row_of = {lines[row]: row for row in rows}
        total = formats.size(self.path)
        maker = _Maker(self.checker, frozenset(row_of))
        blocks = formats.blocks(self.path)
        for found, digests, prose, done in ordered_map(maker, blocks, self.workers):
            self.emit(Event("progress", message="canonical forms", done=done, total=total))
            yield from zip((row_of[line] for line in found), digests, prose, strict=True)


class _Maker:
    """The canonical forms of the wanted lines of one block."""

    def __init__(self, checker: AnswerChecker, lines: frozenset[int]) -> None:
        self.checker, self.lines = checker, lines

    def __call__(self, block: Block) -> tuple[list[int], array[int], bytes, int]:
        found: list[int] = []
        digests = array("Q")
        prose = bytearray()
        for line, row in rows_of(block, lambda bad: None, self.lines):
            found.append(line)
            digests.append(short_digest(self.checker.canonical(row)))
            prose.append(not (row.language or self.checker.default))
        return found, digests, bytes(prose), block.done

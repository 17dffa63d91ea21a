"""Rows that must not stand on two sides of a split: queries of one canonical form, and
near-duplicates. Over one file before it is split, and over the parts afterwards, to prove it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from heimdall_core.dataset.checks import AnswerChecker
from heimdall_core.dataset.near import packages
from heimdall_core.dataset.near_spread import open_index
from heimdall_core.dataset.same import Sameness
from heimdall_core.dataset.scan import Emit, ScanOptions, scan
from heimdall_core.dataset.spill import Column


class Ties:
    """Looks at the rows of several files, numbered through in the order of the files."""

    def __init__(
        self,
        paths: Sequence[Path],
        checker: AnswerChecker,
        *,
        near: bool = True,
        made: dict[int, int] | None = None,
        workers: int = 0,
        emit: Emit = lambda event: None,
    ) -> None:
        packages()
        self._starts: list[int] = []
        self._sames: list[Sameness] = []
        self._guards, self._answers = Column("Q"), Column("Q")
        self._index = open_index()
        self._near = near
        for path in paths:
            self._starts.append(len(self._answers))
            lines, answers = Column("Q"), Column("Q")
            wanted = ScanOptions(
                check_language=False, placeholders=False, near=near, guards=True, examples=0
            )
            index = self._index
            for found in scan(path, wanted, checker, index=index, workers=workers, emit=emit):
                lines.extend(found.columns["line"])
                for column in (answers, self._answers):
                    column.extend(found.columns["answer"])
                self._guards.extend(found.columns["guard"])
            self._sames.append(
                Sameness(path, checker, lines, answers, made=made, workers=workers, emit=emit)
            )

    def canonical(self) -> Iterator[list[int]]:
        """Rows whose answers are one query, some two or more at a time."""
        np, _ = packages()
        if not len(self._answers):
            return
        guards = np.frombuffer(self._guards.values(), np.uint64)
        answers = np.frombuffer(self._answers.values(), np.uint64)
        rows = np.flatnonzero(guards)
        order = rows[np.lexsort((answers[rows], guards[rows]))]
        # Only queries of the same names and values can be one; mostly they are the same text.
        ends = np.flatnonzero(np.diff(guards[order])) + 1
        open_groups = []
        for group in np.split(order, ends) if len(order) else ():
            if len(group) < 2:
                continue
            texts = np.split(group, np.flatnonzero(np.diff(answers[group])) + 1)
            if len(texts) == 1:
                yield group.tolist()
            else:
                open_groups.append([text.tolist() for text in texts])
        self._learn([text[0] for group in open_groups for text in group])
        for group in open_groups:
            forms: dict[int, list[int]] = {}
            for text in group:
                forms.setdefault(self._form(text[0]), []).extend(text)
            yield from (some for some in forms.values() if len(some) > 1)

    def near(self, threshold: float) -> list[tuple[int, int]]:
        """Pairs of rows that are almost the same and have the same answer."""
        if not self._near or not len(self._answers):
            return []
        pairs = self._index.pairs(threshold, self._same)
        return [(int(a), int(b)) for a, b in pairs]

    def _same(self, earlier: Any, later: Any) -> Any:
        np, _ = packages()
        answers = np.frombuffer(self._answers.values(), np.uint64)
        same = answers[earlier] == answers[later]
        open_ones = np.flatnonzero(~same)
        if len(open_ones):
            self._learn(np.unique([earlier[open_ones], later[open_ones]]).tolist())
            same[open_ones] = [
                self._lesson(int(earlier[at])) == self._lesson(int(later[at])) for at in open_ones
            ]
        return same

    def file(self, row: int) -> int:
        """Which of the files a row stands in."""
        return bisect_right(self._starts, row) - 1

    def _learn(self, rows: Sequence[int]) -> None:
        wanted: dict[int, list[int]] = {}
        for row in rows:
            file = self.file(row)
            wanted.setdefault(file, []).append(row - self._starts[file])
        for file, some in wanted.items():
            self._sames[file].learn(some)

    def _form(self, row: int) -> int:
        file = self.file(row)
        return self._sames[file].of(row - self._starts[file])

    def _lesson(self, row: int) -> int:
        file = self.file(row)
        return self._sames[file].lesson(row - self._starts[file])

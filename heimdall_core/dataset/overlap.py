"""Rows that stand in two datasets of a mix: counted, and left out where that is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from attrs import define, field, frozen

from heimdall_core.dataset.io import read_examples
from heimdall_core.types import Example


@define
class Overlap:
    """Which rows of a dataset an earlier one holds too: system, instruction, input and answer are
    the same. Keeps 64 bits of each row of all datasets, in memory."""

    rows: dict[Path, int] = field(factory=dict)
    """Rows of each dataset."""
    shared: dict[Path, set[int]] = field(factory=dict)
    """Of each dataset, the numbers (from 0) of its rows that an earlier one holds."""
    _seen: set[int] = field(factory=set)

    def add(self, path: Path) -> None:
        """Reads a dataset once, and compares it with those before."""
        own: set[int] = set()
        shared: set[int] = set()
        count = 0
        for number, row in enumerate(read_examples(path)):
            count += 1
            key = int(row.content_id(), 16)
            if key in self._seen:
                shared.add(number)
            else:
                own.add(key)
        self._seen |= own
        self.rows[path], self.shared[path] = count, shared


@frozen
class Rows:
    """The rows of each dataset, without those that `without` found shared, where it is given."""

    without: Overlap | None

    def of(self, path: Path) -> Iterator[Example]:
        """The rows that may be drawn, in order."""
        rows = read_examples(path)
        if self.without is None:
            return rows
        gone = self.without.shared[path]
        return (row for number, row in enumerate(rows) if number not in gone)

    def count(self, path: Path, overlap: Overlap) -> int:
        """How many there are."""
        return overlap.rows[path] - (len(overlap.shared[path]) if self.without else 0)

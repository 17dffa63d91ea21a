"""Groups of rows that no split may part, and where each group falls."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from attrs import frozen

from heimdall_core.dataset.rows import digest, loosen
from heimdall_core.prompt import normalise_text, user_turn
from heimdall_core.types import Example


def exact_prompt(row: Example) -> str:
    """What the model sees before its answer, less the markers around the turns."""
    return normalise_text(f"{row.system}\n\0{user_turn(row.instruction, row.input)}")


def loose_prompt(row: Example) -> str:
    """`exact_prompt` without case, spacing, punctuation and Unicode variants."""
    return loosen(exact_prompt(row))


#: What rows can be grouped by, coarse to fine. Rows whose value is empty are not tied by it. Beside
#: these there are `canonical` and `near`, which are no values of single rows (see `ties`).
KEYS: Final[Mapping[str, Callable[[Example], str]]] = {
    "schema": lambda row: row.schema,
    "family": lambda row: row.family,
    "combination": lambda row: row.combination,
    "answer": lambda row: normalise_text(row.output).strip(),
    "prompt": loose_prompt,
}


#: All that `by` may name.
NAMES: Final = (*KEYS, "canonical", "near")


@frozen
class Group:
    """Rows that stay together."""

    root: int
    """One of its rows: `Groups.root` gives it for each of them."""
    rows: int
    """How many there are."""
    position: float
    """In [0, 1), evenly spread over all groups; fixed by the seed and the group's anchor."""


class Groups:
    """Rows that share a value of any of the keys, directly or through others, form one group.

    Each row has an anchor, its value of the coarsest key that it has one of; the group falls
    where the anchor that a hash under the seed puts first falls. So neither the order of the
    rows nor a new row beside them moves a group; only an anchor that joins it may: a row that
    ties two groups together, or a new value to an old group.
    """

    def __init__(self, by: Sequence[str], seed: int) -> None:
        self._keys = [(name, KEYS[name]) for name in KEYS if name in by]
        self._salt = f"{seed}:".encode()
        self._parent = array("L")
        self._row_of: dict[bytes, int] = {}  # first row by key value
        # Two independent hashes of the anchor, by row: the smallest of several uniform numbers is
        # not uniform, so the one that chooses among anchors must not be the group's position.
        self._rank, self._position = array("Q"), array("Q")

    def add(self, row: Example) -> None:
        """Takes the next row."""
        index = len(self._parent)
        self._parent.append(index)
        values = [digest(f"{name}:{text}") for name, key in self._keys if (text := key(row))]
        hashed = hashlib.blake2b(self._salt + values[0], digest_size=16).digest()
        self._rank.append(int.from_bytes(hashed[:8]))
        self._position.append(int.from_bytes(hashed[8:]))
        for value in values:
            self._parent[self.root(index)] = self.root(self._row_of.setdefault(value, index))

    def tie(self, one: int, other: int) -> None:
        """Puts the groups of two rows together."""
        self._parent[self.root(one)] = self.root(other)

    def root(self, row: int) -> int:
        """The row that stands for `row`'s group."""
        parent = self._parent
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    def all(self) -> list[Group]:
        """Every group, by position."""
        sizes: dict[int, int] = {}
        first: dict[int, int] = {}  # by root: the row whose anchor comes first
        for row, rank in enumerate(self._rank):
            root = self.root(row)
            sizes[root] = sizes.get(root, 0) + 1
            if rank <= self._rank[first.get(root, row)]:
                first[root] = row
        groups = [
            Group(root, rows, self._position[first[root]] / 2**64) for root, rows in sizes.items()
        ]
        return sorted(groups, key=lambda group: (group.position, group.root))

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self._parent)

"""Near-duplicates across the partitions of a dataset that no single process holds.

Each block's rows are cut into parts by the numbers of their bands: rows that share a number meet
in one part, whatever block they stand in. A part keeps the rows that share one; what it finds are
pairs of row numbers, and those alone come back.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from attrs import frozen

from heimdall_core.dataset.near import (
    BANDS,
    PERMUTATIONS,
    Index,
    NearIndex,
    bucket_starts,
    near_pairs,
    neighbours,
    packages,
)
from heimdall_core.dataset.parallel import current_session
from heimdall_core.types import Exchange


def open_index(folder: Path | None = None) -> Index:
    """An index on this machine's disk, or on the executor that is at work."""
    session = current_session()
    exchange = session.exchange() if session is not None else None
    return SpreadIndex(exchange) if exchange is not None else NearIndex(folder)


class SpreadIndex(Index):
    """The pairs of near rows, found where the rows are."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._blocks = array("Q")
        self._gathered = False

    @property
    def rows(self) -> int:  # type: ignore[override]
        """Rows that were taken in."""
        return sum(self._blocks)

    def scan(self, function: Callable[[Any], Any], blocks: Iterable[Any], workers: int) -> Any:
        """See `Index`."""
        for found in self._exchange.scatter(_Cutter(function), blocks):
            self._blocks.append(found.rows)
            yield found

    def edges(self, alive: Any, threshold: float, reach: int) -> Iterator[Any]:
        """See `Index`."""
        np, _ = packages()
        if not self._gathered:
            starts = array("Q", accumulate(self._blocks, initial=0))
            self._exchange.gather(crowd, np.frombuffer(starts, np.uint64).astype(np.int64))
            self._gathered = True
        asked = Asked(np.packbits(alive), threshold, reach)
        for found in self._exchange.each(pairs_of, asked):
            if len(found):
                yield found


class _Cutter:
    """A scan whose signatures are cut into parts."""

    def __init__(self, scan: Callable[[Any], Any]) -> None:
        self.scan = scan

    def __call__(self, block: Any, parts: int) -> tuple[Any, list[Piece]]:
        found = self.scan(block)
        near, found.near = found.near, None
        return found, cut(near, found.rows, parts)


@frozen
class Piece:
    """What one block has for one part, as arrays."""

    rows: Any
    """Rows of the block that are in it, in order."""
    signs: Any
    """Their signatures."""
    bands: Any
    numbers: Any
    places: Any
    """Entries: band, number, and the place of the row among `rows`."""


def cut(near: tuple[bytes, list[bytes]] | None, rows: int, parts: int) -> list[Piece]:
    """The signatures of a block by part. A row stands in as many parts as its bands fall into."""
    np, _ = packages()
    signs, bands = near or (b"", [b""] * BANDS)
    matrix = np.frombuffer(signs, np.uint8).reshape(rows, PERMUTATIONS)
    numbers = np.stack([np.frombuffer(band, np.uint64) for band in bands])
    part_of = numbers % np.uint64(parts)
    pieces = []
    for part in range(parts):
        band, row = np.nonzero(part_of == part)
        mine, places = np.unique(row, return_inverse=True)
        pieces.append(
            Piece(
                mine.astype(np.uint32),
                matrix[mine],
                band.astype(np.uint8),
                numbers[band, row],
                places.astype(np.uint32),
            )
        )
    return pieces


@frozen
class Crowd:
    """The rows of a part that share a bucket with another, as arrays."""

    rows: Any
    """Row numbers within the dataset, in order."""
    signs: Any
    buckets: Any
    """By entry: a number of its bucket. Entries stand by bucket, and in it by row."""
    places: Any
    """By entry: the place of its row among `rows`."""


def crowd(pieces: Sequence[Piece], starts: Any) -> Crowd:
    """One part of all blocks. A row that is alone in its buckets can be near to none and goes."""
    np, _ = packages()
    offsets = np.cumsum([0, *(len(piece.rows) for piece in pieces)])
    rows = _joined(np, [p.rows + starts[i] for i, p in enumerate(pieces)], np.int64)
    bands = _joined(np, [p.bands for p in pieces], np.uint8)
    numbers = _joined(np, [p.numbers for p in pieces], np.uint64)
    places = _joined(np, [p.places + offsets[i] for i, p in enumerate(pieces)], np.int64)
    # Blocks come in order, and their rows too, so that places are in the order of the rows.
    order = np.lexsort((places, numbers, bands))
    bands, numbers, places = bands[order], numbers[order], places[order]
    same = (bands[1:] == bands[:-1]) & (numbers[1:] == numbers[:-1])
    shared = np.zeros(len(places), bool)
    shared[1:] |= same
    shared[:-1] |= same
    buckets = np.cumsum(~np.concatenate([[True], same])) if len(places) else places
    kept, places = np.unique(places[shared], return_inverse=True)
    signs = np.empty((len(kept), PERMUTATIONS), np.uint8)
    for i, piece in enumerate(pieces):
        low, high = np.searchsorted(kept, offsets[i : i + 2])
        signs[low:high] = piece.signs[kept[low:high] - offsets[i]]
    return Crowd(rows[kept], signs, buckets[shared], places)


@frozen
class Asked:
    """What a round asks of each part."""

    alive: Any
    """A bit for each row of the dataset."""
    threshold: float
    reach: int


def pairs_of(crowd: Crowd, asked: Asked) -> Any:
    """(earlier, later) of the part's rows that are near by their whole signatures, once each."""
    np, _ = packages()
    alive = asked.alive[crowd.rows >> 3] >> (7 - (crowd.rows & 7)).astype(np.uint8) & 1
    here = np.flatnonzero(alive[crowd.places])
    buckets, places = crowd.buckets[here], crowd.places[here]
    if not len(places):
        return np.empty((0, 2), np.int64)
    starts = bucket_starts(buckets[1:] == buckets[:-1])
    found = [
        pairs
        for earlier, later in neighbours(starts, asked.reach)
        for pairs in near_pairs(crowd.signs, places[earlier], places[later], asked.threshold)
    ]
    if not found:
        return np.empty((0, 2), np.int64)
    return crowd.rows[np.unique(np.concatenate(found), axis=0)]


def _joined(np: Any, arrays: Sequence[Any], kind: Any) -> Any:
    return np.concatenate(arrays).astype(kind) if arrays else np.empty(0, kind)

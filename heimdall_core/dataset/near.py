"""Near-duplicates: rows whose texts are almost the same and that teach the same.

MinHash signatures come from `rensa` (Rust), over five-character shingles of the text without case
and punctuation. Two rows are held against each other where they share a band of the signature
*and* a guard: the literals, labels and properties of the answer. "Books of 1999" and "Books of
1998" are near as texts and different lessons, so no guard is shared and neither is removed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from heimdall_core.dataset.parallel import ordered_map
from heimdall_core.dataset.rows import loosen, short_digest
from heimdall_core.dataset.spill import Column
from heimdall_core.errors import missing_extra
from heimdall_core.prompt import normalise_text, user_turn
from heimdall_core.types import Example

#: Values of a signature, and how many of them make a band. Texts of similarity 0.8 share one of
#: the 16 bands with a probability of 0.9998; those of 0.5 with 0.64, and are then compared.
PERMUTATIONS: Final = 64
BAND: Final = 4
BANDS: Final = PERMUTATIONS // BAND

_SHINGLE: Final = 5
_SEED: Final = 7
#: Texts that `rensa` is given at once. From some hundred on it starts threads of its own, which no
#: process that is forked later would have: it would wait for them for ever.
_AT_ONCE: Final = 64
_PAIRS: Final = 200_000
#: How many rows before it in its bucket a row is held against, from round to round. In larger
#: buckets than the last, a pair can be missed.
_REACHES: Final = (2, 16, 256)
#: Labels, types and properties (names after a colon, a dot, a bar or a backtick, and keys of maps),
#: quoted texts and numbers: what two spellings of one query have in common.
_NAMES: Final = re.compile(
    r"(?<=[:.`|&!])\w+|(?<=[{,])\s*\w+(?=\s*:)|'[^']*'|\"[^\"]*\"|\d+(?:\.\d+)?"
)
_LITERALS: Final = re.compile(r"'[^']*'|\"[^\"]*\"|\d+(?:\.\d+)?")


def near_text(row: Example) -> str:
    """What is compared: the prompt, and the answer where it is prose."""
    text = f"{row.system}\n{user_turn(row.instruction, row.input)}"
    return loosen(normalise_text(text if row.language else f"{text}\n{row.output}"))


def guard(row: Example) -> int:
    """A number that two rows share only if their answers hold the same values and names."""
    if row.language:
        found = _NAMES.findall(row.output)
    else:
        found = _LITERALS.findall(f"{row.instruction}\n{row.input}\n{row.output}")
    words = sorted({word.strip("'\" \n\t") for word in found})
    return short_digest("\0".join([row.language, *words]))


def available() -> bool:
    """Whether the packages are there."""
    from importlib.util import find_spec

    return find_spec("rensa") is not None and find_spec("numpy") is not None


def packages() -> tuple[Any, Any]:
    """numpy and rensa. Raises `HeimdallError` where one is not installed."""
    try:
        import numpy
        import rensa  # type: ignore[import-untyped]
    except ImportError as error:
        raise missing_extra(str(error.name), "data", "the search for near-duplicates") from error
    return numpy, rensa


def signatures(texts: Sequence[str], guards: Sequence[int]) -> tuple[bytes, list[bytes]]:
    """Of each text 64 one-byte values, row by row; and per band one 64-bit number a row."""
    np, rensa = packages()
    raw = [text.encode("utf-8", "replace").ljust(_SHINGLE) for text in texts]
    lengths = np.fromiter(map(len, raw), np.int64, len(raw))
    flat = np.frombuffer(b"".join(raw), np.uint8).astype(np.uint64)
    grams = np.zeros(len(flat) - _SHINGLE + 1, np.uint64)
    for place in range(_SHINGLE):
        grams |= flat[place : place + len(grams)] << np.uint64(8 * place)
    ends = np.cumsum(lengths)
    inside = np.ones(len(flat), bool)
    for back in range(1, _SHINGLE):
        inside[ends - back] = False  # A shingle does not begin in one text and end in the next.
    grams = _mixed(np, grams[inside[: len(grams)]])
    offsets = np.concatenate([[0], np.cumsum(lengths - (_SHINGLE - 1))]).astype(np.uint64)
    rows: list[list[int]] = []
    for start in range(0, len(raw), _AT_ONCE):
        part = offsets[start : start + _AT_ONCE + 1]
        matrix = rensa.RMinHash.digest_matrix_from_flat_token_hashes(
            grams[int(part[0]) : int(part[-1])], part - part[0], PERMUTATIONS, _SEED
        )
        rows += matrix.to_rows()
    values = np.array(rows, np.uint32).astype(np.uint64).reshape(len(raw), PERMUTATIONS)
    guarded = np.array(guards, np.uint64)
    bands = []
    for band in range(BANDS):
        number = guarded.copy()
        for value in values[:, band * BAND : (band + 1) * BAND].T:
            number = _mixed(np, number ^ value)
        bands.append(number.tobytes())
    # One byte of each value: two that differ agree there once in 256 times.
    return _mixed(np, values).astype(np.uint8).tobytes(), bands


def _mixed(np: Any, numbers: Any) -> Any:
    """splitmix64: every bit of the outcome depends on every bit of the number."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


class Index:
    """The pairs of near rows, whoever finds them."""

    rows: int

    def scan(self, function: Callable[[Any], Any], blocks: Iterable[Any], workers: int) -> Any:
        """What `function` finds in each block, in order; its signatures (`near`) are taken in."""
        raise NotImplementedError

    def edges(self, alive: Any, threshold: float, reach: int) -> Iterator[Any]:
        """Arrays of two columns: (earlier, later) of rows that are near by their signatures. A pair
        may come more than once."""
        raise NotImplementedError

    def removals(
        self,
        gone: Any,
        threshold: float,
        same: Callable[[Any, Any], Any],
    ) -> Mapping[int, int]:
        """The rows to remove, each with the earlier row that it is like and that stays.

        `gone` holds a number by row, 0 for the rows that count. `same(earlier, later)`, on arrays
        of rows, says which pairs teach the same. Repeated until nothing more is found, so that a
        search among the rows that stay finds nothing.
        """
        np, _ = packages()
        alive = np.frombuffer(gone, np.uint8) == 0
        removed: dict[int, int] = {}
        # First with few of its neighbours, so that crowds of copies are gone before all are held
        # against all.
        for reach in _REACHES:
            while self._round(alive, removed, threshold, reach, same):
                pass
        return removed

    def pairs(self, threshold: float, same: Callable[[Any, Any], Any]) -> Any:
        """All (earlier, later) that are near and teach the same, as an array of two columns."""
        np, _ = packages()
        edges = list(self.edges(np.ones(self.rows, bool), threshold, _REACHES[-1]))
        if not edges:
            return np.empty((0, 2), np.int64)
        found = np.unique(np.concatenate(edges), axis=0)
        return found[same(found[:, 0], found[:, 1])]

    def _round(
        self,
        alive: Any,
        removed: dict[int, int],
        threshold: float,
        reach: int,
        same: Callable[[Any, Any], Any],
    ) -> bool:
        np, _ = packages()
        edges = list(self.edges(alive, threshold, reach))
        if not edges:
            return False
        pairs = np.unique(np.concatenate(edges), axis=0)
        pairs = pairs[same(pairs[:, 0], pairs[:, 1])]
        before = len(removed)
        # In the order of the later row: a row that is gone removes no other.
        for earlier, later in pairs[np.lexsort((pairs[:, 0], pairs[:, 1]))].tolist():
            if later not in removed and earlier not in removed:
                removed[later] = earlier
                alive[later] = False
        return len(removed) > before


def neighbours(starts: Any, reach: int) -> Iterator[tuple[Any, Any]]:
    """Places of (earlier, later) in an order by bucket: each with the `reach` before it in its
    bucket, and with the first. `starts` holds by place where its bucket begins."""
    np, _ = packages()
    crowded = np.flatnonzero(starts < np.arange(len(starts)))
    for back in range(1, reach + 1):
        at = crowded[crowded - back >= starts[crowded]]
        if not len(at):
            return
        yield at - back, at
    at = crowded[crowded - reach > starts[crowded]]
    yield starts[at], at


def bucket_starts(same_as_before: Any) -> Any:
    """By place, where its bucket begins; given by place, from the second on, whether it is in the
    bucket of the one before."""
    np, _ = packages()
    starts = np.arange(len(same_as_before) + 1)
    starts[1:][same_as_before] = 0
    return np.maximum.accumulate(starts)


def near_pairs(signs: Any, earlier: Any, later: Any, threshold: float) -> Iterator[Any]:
    """Those of the pairs whose signatures agree in at least that share of their values."""
    np, _ = packages()
    for at in range(0, len(earlier), _PAIRS):
        a, b = earlier[at : at + _PAIRS], later[at : at + _PAIRS]
        near = (signs[a] == signs[b]).sum(axis=1) >= threshold * PERMUTATIONS
        if near.any():
            yield np.stack([a[near], b[near]], axis=1)


class NearIndex(Index):
    """The signatures of a dataset, 192 bytes a row on the disk, and the pairs that they give."""

    def __init__(self, folder: Path | None = None) -> None:
        self._signatures = Column("B", folder)
        self._bands = [Column("Q", folder) for _ in range(BANDS)]

    @property
    def rows(self) -> int:  # type: ignore[override]
        """Rows that were taken in."""
        return len(self._signatures) // PERMUTATIONS

    def scan(self, function: Callable[[Any], Any], blocks: Iterable[Any], workers: int) -> Any:
        """See `Index`."""
        for found in ordered_map(function, blocks, workers):
            if found.near:
                self.add(found.near)
            yield found

    def add(self, found: tuple[bytes, list[bytes]]) -> None:
        """Takes the signatures of the next rows."""
        self._signatures.extend(found[0])
        for column, data in zip(self._bands, found[1], strict=True):
            column.extend(data)

    def edges(self, alive: Any, threshold: float, reach: int) -> Iterator[Any]:
        """See `Index`."""
        for band in self._bands:
            yield from self._pairs(band, alive, threshold, reach)

    def _pairs(self, band: Column, alive: Any, threshold: float, reach: int) -> Iterator[Any]:
        """(earlier, later) of rows that share this band's number and are near by their whole
        signatures."""
        np, _ = packages()
        numbers = np.frombuffer(band.values(), np.uint64)
        signs = np.frombuffer(self._signatures.values(), np.uint8).reshape(-1, PERMUTATIONS)
        # By parts of the numbers' range, so that what is sorted at a time does not grow.
        parts = 1 + len(numbers) // 2_000_000
        part_of = numbers % np.uint64(parts) if parts > 1 else None
        for part in range(parts):
            mine = alive if part_of is None else alive & (part_of == part)
            rows = np.flatnonzero(mine)
            order = rows[np.argsort(numbers[rows], kind="stable")]
            if not len(order):
                continue
            starts = bucket_starts(numbers[order[1:]] == numbers[order[:-1]])
            for earlier, later in neighbours(starts, reach):
                yield from near_pairs(signs, order[earlier], order[later], threshold)

"""Mixing datasets: how many rows of each, which ones, and in which order.

Rows are drawn without replacement: a dataset that is too small for its share gives all it has, and
the others fill up, unless copies are asked for. The same files and seed give the same mix.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
from attrs import field, frozen, validators

from heimdall_core.dataset.io import dump_example
from heimdall_core.dataset.overlap import Overlap, Rows
from heimdall_core.dataset.save import atomic_rows
from heimdall_core.dataset.shard_write import ShardSize
from heimdall_core.errors import DatasetError
from heimdall_core.types import Example


@frozen(kw_only=True)
class MixOptions:
    """How datasets are mixed. The string below each field is its help text."""

    rows: int | None = field(default=None, validator=validators.optional(validators.gt(0)))
    """Rows wanted; none for as many as the shares allow without taking one twice."""
    temperature: float = field(default=1.0, validator=validators.ge(1))
    """A dataset of n rows gets a share of weight × n^(1/temperature): 1 is by size, large ones
    nearly ignore it."""
    by_size: bool = True
    """Whether sizes count at all; else the weights alone are the shares."""
    drop_shared: bool = False
    """Leave out rows that stand in an earlier dataset of the mix too; else they are counted."""
    allow_oversampling: bool = False
    """Take rows of a dataset again where it is too small for its share, and say how many."""
    seed: int = field(default=7, validator=validators.ge(0))
    """Fixes which rows are drawn."""


@frozen
class MixedSource:
    """What one dataset gave."""

    path: str
    weight: float
    rows: int
    """How many it has."""
    taken: int
    copies: int
    """Of these, rows that were taken again."""
    wanted: float
    """Its share of the mix, as asked for."""
    shared: int
    """Rows of it that stand in a dataset named before it too, or among the replayed rows in any."""


@frozen
class MixReport:
    """What a mix is made of."""

    output: str
    rows: int
    sources: tuple[MixedSource, ...]
    dropped_shared: bool
    """Whether the shared rows were left out; else they may be in the mix twice."""

    def lines(self) -> list[str]:
        """The report for a terminal."""
        lines = [f"{self.output}: {self.rows:,} rows"]
        for source in self.sources:
            share = source.taken / self.rows if self.rows else 0.0
            text = f"  {source.path}: {source.taken:,} of {source.rows:,} rows ({share:.1%})"
            if abs(share - source.wanted) > 0.005:
                text += f"; {source.wanted:.1%} were asked for"
            lines.append(text + (f"; {source.copies:,} are copies" if source.copies else ""))
            if source.shared:
                what = "left out" if self.dropped_shared else "--drop-shared leaves them out"
                lines.append(f"    {source.shared:,} of its rows stand before it too; {what}")
        return lines

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON."""
        return attrs.asdict(self)


def mix_files(
    sources: Mapping[Path, float],
    output: Path,
    options: MixOptions | None = None,
    *,
    replay: tuple[Path, float] | None = None,
    shards: ShardSize | None = None,
) -> MixReport:
    """Writes a mix of datasets (path → weight) to `output`. Reads each a few times; a number per
    row is kept. `replay` is a further dataset, of rows of earlier generations, and the share
    of the mix that they are (above 0, below 1); it never makes the mix smaller.

    Raises `DatasetError` for a dataset without rows, or that cannot be read."""
    options = options or MixOptions()
    if not sources:
        raise DatasetError("there is nothing to mix", hint="name a dataset")
    for path, weight in sources.items():
        if not weight > 0:
            raise DatasetError(f"has the weight {weight:g}; it must be above 0", where=str(path))
    paths = list(sources)
    overlap = Overlap()
    for path in paths:
        overlap.add(path)
        if not overlap.rows[path]:
            raise DatasetError("holds no rows", where=str(path))
    streams_of = Rows(overlap if options.drop_shared else None)
    sizes = {path: streams_of.count(path, overlap) for path in paths}
    for path, size in sizes.items():
        if not size:
            raise DatasetError(
                "holds no row that does not stand before it too",
                where=str(path),
                hint="leave it out",
            )
    wanted = shares([sources[p] for p in paths], [sizes[p] for p in paths], options)
    ratio = replay[1] if replay else 0.0
    main = (
        options
        if options.rows is None
        else attrs.evolve(options, rows=max(1, round(options.rows * (1 - ratio))))
    )
    counts = allot(wanted, [sizes[p] for p in paths], main)
    weights = [sources[path] for path in paths]
    if replay:
        path, ratio = replay
        if path in sizes:
            raise DatasetError("is replayed and mixed at once", where=str(path))
        overlap.add(path)
        sizes[path] = streams_of.count(path, overlap)
        counts.append(min(sizes[path], round(sum(counts) * ratio / (1 - ratio))))
        wanted = [*(share * (1 - ratio) for share in wanted), ratio]
        weights.append(ratio)
        paths.append(path)
    streams = [
        _drawn(streams_of, path, place, count, sizes[path], options.seed)
        for place, (path, count) in enumerate(zip(paths, counts, strict=True))
    ]
    with atomic_rows(output, shards=shards) as write:
        for _, _, row in heapq.merge(*streams, key=lambda item: item[:2]):
            write(dump_example(row) + "\n")
    return MixReport(
        str(output),
        sum(counts),
        tuple(
            MixedSource(
                str(path),
                weight,
                overlap.rows[path],
                count,
                max(0, count - sizes[path]),
                share,
                len(overlap.shared[path]),
            )
            for path, weight, count, share in zip(paths, weights, counts, wanted, strict=True)
        ),
        options.drop_shared,
    )


def shares(weights: Sequence[float], sizes: Sequence[int], options: MixOptions) -> list[float]:
    """The share of each dataset; they sum to 1."""
    power = 1 / options.temperature if options.by_size else 0.0
    raw = [weight * size**power for weight, size in zip(weights, sizes, strict=True)]
    return [value / sum(raw) for value in raw]


def allot(wanted: Sequence[float], sizes: Sequence[int], options: MixOptions) -> list[int]:
    """Rows of each dataset: whole numbers, none above its size unless oversampling is allowed."""
    if options.rows is None:
        total = min(size / share for share, size in zip(wanted, sizes, strict=True))
        if options.allow_oversampling:
            total = max(size / share for share, size in zip(wanted, sizes, strict=True))
        return [
            max(1, round(total * share))
            if options.allow_oversampling
            else max(1, min(size, int(total * share + 1e-9)))
            for share, size in zip(wanted, sizes, strict=True)
        ]
    if options.allow_oversampling:
        return _rounded([options.rows * share for share in wanted], options.rows)
    counts = [0] * len(sizes)
    left = min(options.rows, sum(sizes))
    open_ones = list(range(len(sizes)))
    # Whoever is too small gives all it has; the others share what that leaves.
    while open_ones:
        weight = sum(wanted[i] for i in open_ones)
        small = [i for i in open_ones if left * wanted[i] / weight >= sizes[i]]
        if not small:
            some = _rounded([left * wanted[i] / weight for i in open_ones], left)
            for i, count in zip(open_ones, some, strict=True):
                counts[i] = count
            break
        for i in small:
            counts[i] = sizes[i]
            left -= sizes[i]
            open_ones.remove(i)
    return counts


def _rounded(exact: Sequence[float], total: int) -> list[int]:
    counts = [int(value) for value in exact]
    order = sorted(range(len(exact)), key=lambda i: (counts[i] - exact[i], i))
    for i in order[: total - sum(counts)]:
        counts[i] += 1
    return counts


def _drawn(
    rows: Rows, path: Path, place: int, count: int, size: int, seed: int
) -> Iterator[tuple[float, int, Example]]:
    """`count` rows of a file, in its order, each with its position between 0 and 1 in the mix.

    The rows with the smallest hashes are drawn, so that a larger mix holds the smaller one; where
    more are wanted than there are, the file is gone through again."""
    if not count:
        return
    whole, rest = divmod(count, size)
    limit = _limit(rows, path, rest, seed)
    at = 0
    for turn in range(whole + (rest > 0)):
        for index, row in enumerate(rows.of(path)):
            if turn < whole or _rank(row, index, seed) <= limit:
                yield (at + 0.5) / count, place, row
                at += 1


def _limit(rows: Rows, path: Path, count: int, seed: int) -> tuple[bytes, int]:
    """The rank of the last row that is drawn."""
    if not count:
        return (b"", -1)
    ranks = (_rank(row, index, seed) for index, row in enumerate(rows.of(path)))
    return heapq.nsmallest(count, ranks)[-1]


def _rank(row: Example, index: int, seed: int) -> tuple[bytes, int]:
    text = f"{seed}:{row.content_id()}".encode()
    return hashlib.blake2b(text, digest_size=8).digest(), index

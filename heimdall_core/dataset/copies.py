"""Copies of rows, the one place where they are allowed: small categories of a training part."""

from __future__ import annotations

import math
import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import attrs

from heimdall_core.dataset.io import dump_example, read_examples
from heimdall_core.dataset.save import atomic_rows
from heimdall_core.dataset.shard_write import ShardSize


def add_copies(
    path: Path, max_ratio: float, max_copies: int, shards: ShardSize | None = None
) -> Mapping[str, int]:
    """Appends copies of rows of small categories to a file, until the largest category has
    `max_ratio` times their rows or each of their rows has `max_copies` copies. A copy says so in
    `meta.copy`, with its number. Returns how many there are, by category."""
    sizes = Counter(row.category for row in read_examples(path))
    wanted = {
        category: min(math.ceil(max(sizes.values()) / max_ratio), size * (1 + max_copies)) - size
        for category, size in sizes.items()
    }
    wanted = {category: n for category, n in wanted.items() if n > 0}
    if not wanted:
        return {}
    left = dict(wanted)
    staged = path.with_name(f".{path.name}.copies")
    with atomic_rows(staged, shards=shards) as write:
        for row in read_examples(path):
            write(dump_example(row) + "\n")
        number = 0
        while any(left.values()):
            number += 1
            for row in read_examples(path):
                if left.get(row.category, 0):
                    left[row.category] -= 1
                    copy = attrs.evolve(row, meta={**row.meta, "copy": number})
                    write(dump_example(copy) + "\n")
    if path.is_dir():
        shutil.rmtree(path)
    staged.replace(path)
    return wanted

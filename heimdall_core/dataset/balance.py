"""Balance between categories: how many rows of each stay, which ones, and how many are missing.

Rows are never copied: a category that is too small is told to its generator as a quota.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence


def cap(counts: Mapping[str, int], max_ratio: float | None, min_size: int) -> int | None:
    """The most rows that a category may have; None for no limit.

    A category below `min_size` counts as if it were filled up to it, as its quota asks: else a
    single stray row would shrink all others to `max_ratio` rows.
    """
    if max_ratio is None or not counts:
        return None
    # The small addend keeps 2.3 * 10 from becoming 22.
    return math.floor(max_ratio * max(min(counts.values()), min_size) + 1e-9)


def quotas(counts: Mapping[str, int], min_size: int) -> dict[str, int]:
    """Rows that each category lacks to reach `min_size`, by name; only those that lack some."""
    return {name: min_size - n for name, n in sorted(counts.items()) if n < min_size}


def spread(
    rows: Sequence[int], strata: Sequence[Sequence[int]], content: Sequence[int]
) -> list[int]:
    """`rows` in an order of which every beginning is as varied as it can be.

    `strata` are columns, coarse to fine (family, schema, combination), and `content` is a digest,
    all indexed by row. The first stratum's values take turns; within each of them the second's
    do, and so on; at the end the digest decides. So the order depends on neither chance nor the
    order of the file.
    """
    if not strata:
        return sorted(rows, key=content.__getitem__)
    groups: dict[int, list[int]] = {}
    for row in rows:
        groups.setdefault(strata[0][row], []).append(row)
    ordered = [spread(group, strata[1:], content) for group in groups.values()]
    ordered.sort(key=lambda group: content[group[0]])
    turns = [
        (turn, place, row) for place, group in enumerate(ordered) for turn, row in enumerate(group)
    ]
    return [row for _, _, row in sorted(turns)]

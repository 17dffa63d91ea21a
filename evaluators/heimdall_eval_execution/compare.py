"""Whether two results are the same: bags of rows, in groups of rows that may change places."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

Row = Sequence[Any]

#: Digits by which floats are first sorted; what then differs is compared with the tolerance.
_DIGITS = 6


def in_groups(
    groups: Sequence[Sequence[Row]],
    answer: Sequence[Row],
    *,
    skip: int = 0,
    tolerance: float = 1e-6,
    list_order: bool = True,
) -> bool:
    """Whether `answer` is a window of the reference's rows, which come in `groups`: rows of one
    group tie and may stand in any order, and where the window cuts a group, any of its rows will
    do. `skip` is the place of the window's first row; its length is the answer's."""
    place = 0
    end = skip + len(answer)
    for group in groups:
        start, place = place, place + len(group)
        first, last = max(start, skip), min(place, end)
        if first >= last:
            continue
        part = answer[first - skip : last - skip]
        if not contains(group, part, tolerance=tolerance, list_order=list_order):
            return False
    return end <= place


def contains(
    bag: Sequence[Row], rows: Sequence[Row], *, tolerance: float, list_order: bool = True
) -> bool:
    """Whether every row of `rows` is in `bag`, as often as it is in `rows`."""
    left = Counter(_key(list(row), list_order) for row in bag)
    missing = []
    for row in rows:
        key = _key(list(row), list_order)
        if left[key] > 0:
            left[key] -= 1
        else:
            missing.append(row)
    if not missing:
        return True
    # What differs in the last digits of a float may still be the same row.
    spare: list[Row] = []
    for row in bag:
        key = _key(list(row), list_order)
        if left[key] > 0:
            left[key] -= 1
            spare.append(row)
    for row in missing:
        match = next((i for i, other in enumerate(spare) if _close(row, other, tolerance)), None)
        if match is None:
            return False
        del spare[match]
    return True


def _close(one: Any, other: Any, tolerance: float) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        if isinstance(one, int) and isinstance(other, int):
            return one == other
        return math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance) or (
            math.isnan(one) and math.isnan(other)
        )
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(
            _close(one[key], other[key], tolerance) for key in one
        )
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(
            _close(a, b, tolerance) for a, b in zip(one, other, strict=True)
        )
    return type(one) is type(other) and bool(one == other)


def _key(value: Any, list_order: bool) -> Hashable:
    """Hashable, equal for equal values, and never for values of two types: `1`, `'1'`, `true`.
    `1` and `1.0` are one number."""
    if isinstance(value, bool) or value is None:
        return ("constant", value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return ("constant", str(value))
        return value if value.is_integer() else float(f"{value:.{_DIGITS}g}")
    if isinstance(value, Mapping):
        return ("map", frozenset((key, _key(item, list_order)) for key, item in value.items()))
    if isinstance(value, list | tuple):
        items = [_key(item, list_order) for item in value]
        return ("list", *(items if list_order else sorted(items, key=repr)))
    if isinstance(value, int | str):
        return value
    return (type(value).__name__, str(value))

"""Several engines on one query: a result is trusted only when two of them give the same rows."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations
from typing import Any, Literal

from attrs import frozen

from heimdall_core.types import Engine, EngineResult, Json
from heimdall_lang_cypher.engine_query import sort_keys

Rows = Sequence[Sequence[Any]]

#: Sums of floats depend on the order of the rows beyond this.
_SIGNIFICANT_DIGITS = 9
_TIME = re.compile(
    r"(?P<day>-?\d{4,}-\d\d-\d\dT)?(?P<minute>\d\d:\d\d)(?::(?P<second>\d\d)(?:\.(?P<part>\d+))?)?"
    r"(?P<zone>Z|[+-]\d\d:\d\d)?(?:\[[\w/]+\])?\Z"
)


@frozen
class Agreement:
    """What several engines said to one query."""

    verdict: Literal["agreed", "disagreed", "unknown"]
    """`agreed`: two engines gave the same rows. `disagreed`: two or more ran the query and no two
    of them gave the same. `unknown`: fewer than two ran it."""
    results: Mapping[str, EngineResult]
    """Of each engine, by its name."""
    engines: tuple[str, ...] = ()
    """Those that agree."""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    """The rows that were agreed on."""
    list_order: bool = True
    """False where the rows are the same only if lists are compared without their order, as those
    that `collect` makes of unordered rows."""


def agree(query: str, engines: Sequence[Engine], parameters: Json | None = None) -> Agreement:
    """Runs `query` on engines that hold the same data, and compares their rows.

    Rows are compared as bags, and in their order where the query has an `ORDER BY`; rows with equal
    sort keys may change places.
    """
    results = {engine.name: engine.run(query, parameters) for engine in engines}
    ran = {name: result for name, result in results.items() if not result.error}
    keys = sort_keys(query)
    for list_order in (True, False):
        for first, second in combinations(ran, 2):
            rows = ran[first].rows
            if same_rows(rows, ran[second].rows, keys, list_order=list_order):
                others = (
                    name
                    for name in ran
                    if same_rows(rows, ran[name].rows, keys, list_order=list_order)
                )
                return Agreement(
                    "agreed", results, tuple(others), ran[first].columns, rows, list_order
                )
    return Agreement("disagreed" if len(ran) > 1 else "unknown", results)


def same_rows(
    left: Rows,
    right: Rows,
    sort_keys: Sequence[int | None] = (),
    *,
    list_order: bool = True,
) -> bool:
    """Whether two results are the same bag of rows, in the same order of `sort_keys`.

    `sort_keys` are columns, None for a key that is no column: then rows must be in the very same
    order. Numbers are equal by value (1 = 1.0) up to 9 digits, times by value (`10:00Z` =
    `10:00:00+00:00`).
    """
    one = [tuple(_key(value, list_order) for value in row) for row in left]
    other = [tuple(_key(value, list_order) for value in row) for row in right]
    if Counter(one) != Counter(other):
        return False
    if not sort_keys or one == other:
        return True
    columns = [key for key in sort_keys if key is not None]
    if len(columns) < len(sort_keys):
        return False
    return [[row[i] for i in columns] for row in one] == [
        [row[i] for i in columns] for row in other
    ]


def _key(value: Any, list_order: bool) -> Hashable:
    """Something hashable that is equal for equal values, and tells types apart."""
    if isinstance(value, bool) or value is None:
        return ("constant", value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return ("constant", str(value))
        # `1` and `1.0` are one number, and equal in Python, too.
        return value if value.is_integer() else float(f"{value:.{_SIGNIFICANT_DIGITS}g}")
    if isinstance(value, str):
        return _moment(value)
    if isinstance(value, Mapping):
        return ("map", frozenset((key, _key(item, list_order)) for key, item in value.items()))
    if isinstance(value, list | tuple):
        items = [_key(item, list_order) for item in value]
        return ("list", *(items if list_order else sorted(items, key=repr)))
    number: int = value
    return number


def _moment(text: str) -> str:
    """A point in time in one spelling: with seconds, without trailing zeros, `+00:00` for `Z`."""
    match = _TIME.match(text)
    if match is None:
        return text
    part = (match["part"] or "").rstrip("0")
    zone = "+00:00" if match["zone"] == "Z" else match["zone"] or ""
    second = match["second"] or "00"
    return f"{match['day'] or ''}{match['minute']}:{second}{'.' + part if part else ''}{zone}"

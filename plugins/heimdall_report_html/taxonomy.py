"""Why answers are wrong and rows were not measured: one table for each test set, a column for each
file. The page and the model card show the same tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

Data = Mapping[str, Any]


@frozen
class Counts:
    """A table of counts on one test set."""

    test_set: str
    artefacts: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[int, ...]], ...]
    """(metric, cause or reason, count by file), the most frequent first within a metric."""


def counts_of(sets: Sequence[Data], kind: str) -> list[Counts]:
    """A table for each test set that has any; `kind` is `failures` or `skipped`."""
    found = []
    for test_set in dict.fromkeys(each["test_set"] for each in sets):
        own = [each for each in sets if each["test_set"] == test_set]
        lines: dict[tuple[str, str], list[int]] = {}
        for place, each in enumerate(own):
            for metric, counts in each[kind].items():
                for what, count in counts.items():
                    line = lines.setdefault((metric, what), [0] * len(own))
                    line[place] = count
        order = list(dict.fromkeys(metric for metric, _ in lines))
        ordered = sorted(lines.items(), key=lambda e: (order.index(e[0][0]), -max(e[1])))
        rows = tuple((metric, what, tuple(counts)) for (metric, what), counts in ordered)
        if rows:
            found.append(Counts(test_set, tuple(each["artefact"] for each in own), rows))
    return found

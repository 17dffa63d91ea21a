"""What a dataset is made of: for the summary at the end of a run."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from heimdall_core.dataset.io import read_examples
from heimdall_core.dataset.report import Listed, by_count
from heimdall_core.prompt import user_turn


@frozen
class Lengths:
    """How long texts are, in characters. Percentiles are lengths that occur (nearest rank)."""

    mean: float = 0.0
    p5: int = 0
    p50: int = 0
    p95: int = 0
    longest: int = 0


@frozen
class Composition:
    """Rows by what they are about; most frequent first. An empty name stands for "not stated"."""

    rows: int
    bad: int
    """Lines that are no rows; counted in nothing else."""
    categories: Mapping[str, int]
    families: Mapping[str, int]
    schemas: Mapping[str, int]
    context_sizes: Mapping[str, int]
    sources: Mapping[str, int]
    licences: Mapping[str, int]
    prompt: Lengths
    """System message and user's turn, without the markers around them."""
    answer: Lengths

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON."""
        return attrs.asdict(self)


def composition(path: Path) -> Composition:
    """Reads a dataset file once; 8 bytes a row are kept. Raises `DatasetError` where it cannot be
    read."""
    bad = Listed(keep=0)
    names = ("category", "family", "schema", "context_size", "source", "licence")
    counts: dict[str, Counter[str]] = {name: Counter() for name in names}
    prompts, answers = array("L"), array("L")
    for row in read_examples(path, bad.add):
        for name, counter in counts.items():
            counter[getattr(row, name)] += 1
        prompts.append(len(row.system) + len(user_turn(row.instruction, row.input)))
        answers.append(len(row.output))
    return Composition(
        rows=len(prompts),
        bad=bad.count,
        categories=by_count(counts["category"]),
        families=by_count(counts["family"]),
        schemas=by_count(counts["schema"]),
        context_sizes=by_count(counts["context_size"]),
        sources=by_count(counts["source"]),
        licences=by_count(counts["licence"]),
        prompt=_lengths(prompts),
        answer=_lengths(answers),
    )


def _lengths(values: array[int]) -> Lengths:
    if not values:
        return Lengths()
    ordered = sorted(values)

    def rank(percent: int) -> int:
        # Nearest rank: the smallest value that `percent` of all do not exceed.
        return ordered[-(-percent * len(ordered) // 100) - 1]

    return Lengths(sum(ordered) / len(ordered), rank(5), rank(50), rank(95), ordered[-1])

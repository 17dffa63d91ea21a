"""Leakage between the parts of a split, found from the written files alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from itertools import combinations
from pathlib import Path

from heimdall_core.dataset.checks import AnswerChecker, no_language
from heimdall_core.dataset.groups import KEYS, exact_prompt
from heimdall_core.dataset.io import read_examples
from heimdall_core.dataset.rows import digest
from heimdall_core.dataset.scan import Emit
from heimdall_core.dataset.ties import Ties

#: What stands in two parts: by kind, and by pair of parts (`train/test`), how many values.
Leakage = Mapping[str, Mapping[str, int]]


def find_leaks(
    parts: Mapping[str, Path],
    by: Collection[str] = ("prompt", "combination"),
    *,
    unseen: str = "",
    held_out: Collection[str] = (),
    unseen_families: str = "",
    held_out_families: Collection[str] = (),
    checker: AnswerChecker | None = None,
    near_threshold: float = 0.7,
    made: dict[int, int] | None = None,
    workers: int = 0,
    emit: Emit = lambda event: None,
) -> Leakage:
    """Counts the values that stand in more than one part, for the prompt letter by letter and
    for each key of `by` (see `groups.KEYS`; `prompt` there is without case and punctuation).

    With `canonical` in `by`, queries that are one by their language (`checker` has it) are
    counted, and with `near` rows that are almost the same and have the same answer. Rows of the
    schemas `held_out` must stand in the part `unseen` alone, and rows of the families
    `held_out_families` in `unseen_families` or there; elsewhere they are counted. `made`
    holds canonical forms by the digest of the answer, from an earlier look at the same rows. Reads
    each file once for the keys, and once for the rest. Raises `DatasetError` for a file that
    cannot be read.
    """
    kinds = {"exact prompt": exact_prompt, **{name: KEYS[name] for name in KEYS if name in by}}
    seen: dict[str, dict[bytes, int]] = {kind: {} for kind in kinds}  # parts as bits, by value
    astray: Counter[str] = Counter()
    strange: Counter[str] = Counter()
    for bit, (part, path) in enumerate(parts.items()):
        for row in read_examples(path):
            if part != unseen and row.schema in held_out:
                astray[f"{part}/{unseen}"] += 1
            if part not in (unseen, unseen_families) and row.family in held_out_families:
                strange[f"{part}/{unseen_families}"] += 1
            for kind, key in kinds.items():
                if value := key(row):
                    at = digest(value)
                    seen[kind][at] = seen[kind].get(at, 0) | 1 << bit
    found = {kind: _pairs(list(parts), values.values()) for kind, values in seen.items()}
    if "canonical" in by or "near" in by:
        ties = Ties(
            list(parts.values()),
            checker or AnswerChecker(no_language, {}),
            near="near" in by,
            made=made,
            workers=workers,
            emit=emit,
        )
        found |= _tied(ties, list(parts), by, near_threshold)
    found |= {"held-out schema": dict(astray)} if held_out else {}
    return found | ({"held-out family": dict(strange)} if held_out_families else {})


def _tied(
    ties: Ties, names: list[str], by: Collection[str], threshold: float
) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    if "canonical" in by:
        found["canonical"] = _pairs(names, [_mask(ties, rows) for rows in ties.canonical()])
    if "near" in by:
        found["near"] = _pairs(names, [_mask(ties, pair) for pair in ties.near(threshold)])
    return found


def _mask(ties: Ties, rows: Collection[int]) -> int:
    mask = 0
    for row in rows:
        mask |= 1 << ties.file(row)
    return mask


def total(found: Leakage) -> int:
    """All overlaps of a leakage report; it must be 0."""
    return sum(count for pairs in found.values() for count in pairs.values())


def _pairs(names: list[str], masks: Collection[int]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for mask in masks:
        if mask & mask - 1:  # More than one bit: more than one part.
            held = [name for bit, name in enumerate(names) if mask >> bit & 1]
            counts.update(f"{one}/{other}" for one, other in combinations(held, 2))
    return dict(counts)

"""What quantisation costs: each metric on every file that was measured, the most exact first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import frozen

#: Bits per weight, about; for the order alone.
_BITS = {"model": 33.0, "F32": 32.0, "BF16": 16.5, "F16": 16.0}


@frozen
class DeltaRow:
    """One metric over the files of one run."""

    metric: str
    test_set: str
    higher_is_better: bool
    values: Mapping[str, float | None]
    """By artefact, the most exact first."""

    @property
    def base(self) -> str:
        """The artefact that the others are compared with."""
        return next(iter(self.values))

    def delta(self, artefact: str) -> float | None:
        """How far an artefact is from the base."""
        value, base = self.values[artefact], self.values[self.base]
        return None if value is None or base is None else value - base


def quantisation_deltas(metrics: Mapping[str, Any]) -> list[DeltaRow]:
    """A row per metric and test set that was measured on two files or more."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for name, entry in metrics.items():
        if "artefact" in entry and "test_set" in entry:
            base = name.partition("@")[0].partition("/")[0]
            found.setdefault((base, entry["test_set"]), {})[entry["artefact"]] = entry
    return [
        DeltaRow(
            metric,
            test_set,
            next(iter(entries.values())).get("higher_is_better", True),
            {kind: entries[kind]["value"] for kind in in_order(entries)},
        )
        for (metric, test_set), entries in found.items()
        if len(entries) > 1
    ]


def in_order(kinds: Iterable[str]) -> list[str]:
    """Kinds of artefacts, the most exact first: `model`, `F16`, `Q8_0`, `Q4_K_M`."""

    def bits(kind: str) -> float:
        digits = "".join(c for c in kind.partition("_")[0] if c.isdigit())
        return _BITS.get(kind, float(digits) if digits else 0.0)

    return sorted(kinds, key=lambda kind: (-bits(kind), kind))

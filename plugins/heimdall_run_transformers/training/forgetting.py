"""Forgetting: what each old task's exact-match rate was before the training, and is after it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from attrs import asdict, frozen

from heimdall_run_transformers.training.validation import Validation

#: Written into the model directory.
FILE: Final = "forgetting.json"


@frozen
class TaskChange:
    """One old task, on rows that were kept out of training. Rates are shares of rows whose whole
    answer is right; changes are in points (per cent)."""

    task: str
    rows: int
    before: float
    after: float
    change: float
    low: float
    high: float
    """The change's 95 % interval, from the rows' own paired differences."""
    loss_before: float
    loss_after: float
    forgotten: bool
    """The task lost more than the limit."""


def compare(
    before: Validation, after: Validation, tasks: Sequence[str], limit: float
) -> list[TaskChange]:
    """The forgetting matrix, a line for each task that has rows."""
    found = []
    for task in np.unique(after.tasks):
        own = after.tasks == task
        difference = (after.right[own] - before.right[own]) * 100
        count = int(own.sum())
        change = float(difference.mean())
        spread = float(difference.std(ddof=1)) if count > 1 else 100.0
        half = 1.96 * spread / math.sqrt(count)
        trained = after.trained[own].sum()
        found.append(
            TaskChange(
                task=tasks[task] or "unnamed",
                rows=count,
                before=float(before.right[own].mean()),
                after=float(after.right[own].mean()),
                change=change,
                low=change - half,
                high=change + half,
                loss_before=float(before.losses[own].sum() / trained),
                loss_after=float(after.losses[own].sum() / trained),
                forgotten=-change > limit,
            )
        )
    return found


def write_matrix(folder: Path, changes: Sequence[TaskChange], limit: float) -> dict[str, Any]:
    """Writes the matrix into a model directory and gives it."""
    value = {
        "metric": "exact match under teacher forcing, which is that of greedy answers",
        "limit_points": limit,
        "promoted": not any(change.forgotten for change in changes),
        "tasks": [asdict(change) for change in changes],
    }
    (folder / FILE).write_text(json.dumps(value, indent=2), encoding="utf-8")
    return value


def save_before(work: Path, fingerprint: str, found: Validation) -> None:
    """Keeps what was measured before the first step, for a run that is resumed."""
    value = {
        "fingerprint": fingerprint,
        **{k: getattr(found, k).tolist() for k in ("losses", "right", "trained", "tasks")},
    }
    temporary = work / ".before.json.part"
    temporary.write_text(json.dumps(value), encoding="utf-8")
    temporary.replace(work / "before.json")


def load_before(work: Path, fingerprint: str) -> Validation | None:
    """What `save_before` kept of this run; None where there is nothing of it."""
    try:
        value = json.loads((work / "before.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if value.pop("fingerprint", None) != fingerprint:
        return None
    return Validation(**{k: np.asarray(v) for k, v in value.items()})

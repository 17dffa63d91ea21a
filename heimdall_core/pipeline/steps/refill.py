"""The second pass of a correction: generators fill what it found too small, and it corrects once
more. Declared, and once: what is still too small then is reported."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from heimdall_core.dataset import read_examples, write_examples
from heimdall_core.dataset.correct import CorrectionReport
from heimdall_core.dataset.remote import Remote
from heimdall_core.errors import HeimdallError
from heimdall_core.pipeline.steps.generate import Source, generate_dataset
from heimdall_core.registry import Registry
from heimdall_core.types import Event

Correct = Callable[[Path], CorrectionReport]


def refilled(
    registry: Registry,
    sources: tuple[Source, ...],
    rows: Path,
    report: CorrectionReport,
    correct: Correct,
    *,
    extra: Path,
    seed: int,
    check: bool = True,
    dialect: str = "",
    max_rejected: float = 0.0,
    max_context_size: str = "",
    emit: Callable[[Event], None] = lambda event: None,
) -> CorrectionReport:
    """Writes new rows for `report.quotas` into `extra`, and corrects `rows` with them.

    `correct(path)` corrects the rows of a path that is gone afterwards. Categories that no
    generator makes stay short, and a note says so.
    """
    makers = {name for source in sources for name in source.generator.categories}
    wanted = {name: n for name, n in report.quotas.items() if name in makers}
    orphans = sorted(set(report.quotas) - makers)
    if orphans:
        names = ", ".join(f"'{name}'" for name in orphans)
        emit(Event("warning", "correct", f"no generator makes {names}: they stay short"))
    if not wanted:
        return report
    emit(Event("note", "correct", f"second pass: {sum(wanted.values()):,} rows wanted"))
    generate_dataset(
        registry,
        sources,
        total=sum(wanted.values()),
        seed=seed + 1,
        output=extra,
        check=check,
        dialect=dialect,
        max_rejected=max_rejected,
        max_context_size=max_context_size,
        quotas=_with_reserve(wanted),
        emit=emit,
    )
    beside = None if isinstance(extra, Remote) else extra.parent
    with tempfile.TemporaryDirectory(prefix=".refill-", dir=beside) as folder:
        both = Path(folder) / "both.jsonl"

        def joined() -> Any:
            yield from read_examples(rows, lambda bad: None)
            yield from read_examples(extra)

        write_examples(both, joined())
        return correct(both)


def _with_reserve(wanted: Mapping[str, int]) -> dict[str, int]:
    """Some more than is wanted: a few of the new rows repeat what is there, and go."""
    return {name: n + 5 + n // 5 for name, n in wanted.items()}


def require_generators(sources: tuple[Source, ...]) -> None:
    """Raises `HeimdallError` where there is nothing to refill from."""
    if not sources:
        raise HeimdallError("no generator is installed", hint="see: heimdall plugins")

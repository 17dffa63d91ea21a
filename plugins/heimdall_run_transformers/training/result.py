"""A run in figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from heimdall_run_transformers.encode import EncodedRow
from heimdall_run_transformers.training.loop import Loop
from heimdall_run_transformers.training.rows import Rows


def digest_rows(digest: Any, rows: Sequence[EncodedRow]) -> None:
    """Feeds rows into a hash."""
    for row in rows:
        digest.update(f"\n{row.prompt_length} {row.task} ".encode())
        digest.update(row.tokens.tobytes())
    digest.update(b"\n\n")


def run_metrics(loop: Loop) -> dict[str, float]:
    """Losses, steps, speeds and memory of a run that has ended."""
    progress = loop.progress
    total = progress.total
    metrics = {
        "train_loss": progress.best_train_loss,
        "validation_loss": progress.best_loss,
        "best_step": float(progress.best_step),
        "steps": float(progress.step),
        "epochs": loop.plan.epochs(progress.step),
        "tokens_per_second": total.tokens / total.seconds,
        "trained_tokens_per_second": total.trained / total.seconds,
        "padding_share": total.padding_share,
        "peak_memory_bytes": loop.peak_memory(),
        "seconds": progress.seconds,
    }
    if loop.peak.flops:
        speed = metrics["tokens_per_second"] / loop.processes.count
        metrics["mfu"] = speed * loop.flops.per_token / loop.peak.flops
    return metrics


def run_counts(loop: Loop, rows: Rows) -> dict[str, int]:
    """Rows and tokens of a run."""
    return {
        "train_rows": len(rows.train.rows),
        "train_rows_too_long": rows.train.too_long,
        "replayed_rows": rows.replayed,
        "validation_rows": len(rows.validation.rows),
        "validation_rows_too_long": rows.validation.too_long,
        "tokens": rows.train.tokens,
        "trained_tokens": rows.train.trained_tokens,
        "tokens_seen": loop.progress.total.tokens,
        "trained_tokens_seen": loop.progress.total.trained,
    }

"""Export, and the proof that what was exported is what was trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from heimdall_core.errors import PluginError
from heimdall_core.registry import Registry
from heimdall_core.types import (
    Artefact,
    Check,
    Event,
    Example,
    ExportContext,
    Json,
    VerifyContext,
)


def export_model(
    registry: Registry,
    exporter: str,
    options: Any,
    *,
    model: Path,
    output: Path,
    metadata: Json,
    examples: Sequence[Example] = (),
    emit: Callable[[Event], None] = lambda event: None,
) -> list[Artefact]:
    """Runs one exporter; returns what it wrote."""
    plugin = registry.exporter(exporter)
    context = ExportContext(
        model=model, output=output, metadata=metadata, examples=examples, emit=emit
    )
    artefacts = list(plugin.export(context, options))
    for artefact in artefacts:
        if not isinstance(artefact, Artefact) or not artefact.path.exists():
            raise PluginError(
                f"reported an artefact that is not there: {artefact}", where=f"exporter {exporter}"
            )
    return artefacts


def verify_artefact(
    registry: Registry,
    exporter: str,
    *,
    model: Path,
    artefact: Path,
    examples: Sequence[Example],
    texts: int,
    answers: int,
    max_new_tokens: int,
    options: Any = None,
    emit: Callable[[Event], None] = lambda event: None,
) -> list[Check]:
    """The proof of one artefact, line by line; empty where its exporter has none."""
    plugin = registry.exporter(exporter)
    if plugin.verify is None:
        return []
    context = VerifyContext(
        model=model,
        artefact=artefact,
        examples=examples,
        texts=texts,
        answers=answers,
        max_new_tokens=max_new_tokens,
        options=options,
        emit=emit,
    )
    return list(plugin.verify(context))

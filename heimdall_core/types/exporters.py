"""What `heimdall_exporters` yields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import field, frozen

from heimdall_core.types.base import Json, NoOptions
from heimdall_core.types.example import Example
from heimdall_core.types.observation import Event


@frozen
class Artefact:
    """A file that an exporter wrote."""

    path: Path
    kind: str
    """What it is, such as `gguf:Q4_K_M`."""
    details: Json = field(factory=dict)


@frozen
class ExportContext:
    """What an exporter is given."""

    model: Path
    """Model directory."""
    output: Path
    """Directory, or the file's final name; written under a temporary name and renamed."""
    metadata: Json = field(factory=dict)
    """Licence, base model, dataset hashes, recipe hash, metrics: for the artefact's own header."""
    examples: Sequence[Example] = ()
    """Rows as the model will meet them, for an exporter that looks at what matters to them."""
    emit: Callable[[Event], None] = lambda event: None


@frozen
class Check:
    """One line of a proof."""

    name: str
    passed: bool
    detail: str
    """What was compared, and how many."""


@frozen
class VerifyContext:
    """What a proof is given."""

    model: Path
    artefact: Path
    examples: Sequence[Example]
    """Prompts to compare on."""
    texts: int = 200
    answers: int = 50
    max_new_tokens: int = 128
    options: Any = None
    """The exporter's options of that export; None where they are not known."""
    emit: Callable[[Event], None] = lambda event: None


@frozen
class Exporter:
    """Yielded by `heimdall_exporters`: writes an artefact from a model directory."""

    name: str
    summary: str
    export: Callable[[ExportContext, Any], Sequence[Artefact]]
    """`export(context, options)`."""
    options: type = NoOptions
    kinds: Callable[[Any], tuple[str, ...]] | None = None
    """`kinds(options)`: the kinds of the artefacts that it will write, so that a recipe that
    evaluates another one is refused before anything runs."""
    ready: Callable[[Any], None] | None = None
    """`ready(options)`: as `Trainer.ready`."""
    verify: Callable[[VerifyContext], Sequence[Check]] | None = None
    """Proves an artefact against the model it came from."""
    formats: Callable[[], Mapping[str, str]] | None = None
    """`formats()`: what the option `quant_types` may name, each with a line of description."""
    version: str = "1"

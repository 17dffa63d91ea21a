"""Options of the exporter. Imports nothing heavy."""

from __future__ import annotations

from typing import Literal

from attrs import frozen


@frozen(kw_only=True)
class AdapterOptions:
    """How an adapter is written. The string below each field is its help text."""

    type: Literal["F32", "F16"] = "F16"
    """Type of the matrices."""
    base: str = ""
    """Folder of the base model; empty takes the one that the adapter names."""
    overwrite: bool = False
    """Replace a file of the same name; otherwise the export is refused."""


def kinds(options: AdapterOptions) -> tuple[str, ...]:
    """The kinds of the artefacts that an export with these options writes."""
    return (f"adapter:{options.type}",)

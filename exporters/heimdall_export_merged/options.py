"""Options of the exporter. Imports nothing heavy."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen, validators


@frozen(kw_only=True)
class MergedOptions:
    """How a merged model is written. The string below each field is its help text."""

    type: Literal["base", "F32", "F16", "BF16"] = "base"
    """Type of the weights; `base` keeps the one that each has in the base model."""
    base: str = ""
    """Folder of an adapter's base model; empty takes the one that the adapter names."""
    shard_gb: float = field(default=5.0, validator=validators.gt(0))
    """Largest file, in GB; a larger model is written in several."""


def kinds(options: MergedOptions) -> tuple[str, ...]:
    """The kinds of the artefacts that an export with these options writes."""
    return (f"merged:{options.type}",)

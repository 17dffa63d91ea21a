"""Options of the evaluators. Imports nothing heavy."""

from __future__ import annotations

from attrs import field, frozen, validators


@frozen(kw_only=True)
class PerplexityOptions:
    """How rows are scored. The string below each field is its help text."""

    overlap: int = field(default=0, validator=validators.ge(0))
    """Rows longer than the model's context are scored in windows; each token is given at least so
    many tokens before it. 0 takes half the context."""

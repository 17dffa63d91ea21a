"""Options of the evaluator. Imports nothing heavy."""

from __future__ import annotations

from attrs import field, frozen, validators


@frozen(kw_only=True)
class LatencyOptions:
    """What is timed. The string below each field is its help text."""

    queries: int = field(default=50, validator=validators.ge(1))
    """Rows that are asked one by one, at most, spread over all; the others have no weight."""
    warmup: int = field(default=2, validator=validators.ge(0))
    """Questions asked first and not counted: they load caches and pages."""

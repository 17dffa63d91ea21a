"""Options of the evaluator, apart from its work: the work imports sqlglot, the options nothing."""

from __future__ import annotations

from attrs import frozen


@frozen
class MetricOptions:
    """What a recipe's [evaluate.options.sql_rows] may set."""

    data_seed: int = 1
    """Which data the queries run on."""

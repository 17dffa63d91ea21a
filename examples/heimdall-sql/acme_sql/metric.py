"""Whether an answer gives the reference's rows on generated data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from acme_sql.engine import SqliteEngine
from acme_sql.language import extract
from acme_sql.metric_options import MetricOptions
from acme_sql.schemas import populate
from heimdall_core import EvaluateContext, Example, Measurement


def measure(context: EvaluateContext, options: MetricOptions) -> Sequence[Measurement]:
    """1 for the same rows, 0 for others or an error; rows that are no SQL weigh nothing."""
    with ExitStack() as stack:
        engines: dict[str, SqliteEngine] = {}
        return list(_measured(context, options, engines, stack))


def _measured(
    context: EvaluateContext,
    options: MetricOptions,
    engines: dict[str, SqliteEngine],
    stack: ExitStack,
) -> Iterator[Measurement]:
    for row, answer in zip(context.examples, context.completions, strict=True):
        schema = context.schemas.get(row.schema)
        if row.language != "sql" or schema is None:
            yield Measurement(0.0, weight=0.0, detail={"why": "no SQL row"})
            continue
        if row.schema not in engines:
            engine = engines[row.schema] = stack.enter_context(SqliteEngine())
            engine.load(populate(schema, options.data_seed))
        yield _compare(engines[row.schema], row, extract(answer.text), schema)


def _compare(
    engine: SqliteEngine, row: Example, query: str, schema: Mapping[str, Any]
) -> Measurement:
    if not query:
        return Measurement(0.0, detail={"why": "no query in the answer"})
    if not row.output.startswith("SELECT"):
        # A change shows in what the table holds afterwards; the same text changes the same rows.
        same = query == row.output
        return Measurement(float(same), detail={"why": "" if same else "another change"})
    wanted, given = engine.run(row.output), engine.run(query)
    if given.error:
        return Measurement(0.0, detail={"why": given.error})
    if "ORDER BY" in row.output:
        same = wanted.rows == given.rows
    else:
        same = Counter(wanted.rows) == Counter(given.rows)
    return Measurement(float(same), detail={"why": "" if same else "other rows"})

"""Distilled rows in the mix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from heimdall_core.dataset.io import example_from_dict
from heimdall_core.errors import HeimdallError
from heimdall_core.types import Example, GenerateContext, Json
from heimdall_gen_distill.engine import Distiller
from heimdall_gen_distill.forecast import Forecast
from heimdall_gen_distill.items import Item, read_schemas
from heimdall_gen_distill.journal import Journal
from heimdall_gen_distill.options import DistillOptions

#: Prompts beyond the rows that are wanted, in proportion, for answers that will be refused.
_SPARE = 1.1


def examples(context: GenerateContext, options: DistillOptions) -> Iterator[Example]:
    """Accepted rows in the order of the prompts. No more prompts are asked than rows are wanted,
    but for those that take the place of refused ones."""
    import json

    if context.teacher is None:
        raise HeimdallError("no teacher can be asked here", where="distill.teacher")
    distiller = Distiller(options, context.teacher)
    source = distiller.items()

    def told(forecast: Forecast) -> bool:
        if not made:  # the waves after it only take the place of what was refused
            context.note(f"distill: {forecast.text()}")
        return True

    seen: set[tuple[str, str, str]] = set()
    made = 0
    try:
        while made < context.count:
            wave: list[Item] = list(islice(source, int((context.count - made) * _SPARE) + 1))
            if not wave:
                break
            journal = Journal()
            try:
                distiller.run(journal.add, items=wave, before=told)
                if distiller.fatal is not None:
                    raise distiller.fatal
                for line in journal.lines():
                    if not line.row:
                        continue
                    row = example_from_dict(json.loads(line.row))
                    if row.prompt_key in seen or made >= context.count:
                        continue
                    seen.add(row.prompt_key)
                    made += 1
                    yield row
            finally:
                journal.close()
            if distiller.stopped:
                break
    finally:
        distiller.cache.close()
        context.note(_summary(distiller))


def schemas(options: DistillOptions) -> Mapping[str, Json]:
    """The graph schemas that rows name."""
    return read_schemas(options.schema)


def _summary(distiller: Distiller) -> str:
    statuses = distiller.progress.statuses
    parts = [f"{count:,} {status}" for status, count in statuses.most_common()]
    text = f"distill: {distiller.progress.prompts:,} prompts, {', '.join(parts) or 'none asked'}"
    reasons = distiller.progress.reasons.most_common(5)
    if reasons:
        text += f" ({', '.join(f'{count} {reason}' for reason, count in reasons)})"
    text += f"; {distiller.budget.sent:,} requests, {distiller.budget.spent:.4f} USD"
    return f"{text}; {distiller.stopped}" if distiller.stopped else text

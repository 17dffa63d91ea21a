"""From families and schemas to rows.

Each family draws from its own random stream, evenly over schemas and, within a schema, over the
ways to bind its names. What a family yields does therefore not depend on which others take part,
and a larger count, or quotas, continue the rows of a smaller one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from heimdall_core.prompt import render_example
from heimdall_core.types import CONTEXT_SIZES, Example, GenerateContext
from heimdall_gen_cypher.families import CATEGORIES
from heimdall_gen_cypher.family import Family
from heimdall_gen_cypher.options import CypherOptions
from heimdall_gen_cypher.sampling import by_weight, round_robin, shuffled, stream
from heimdall_gen_cypher.schema import Schema, load_schema
from heimdall_gen_cypher.slots import Binding

SOURCE = "cypher"
LICENCE = "MIT"

#: Key under which `_wanted` keeps the rows of the categories that have no quota.
_REST = ""


@frozen
class Pair:
    """A prompt with its query, before it becomes a row."""

    schema: str
    prompt: str
    query: str


def examples(context: GenerateContext, options: CypherOptions) -> Iterator[Example]:
    """Unique rows: `context.count` of them, or as many as there are, which is then noted.

    With `context.quotas`, a category named there gives that many rows and the other categories
    share what is left of the count.
    """
    wanted = _wanted(context)
    left = dict(wanted)
    seen: set[str] = set()
    schemas = [load_schema(name) for name in options.chosen_schemas()]
    yield from by_weight(
        (
            family.weight,
            _rows(family, pairs(family, schemas, options.dialect, context.seed), left, seen),
        )
        for family in options.chosen_families()
    )
    for category, missing in left.items():
        if missing:
            made = wanted[category] - missing
            what = f"the category '{category}'" if category else "these options"
            context.note(f"{made} rows made of {wanted[category]} wanted: {what} allow no more")


def pairs(family: Family, schemas: Sequence[Schema], dialect: str, seed: int) -> Iterator[Pair]:
    """Every pair of a family in random order, the schemas taking turns."""
    rng = stream(seed, family.name)
    return round_robin(
        _pairs_of(family, schema, dialect, seed) for schema in rng.sample(schemas, len(schemas))
    )


def schemas_as_json(options: CypherOptions) -> Mapping[str, Mapping[str, Any]]:
    """The graph schemas that rows name, in the shape of the Cypher language plugin."""
    return {name: load_schema(name).as_json() for name in options.chosen_schemas()}


def context_size(prompt: str, query: str) -> str:
    """The smallest size that surely holds a rendered row: no token is shorter than one byte."""
    rendered = render_example(prompt, "", query)
    tokens = len(rendered.prompt.encode()) + len(rendered.answer.encode())
    return next((name for name, limit in CONTEXT_SIZES.items() if tokens <= limit), "max")


def combination(family: Family, pair: Pair) -> str:
    """A short hash of schema, family and values. The query holds every value that was drawn, so
    paraphrases of one question share it, and nothing else does."""
    text = "\n".join((pair.schema, family.name, pair.query))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _wanted(context: GenerateContext) -> dict[str, int]:
    """Rows wanted per category of the quotas, and under `_REST` for all others together."""
    quotas = {name: context.quotas[name] for name in CATEGORIES if name in context.quotas}
    for name in sorted(set(context.quotas) - set(quotas)):
        context.note(f"the quota for '{name}' is left to others: no category here has that name")
    return {**quotas, _REST: max(context.count - sum(quotas.values()), 0)}


def _pairs_of(family: Family, schema: Schema, dialect: str, seed: int) -> Iterator[Pair]:
    rng = stream(seed, family.name, schema.name)
    bindings = family.bindings(schema)
    rng.shuffle(bindings)

    def of(binding: Binding) -> Iterator[Pair]:
        for index in shuffled(family.size(binding), rng):
            yield Pair(schema.name, *family.render(binding, index, dialect))

    return round_robin(of(binding) for binding in bindings)


def _rows(
    family: Family, found: Iterator[Pair], left: dict[str, int], seen: set[str]
) -> Iterator[Example]:
    """Rows of a family while its category wants more; takes them off `left`."""
    pool = family.category if family.category in left else _REST
    for pair in found:
        if not left[pool]:
            return
        if pair.prompt in seen:
            continue
        seen.add(pair.prompt)
        left[pool] -= 1
        yield Example(
            instruction=pair.prompt,
            output=pair.query,
            category=family.category,
            context_size=context_size(pair.prompt, pair.query),
            source=SOURCE,
            licence=LICENCE,
            language="cypher",
            schema=pair.schema,
            family=family.name,
            combination=combination(family, pair),
        )

"""From families and schemas to rows.

There are three kinds of families: templates that list every prompt they allow (`families`), plans
that are drawn and grow as long as they bring something new (`plans`), and tasks about a query that
is there (`tasks`). Each family draws from its own random stream, evenly over schemas. What a family
yields does therefore not depend on which others take part, and a larger count, or quotas, continue
the rows of a smaller one.
"""

from __future__ import annotations

import hashlib
import random
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from heimdall_core.prompt import render_example
from heimdall_core.types import CONTEXT_SIZES, Example, GenerateContext, lazy
from heimdall_gen_cypher.catalogue import CATEGORIES
from heimdall_gen_cypher.family import DEFAULT, Family
from heimdall_gen_cypher.inputs import schema_text
from heimdall_gen_cypher.options import CypherOptions
from heimdall_gen_cypher.plans.drawing import Draw
from heimdall_gen_cypher.plans.plan import PlanFamily
from heimdall_gen_cypher.plans.voice import Voice
from heimdall_gen_cypher.sampling import by_weight, round_robin, shuffled, stream
from heimdall_gen_cypher.schema import Schema
from heimdall_gen_cypher.slots import Binding

#: Imported when it is first called, so that the plugin itself is there at once.
complexity = lazy("heimdall_lang_cypher.complexity:complexity")

SOURCE = "cypher"
LICENCE = "MIT"

#: Key under which `_wanted` keeps the rows of the categories that have no quota.
_REST = ""


#: Draws of one family over one schema that bring nothing new, after which it has no more to give.
_PATIENCE = 400

#: How many of the names that a schema leaves out are told.
_NAMED = 8

#: Characters of a query whose length alone does not make its context any larger.
_SHORT = 400

#: Bytes that a token stands for at least, on average, whatever the tokeniser.
_BYTES_PER_TOKEN = 2.5


@frozen
class Pair:
    """A prompt with its answer, before it becomes a row."""

    schema: str
    prompt: str
    query: str
    input: str = ""
    output: str = ""
    """The answer where it is prose and not the query."""
    rows: bool = True
    source: str = ""
    """The family whose plan a prose answer tells."""


def examples(context: GenerateContext, options: CypherOptions) -> Iterator[Example]:
    """Unique rows: `context.count` of them, or as many as there are, which is then noted.

    With `context.quotas`, a category named there gives that many rows and the other categories
    share what is left of the count.
    """
    wanted = _wanted(context)
    left = dict(wanted)
    seen: set[tuple[str, str]] = set()
    schemas = list(options.loaded_schemas())
    for schema in schemas:
        if schema.left_out:
            context.note(_left_out(schema))
    yield from by_weight(
        (weight, _rows(family, _found(family, schemas, options, context), left, seen, options))
        for weight, family in options.weighted_families()
    )
    for category, missing in left.items():
        if missing:
            made = wanted[category] - missing
            what = f"the category '{category}'" if category else "these options"
            context.note(f"{made} rows made of {wanted[category]} wanted: {what} allow no more")


def _left_out(schema: Schema) -> str:
    names = schema.left_out
    more = " …" if len(names) > _NAMED else ""
    return (
        f"schema '{schema.name}': no question is about {', '.join(names[:_NAMED])}{more} "
        f"({len(names)} names that need backticks, have no key, or belong to such a label)"
    )


def pairs(
    family: Family,
    schemas: Sequence[Schema],
    dialect: str,
    seed: int,
    part: tuple[int, int] = (0, 1),
) -> Iterator[Pair]:
    """Every pair of a family in random order, the schemas taking turns; of part k of n, every n-th
    of the bindings that a family has over a schema."""
    rng = stream(seed, family.name)
    return round_robin(
        _pairs_of(family, schema, dialect, seed, part)
        for schema in rng.sample(schemas, len(schemas))
    )


def _found(
    family: Family | PlanFamily,
    schemas: Sequence[Schema],
    options: CypherOptions,
    context: GenerateContext,
) -> Iterator[Pair]:
    seed = context.seed
    if isinstance(family, Family):
        return pairs(family, schemas, options.dialect, seed, context.part)
    rng = stream(seed, family.name)
    return round_robin(
        _plans_of(family, schema, schemas, options, seed)
        for schema in rng.sample(schemas, len(schemas))
    )


def _plans_of(
    family: PlanFamily,
    schema: Schema,
    schemas: Sequence[Schema],
    options: CypherOptions,
    seed: int,
) -> Iterator[Pair]:
    """Plans over a schema, drawn until the draws bring nothing new."""
    rng = stream(seed, family.name, schema.name)
    draw = Draw(rng, schema, options.dialect)
    seen: set[int] = set()
    missed = 0
    while missed < _PATIENCE:
        missed += 1
        shown = family.needs_schema or rng.random() < options.schema_share
        plan = family.make(draw, Voice(rng, shown=shown and family.words))
        if plan is None:
            continue
        parts = [plan.input] if plan.input else []
        if shown:
            parts.append(schema_text(rng, schema, _others(rng, schema, schemas, options)))
        text = "\n\n".join(parts)
        key = hash((plan.prompt, text))
        if key in seen:
            continue
        seen.add(key)
        missed = 0
        yield Pair(schema.name, plan.prompt, plan.query, text, plan.output, plan.rows, plan.source)


def _others(
    rng: random.Random, schema: Schema, schemas: Sequence[Schema], options: CypherOptions
) -> list[Schema]:
    """Schemas that stand beside the one that the question is about, as in a larger database. Only
    such as share no name of a label with it or with each other."""
    if len(schemas) < 2 or rng.random() >= options.distractor_share:
        return []
    taken, found = set(schema.by_label), []
    for other in rng.sample(schemas, min(len(schemas), rng.choice((1, 1, 2, 2, 3, 5, 8, 16, 30)))):
        if other is not schema and taken.isdisjoint(other.by_label):
            taken.update(other.by_label)
            found.append(other)
    return found


def schemas_as_json(options: CypherOptions) -> Mapping[str, Mapping[str, Any]]:
    """The graph schemas that rows name, in the shape of the Cypher language plugin."""
    return {schema.name: schema.json for schema in options.loaded_schemas()}


def context_size(prompt: str, input_: str, answer: str, needed: str) -> str:
    """The size that holds the rendered row, and no smaller than what its query needs."""
    rendered = render_example(prompt, input_, answer)
    size = len(rendered.prompt.encode()) + len(rendered.answer.encode())
    names = list(CONTEXT_SIZES)
    fits = (n for n, limit in CONTEXT_SIZES.items() if size / _BYTES_PER_TOKEN <= limit)
    return max(next(fits, "max"), needed, key=names.index)


def _needed() -> Callable[[Family | PlanFamily, Pair], str]:
    """The context size that a query's complexity asks for. The queries of a template differ in
    names and values alone, so that one of them speaks for all that are as short."""
    known: dict[str, str] = {}

    def needed(family: Family | PlanFamily, pair: Pair) -> str:
        if isinstance(family, PlanFamily) or len(pair.query) > _SHORT:
            return str(complexity(pair.query).context_size)
        if family.name not in known:
            known[family.name] = str(complexity(pair.query).context_size)
        return known[family.name]

    return needed


def combination(family: Family | PlanFamily, pair: Pair) -> str:
    """A short hash of schema, family and values. The query holds every value that was drawn, so
    paraphrases of one question share it, and nothing else does."""
    text = "\n".join((pair.schema, family.name, pair.query))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def fact_of(family: Family | PlanFamily, pair: Pair) -> str:
    """What a prose answer rests on: the plan that the query was written from, by its family, its
    schema and the hash that all rows about this one query share."""
    return f"plan:{pair.source or family.name}:{pair.schema}:{combination(family, pair)}"


def _meta(family: Family | PlanFamily, pair: Pair, meta: Mapping[str, Any]) -> Mapping[str, Any]:
    if pair.output:
        meta = {**meta, "fact": fact_of(family, pair)}
    return meta if pair.rows else {**meta, "expects_rows": False}


def _wanted(context: GenerateContext) -> dict[str, int]:
    """Rows wanted per category of the quotas, and under `_REST` for all others together."""
    quotas = {name: context.quotas[name] for name in CATEGORIES if name in context.quotas}
    for name in sorted(set(context.quotas) - set(quotas)):
        context.note(f"the quota for '{name}' is left to others: no category here has that name")
    return {**quotas, _REST: max(context.count - sum(quotas.values()), 0)}


def _pairs_of(
    family: Family, schema: Schema, dialect: str, seed: int, part: tuple[int, int]
) -> Iterator[Pair]:
    rng = stream(seed, family.name, schema.name)
    place, parts = part
    # Begun elsewhere for each family and schema, so that no part is left with the rare ones.
    turn = zlib.crc32(f"{family.name}/{schema.name}".encode())
    bindings = family.bindings(schema)[(place + turn) % parts :: parts]
    rng.shuffle(bindings)

    def of(binding: Binding) -> Iterator[Pair]:
        for index in shuffled(family.size(binding), rng):
            yield Pair(schema.name, *family.render(binding, index, dialect))

    return round_robin(of(binding) for binding in bindings)


def _rows(
    family: Family | PlanFamily,
    found: Iterator[Pair],
    left: dict[str, int],
    seen: set[tuple[str, str]],
    options: CypherOptions,
) -> Iterator[Example]:
    """Rows of a family while its category wants more; takes them off `left`."""
    pool = family.category if family.category in left else _REST
    meta: dict[str, Any] = {} if options.dialect == DEFAULT else {"dialect": options.dialect}
    needed = _needed()
    for pair in found:
        if not left[pool]:
            return
        if (pair.prompt, pair.input) in seen:
            continue
        seen.add((pair.prompt, pair.input))
        left[pool] -= 1
        answer = pair.output or pair.query
        yield Example(
            instruction=pair.prompt,
            input=pair.input,
            output=answer,
            category=family.category,
            context_size=context_size(pair.prompt, pair.input, answer, needed(family, pair)),
            source=SOURCE,
            licence=LICENCE,
            language="" if pair.output else "cypher",
            schema=pair.schema,
            family=family.name,
            combination=combination(family, pair),
            meta=_meta(family, pair, meta),
        )

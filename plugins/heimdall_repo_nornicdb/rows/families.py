"""Families of questions, and the one place where their rows are drawn.

A family is a function from a random stream to a `Draft`. Each has a stream of its own, takes turns
with the others by weight, and ends when it yields nothing new: rows are unique by prompt, and none
is copied to fill up. Rows that rest on a fact are limited per fact.
"""

from __future__ import annotations

import hashlib
import heapq
import math
import random
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from attrs import field, frozen

from heimdall_core.prompt import render_example
from heimdall_core.types import CONTEXT_SIZES, NO_SCHEMA, Example, GenerateContext
from heimdall_repo_nornicdb.rows.domains import domains

#: Rows that one fact may carry.
ROWS_PER_FACT = 40

#: Bytes per token that no tokenizer of ours falls below on text of this kind.
_BYTES_PER_TOKEN = 2.5


@frozen
class Draft:
    """A question with its answer, before it becomes a row."""

    prompt: str
    answer: str
    schema: str = ""
    """Empty where the row is about no graph."""
    input: str = ""
    system: str = ""
    language: str = "cypher"
    fact: str = ""
    """What a prose answer rests on: `nornicdb:decay-info`, `checker:Union`, `docs/x.md:12`."""
    about: str = ""
    """Questions with one `about` are paraphrases; empty where the answer tells them apart."""
    meta: Mapping[str, Any] = field(factory=dict)


@frozen(eq=False)
class Family:
    """A kind of question. `draw` may give None where a draw comes to nothing."""

    name: str
    category: str
    draw: Callable[[random.Random], Draft | None]
    weight: float = 1.0
    patience: int = 400
    """Draws in a row that give nothing new before the family counts as exhausted."""


def stream(seed: int, *path: str) -> random.Random:
    """A random stream of its own for every path, the same in every process."""
    text = "/".join((str(seed), *path))
    return random.Random(hashlib.sha256(text.encode()).digest())  # noqa: S311 - not for secrets


def prose(
    prompt: str,
    answer: str,
    fact: str,
    *,
    input: str = "",
    system: str = "",
    about: str = "",
    meta: Mapping[str, Any] | None = None,
) -> Draft:
    """A draft whose answer is text, with the fact that it rests on."""
    return Draft(
        prompt,
        answer,
        input=input,
        system=system,
        language="",
        fact=fact,
        about=about,
        meta=dict(meta or {}),
    )


def rows(
    context: GenerateContext,
    families: Sequence[Family],
    *,
    source: str,
    licence: str = "MIT",
    rows_per_fact: int = ROWS_PER_FACT,
) -> Iterator[Example]:
    """Rows of the families: `context.count`, or as many as there are, which is then noted.

    With quotas, a category named there gives that many rows and the others share the rest.
    """
    wanted = _wanted(context, families)
    left = dict(wanted)
    facts: Counter[str] = Counter()
    seen: set[bytes] = set()
    queue: list[tuple[float, int]] = [(1 / f.weight, i) for i, f in enumerate(families)]
    streams = [
        _drafts(f, stream(context.seed, source, f.name), seen, facts, rows_per_fact, context.part)
        for f in families
    ]
    heapq.heapify(queue)
    while queue and any(left.values()):
        due, at = heapq.heappop(queue)
        family = families[at]
        pool = family.category if family.category in left else _REST
        if not left[pool]:
            continue
        draft = next(streams[at], None)
        if draft is None:
            continue
        left[pool] -= 1
        yield _example(draft, family, source, licence)
        heapq.heappush(queue, (due + 1 / family.weight, at))
    for category, missing in left.items():
        if missing:
            what = f"the category '{category}'" if category else "these options"
            made = wanted[category] - missing
            context.note(f"{made} rows made of {wanted[category]} wanted: {what} allow no more")


_REST = ""


def _wanted(context: GenerateContext, families: Sequence[Family]) -> dict[str, int]:
    known = {family.category for family in families}
    quotas = {name: n for name, n in sorted(context.quotas.items()) if name in known}
    for name in sorted(set(context.quotas) - known):
        context.note(f"the quota for '{name}' is left to others: no category here has that name")
    rest = max(context.count - sum(quotas.values()), 0)
    return {**quotas, _REST: rest}


def _drafts(
    family: Family,
    rng: random.Random,
    seen: set[bytes],
    facts: Counter[str],
    rows_per_fact: int,
    part: tuple[int, int],
) -> Iterator[Draft]:
    misses = 0
    while misses < family.patience:
        draft = family.draw(rng)
        if draft is None or not _here(draft.fact, facts, rows_per_fact, part):
            misses += 1
            continue
        text = "\0".join((draft.system, draft.prompt, draft.input))
        key = hashlib.blake2b(text.encode(), digest_size=12).digest()
        if key in seen:
            misses += 1
            continue
        misses = 0
        seen.add(key)
        if draft.fact:
            facts[draft.fact] += 1
        yield draft


def _here(fact: str, facts: Counter[str], most: int, part: tuple[int, int]) -> bool:
    """Whether a row about that fact may be made in this part of the dataset: a fact belongs to
    one part, so that its limit is kept over all of them."""
    if not fact:
        return True
    place, of = part  # parts that fill up, from `of` on, are about no fact
    return zlib.crc32(fact.encode()) % of == place and facts[fact] < most


def _example(draft: Draft, family: Family, source: str, licence: str) -> Example:
    about = draft.about or draft.answer
    text = "\n".join((draft.schema, family.name, about))
    meta = {**draft.meta, "fact": draft.fact} if draft.fact else dict(draft.meta)
    return Example(
        instruction=draft.prompt,
        input=draft.input,
        output=draft.answer,
        category=family.category,
        context_size=context_size(draft),
        source=source,
        licence=licence,
        language=draft.language,
        schema=draft.schema or NO_SCHEMA,
        family=family.name,
        combination=hashlib.sha256(text.encode()).hexdigest()[:16],
        system=draft.system,
        meta=meta,
    )


def context_size(draft: Draft) -> str:
    """The smallest size that holds the rendered row."""
    if not draft.system and len(draft.prompt) + len(draft.input) + len(draft.answer) < 300:
        return "small"
    rendered = render_example(draft.prompt, draft.input, draft.answer, draft.system)
    size = len(rendered.prompt.encode()) + len(rendered.answer.encode())
    tokens = math.ceil(size / _BYTES_PER_TOKEN)
    return next((name for name, limit in CONTEXT_SIZES.items() if tokens <= limit), "max")


def used_schemas(names: Sequence[str] = ()) -> Mapping[str, Mapping[str, Any]]:
    """The schemas that rows may name, or those of them that are listed."""
    return {d.name: d.as_json() for d in domains() if not names or d.name in names}

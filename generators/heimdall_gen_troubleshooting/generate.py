"""From options and, where one is given, a checkout to rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import evolve

from heimdall_core.types import Example, GenerateContext
from heimdall_gen_troubleshooting.families import facts as symptoms
from heimdall_gen_troubleshooting.families import mistakes
from heimdall_gen_troubleshooting.options import TroubleOptions
from heimdall_repo_nornicdb.checkout.files import open_files
from heimdall_repo_nornicdb.facts import Fact, facts, standing
from heimdall_repo_nornicdb.rows.families import Family, rows, used_schemas

SOURCE = "troubleshooting"
LICENCE = "MIT"


def examples(context: GenerateContext, options: TroubleOptions) -> Iterator[Example]:
    """Unique rows: `context.count` of them, or as many as there are, which is then noted."""
    chosen = _families(context, options)
    if options.categories:
        chosen = tuple(f for f in chosen if f.category in options.categories)
    return rows(context, chosen, source=SOURCE, licence=LICENCE)


def schemas_as_json(options: TroubleOptions) -> Mapping[str, Mapping[str, Any]]:
    """The graph schemas that rows name, in the shape of the Cypher language plugin."""
    return used_schemas()


def _families(context: GenerateContext, options: TroubleOptions) -> tuple[Family, ...]:
    diagnosing = symptoms.families(_standing(context))
    total = sum(f.weight for f in diagnosing) / (1 - options.repairs - options.findings)
    return (
        *diagnosing,
        *_shared(mistakes.repairs(), total * options.repairs),
        *_shared(mistakes.explained(), total * options.findings),
    )


def _shared(families: Sequence[Family], weight: float) -> tuple[Family, ...]:
    """The families with a weight of `weight` in all; none where that is nothing."""
    total = sum(f.weight for f in families)
    return tuple(evolve(f, weight=f.weight / total * weight) for f in families if weight)


def _standing(context: GenerateContext) -> tuple[Fact, ...]:
    """The facts, without those that the checkout no longer bears out, which are named."""
    if context.repo is None:
        return facts("troubleshooting")
    return standing("troubleshooting", open_files(context.repo, context.note), context.note)

"""From options and, where one is given, a checkout to rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import evolve

from heimdall_core.types import Example, GenerateContext
from heimdall_gen_apoc.families import functions, procedures, registered
from heimdall_gen_apoc.options import ApocOptions
from heimdall_repo_nornicdb.checkout.files import open_files
from heimdall_repo_nornicdb.checkout.sources import Registration, read_registrations
from heimdall_repo_nornicdb.facts import Fact, apoc_signatures, facts, standing
from heimdall_repo_nornicdb.rows.families import Family, rows, used_schemas
from heimdall_repo_nornicdb.rows.prose import answers

SOURCE = "apoc"
LICENCE = "MIT"
_PLUGINS = "heimdall_plugins"


def examples(context: GenerateContext, options: ApocOptions) -> Iterator[Example]:
    """Unique rows: `context.count` of them, or as many as there are, which is then noted."""
    chosen = _families(context, options)
    if options.categories:
        chosen = tuple(f for f in chosen if f.category in options.categories)
    return rows(context, chosen, source=SOURCE, licence=LICENCE)


def schemas_as_json(options: ApocOptions) -> Mapping[str, Mapping[str, Any]]:
    """The graph schemas that rows name, in the shape of the Cypher language plugin."""
    return used_schemas()


def _families(context: GenerateContext, options: ApocOptions) -> tuple[Family, ...]:
    known: tuple[Fact, ...] = facts("apoc")
    registrations: Sequence[Registration] = ()
    if context.repo is not None:
        known, registrations = _of_checkout(context)
    working = functions.FAMILIES + procedures.FAMILIES
    total = sum(f.weight for f in working) / (1 - options.registered - options.plugins)
    listed = registered.families(registrations)
    share = sum(f.weight for f in listed)
    made = [
        *working,
        *(evolve(f, weight=f.weight / share * total * options.registered) for f in listed),
        Family("plugin_development", _PLUGINS, answers(known), total * options.plugins),
    ]
    return tuple(family for family in made if family.weight)


def _of_checkout(
    context: GenerateContext,
) -> tuple[tuple[Fact, ...], Sequence[Registration]]:
    """The facts that the checkout bears out, and what it registers."""
    if context.repo is None:
        return facts("apoc"), ()
    files = open_files(context.repo, context.note)
    standing_facts = standing("apoc", files, context.note)
    registrations = read_registrations(files)
    names = {r.name for r in registrations}
    known = set(apoc_signatures())
    if new := sorted(names - known):
        context.note(f"{len(new)} registered names are new and left out, such as {new[0]}")
    if lost := sorted(known - names) if names else []:
        context.note(f"{len(lost)} names are no longer registered and left out, such as {lost[0]}")
    return standing_facts, registrations

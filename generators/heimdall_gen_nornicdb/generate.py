"""From options and, where one is given, a checkout to rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from heimdall_core.types import Example, GenerateContext
from heimdall_gen_nornicdb.families import (
    actions,
    checkout,
    configuration,
    databases,
    plans,
    rewrites,
    schema,
    search,
    system,
    transactions,
)
from heimdall_gen_nornicdb.options import NornicOptions
from heimdall_repo_nornicdb.builtin import builtin_prompt
from heimdall_repo_nornicdb.checkout.files import Files, open_files
from heimdall_repo_nornicdb.checkout.prompts import PromptSource, read_prompts
from heimdall_repo_nornicdb.checkout.sources import (
    Setting,
    read_fences,
    read_settings,
    read_test_queries,
)
from heimdall_repo_nornicdb.facts import facts, few, standing
from heimdall_repo_nornicdb.rows.families import Family, rows, used_schemas
from heimdall_repo_nornicdb.rows.prose import answers

SOURCE = "nornicdb"
LICENCE = "MIT"
_OWN = (
    schema.FAMILIES
    + search.FAMILIES
    + databases.FAMILIES
    + transactions.FAMILIES
    + plans.FAMILIES
    + system.FAMILIES
    + rewrites.FAMILIES
)
_OPERATION = "nornicdb_operation"


def examples(context: GenerateContext, options: NornicOptions) -> Iterator[Example]:
    """Unique rows: `context.count` of them, or as many as there are, which is then noted."""
    chosen = _families(context, options)
    if options.categories:
        chosen = tuple(f for f in chosen if f.category in options.categories)
    return rows(context, chosen, source=SOURCE, licence=LICENCE)


def schemas_as_json(options: NornicOptions) -> Mapping[str, Mapping[str, Any]]:
    """The graph schemas that rows name, in the shape of the Cypher language plugin."""
    return used_schemas()


def _families(context: GenerateContext, options: NornicOptions) -> tuple[Family, ...]:
    known = facts("nornicdb")
    settings = configuration.FAMILIES
    prompt = builtin_prompt()
    extra: tuple[Family, ...] = ()
    if context.repo is not None:
        files = open_files(context.repo, context.note)
        known = standing("nornicdb", files, context.note)
        settings = configuration.families(_in_checkout(read_settings(files), context))
        prompt = _prompt(files, context)
        extra = _of_checkout(files, context, options)
    operation = Family("operation", _OPERATION, answers(known), 2.2)
    own = (*_OWN, *settings, operation)
    weight = sum(f.weight for f in own) / max(1 - options.actions - options.checkout, 0.05)
    asked: tuple[Family, ...] = ()
    if options.actions:
        asked = actions.families(
            prompt,
            knowledge=options.knowledge,
            tails=options.tails,
            weight=weight * options.actions / 1.22,
        )
    return (*own, *asked, *(_weighted(f, weight * options.checkout) for f in extra))


def _prompt(files: Files, context: GenerateContext) -> PromptSource:
    found = read_prompts(files)
    if found is None:
        context.note("no action rows are made from the checkout; built-in ones take their place")
        return builtin_prompt()
    return found


def _weighted(family: Family, weight: float) -> Family:
    return Family(family.name, family.category, family.draw, family.weight * weight)


def _of_checkout(
    files: Files, context: GenerateContext, options: NornicOptions
) -> tuple[Family, ...]:
    if not options.checkout:
        return ()
    if context.language is None:
        context.note("queries of the checkout are left out: no language is at hand to check them")
        return ()
    check = context.language("cypher").check
    found = (*read_fences(files), *read_test_queries(files))
    kept = tuple(checkout.usable(found, check))
    context.note(f"{len(found):,} queries read from the checkout, {len(kept):,} of them in use")
    return checkout.families(kept, check)


def _in_checkout(read: tuple[Setting, ...], context: GenerateContext) -> list[Any]:
    """The described settings that the checkout reads."""
    from heimdall_repo_nornicdb.facts import settings

    names = {setting.env for setting in read}
    kept = [setting for setting in settings() if setting.env in names]
    described = {setting.env for setting in settings()}
    if missing := sorted(described - names):
        context.note(
            f"{len(missing)} settings left out, since the checkout does not read them: "
            f"{few(missing)}"
        )
    if new := sorted(names - described):
        context.note(f"{len(new)} settings of the checkout without a description: {few(new)}")
    return kept

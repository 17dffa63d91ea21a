"""What the checker has to say about a query that is to be repaired."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve

from heimdall_core.types import Finding, Json
from heimdall_gen_distill.check_worker import look
from heimdall_gen_distill.items import Item
from heimdall_gen_distill.verdicts import said
from heimdall_gen_distill.words import plain_query


def with_finding(item: Item, schemas: Mapping[str, Json], dialect: str) -> Item:
    """A prompt of `repair` with the checker's finding, where it brings none of its own. One in
    which nothing is found is no prompt: nothing would be paid for but the same query."""
    if item.bad or item.finding:
        return item
    found = look(plain_query(item.query), schemas.get(item.schema), dialect)
    if "finding" in found:
        return evolve(item, finding=said(Finding(**found["finding"])))
    if "problem" in found:
        return evolve(item, finding=found["problem"][:200])
    return evolve(item, bad="the checker finds nothing to repair, and no finding is given")

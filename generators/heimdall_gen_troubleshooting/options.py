"""What a recipe may set in this generator's table."""

from __future__ import annotations

import attrs
from attrs import field, frozen, validators

from heimdall_core.errors import HeimdallError, did_you_mean

#: Areas of the facts, spelt out: listing plugins need not read the facts to know them. A test holds
#: them to `families.facts.AREAS`.
AREAS = (
    "connection",
    "authentication",
    "query",
    "results",
    "search",
    "transactions",
    "databases",
    "performance",
    "memory",
    "configuration",
    "storage",
    "heimdall",
    "plugins",
)

CATEGORIES = (
    *(f"troubleshooting_{area}" for area in AREAS),
    "troubleshooting_findings",
    "troubleshooting_fix_query",
)


def _known(_: object, __: attrs.Attribute[tuple[str, ...]], value: tuple[str, ...]) -> None:
    for name in value:
        if name not in CATEGORIES:
            raise HeimdallError(f"unknown category '{name}'", hint=did_you_mean(name, CATEGORIES))


@frozen
class TroubleOptions:
    """Which rows are generated. The string below each field is its help."""

    categories: tuple[str, ...] = field(default=(), validator=_known)
    """Names of the categories to make rows of; empty for all."""
    repairs: float = field(default=0.35, validator=[validators.ge(0), validators.le(0.9)])
    """Share of rows whose answer is the mended query."""
    findings: float = field(default=0.15, validator=[validators.ge(0), validators.le(0.9)])
    """Share of rows that explain a finding of the checker."""

    def __attrs_post_init__(self) -> None:
        if self.repairs + self.findings > 0.95:
            raise HeimdallError(
                "repairs and findings leave no room for the other rows",
                hint="let them add up to 0.95 at most",
            )

"""What a recipe may set in this generator's table."""

from __future__ import annotations

import attrs
from attrs import field, frozen, validators

from heimdall_core.errors import HeimdallError, did_you_mean

CATEGORIES = (
    "apoc_functions",
    "apoc_algorithms",
    "apoc_paths",
    "apoc_periodic",
    "apoc_registered",
    "heimdall_plugins",
)


def _known(_: object, __: attrs.Attribute[tuple[str, ...]], value: tuple[str, ...]) -> None:
    for name in value:
        if name not in CATEGORIES:
            raise HeimdallError(f"unknown category '{name}'", hint=did_you_mean(name, CATEGORIES))


@frozen
class ApocOptions:
    """Which rows are generated. The string below each field is its help."""

    categories: tuple[str, ...] = field(default=(), validator=_known)
    """Names of the categories to make rows of; empty for all."""
    registered: float = field(default=0.22, validator=[validators.ge(0), validators.le(0.9)])
    """Share of rows about registered names: which of them Cypher evaluates, and what stands in."""
    plugins: float = field(default=0.1, validator=[validators.ge(0), validators.le(0.9)])
    """Share of rows about the development of Heimdall plugins."""

    def __attrs_post_init__(self) -> None:
        if self.registered + self.plugins > 0.95:
            raise HeimdallError(
                "registered and plugins leave no room for the other rows",
                hint="let them add up to 0.95 at most",
            )

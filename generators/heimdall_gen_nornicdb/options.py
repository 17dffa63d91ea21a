"""What a recipe may set in this generator's table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
from attrs import field, frozen, validators

from heimdall_core.errors import HeimdallError, did_you_mean

CATEGORIES = (
    "nornicdb_schema",
    "nornicdb_search",
    "nornicdb_databases",
    "nornicdb_transactions",
    "nornicdb_plans",
    "nornicdb_system",
    "nornicdb_configuration",
    "nornicdb_rewrites",
    "nornicdb_operation",
    "nornicdb_actions",
    "nornicdb_checkout",
)


def _known(what: str, known: Iterable[str]) -> Any:
    def check(_: object, __: attrs.Attribute[tuple[str, ...]], value: tuple[str, ...]) -> None:
        available = tuple(known)
        for name in value:
            if name not in available:
                raise HeimdallError(f"unknown {what} '{name}'", hint=did_you_mean(name, available))

    return check


def _share() -> Any:
    return validators.and_(validators.ge(0), validators.le(1))


@frozen
class NornicOptions:
    """Which rows are generated. The string below each field is its help."""

    categories: tuple[str, ...] = field(default=(), validator=_known("category", CATEGORIES))
    """Names of the categories to make rows of; empty for all."""
    actions: float = field(default=0.15, validator=_share())
    """Share of rows that ask the assistant inside the server for an action."""
    knowledge: float = field(default=0.25, validator=_share())
    """Share of the action rows with the Watcher whose prompt holds results from the graph."""
    tails: float = field(default=0.1, validator=_share())
    """Share of the action rows that show only the end of the system message, as a server with a
    small batch does."""
    checkout: float = field(default=0.08, validator=_share())
    """Share of rows about queries that the checkout holds; none without `--repo`."""


def schema_names() -> tuple[str, ...]:
    """Names of the graph schemas in use."""
    from heimdall_repo_nornicdb.rows.domains import domains

    return tuple(domain.name for domain in domains())

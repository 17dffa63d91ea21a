"""What a recipe may set in this generator's table."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
from attrs import field, frozen

from heimdall_core.errors import HeimdallError, did_you_mean
from heimdall_gen_cypher.families import FAMILIES
from heimdall_gen_cypher.family import DIALECTS, Family
from heimdall_gen_cypher.schema import schema_names


def _known(names: Iterable[str], known: Iterable[str], what: str) -> None:
    available = tuple(known)
    for name in names:
        if name not in available:
            raise HeimdallError(f"unknown {what} '{name}'", hint=did_you_mean(name, available))


def _dialect(_: object, __: attrs.Attribute[str], value: str) -> None:
    _known((value,), DIALECTS, "dialect")


def _schemas(_: object, __: attrs.Attribute[tuple[str, ...]], value: tuple[str, ...]) -> None:
    _known(value, schema_names(), "schema")


def _families(_: object, __: attrs.Attribute[tuple[str, ...]], value: tuple[str, ...]) -> None:
    _known(value, (family.name for family in FAMILIES), "family")


@frozen
class CypherOptions:
    """Which queries are generated, and about what. The string below each field is its help."""

    dialect: str = field(default="nornicdb", validator=_dialect)
    """Whose Cypher: a family that is wrong there is left out, or answered differently."""
    schemas: tuple[str, ...] = field(default=(), validator=_schemas)
    """Names of the built-in graph schemas to use; empty for all."""
    families: tuple[str, ...] = field(default=(), validator=_families)
    """Names of the query families to use; empty for all that the dialect has."""

    def __attrs_post_init__(self) -> None:
        for family in FAMILIES:
            if family.name in self.families and self.dialect not in family.dialects:
                raise HeimdallError(
                    f"the family '{family.name}' has no right answer in '{self.dialect}'",
                    hint=f"it is for {', '.join(family.dialects)}",
                )

    def chosen_schemas(self) -> tuple[str, ...]:
        """Names of the schemas in use, sorted."""
        return tuple(name for name in schema_names() if not self.schemas or name in self.schemas)

    def chosen_families(self) -> tuple[Family, ...]:
        """The families in use, in their own order."""
        return tuple(
            family
            for family in FAMILIES
            if self.dialect in family.dialects
            and (not self.families or family.name in self.families)
        )

"""What a recipe may set in this generator's table."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
from attrs import field, frozen

from heimdall_core.errors import HeimdallError, did_you_mean
from heimdall_gen_cypher.catalogue import ALL, weighted
from heimdall_gen_cypher.family import DIALECTS, Family
from heimdall_gen_cypher.plans.plan import PlanFamily
from heimdall_gen_cypher.schema import Schema, load_schema, schema_names


def _known(names: Iterable[str], known: Iterable[str], what: str) -> None:
    available = tuple(known)
    for name in names:
        if name not in available:
            raise HeimdallError(f"unknown {what} '{name}'", hint=did_you_mean(name, available))


def _dialect(_: object, __: attrs.Attribute[str], value: str) -> None:
    _known((value,), DIALECTS, "dialect")


def _schemas(_: object, __: attrs.Attribute[tuple[str, ...]], value: tuple[str, ...]) -> None:
    _known(value, schema_names(), "schema")


def _share(_: object, attribute: attrs.Attribute[float], value: float) -> None:
    if not 0 <= value <= 1:
        raise HeimdallError(f"'{attribute.name}' is a share from 0 to 1, found {value}")


def _families(_: object, __: attrs.Attribute[tuple[str, ...]], value: tuple[str, ...]) -> None:
    _known(value, (family.name for family in ALL), "family")


@frozen
class CypherOptions:
    """Which queries are generated, and about what. The string below each field is its help."""

    dialect: str = field(default="nornicdb", validator=_dialect)
    """Whose Cypher: a family that is wrong there is left out, or answered differently."""
    schemas: tuple[str, ...] = field(default=(), validator=_schemas)
    """Names of the built-in graph schemas to use; empty for all."""
    families: tuple[str, ...] = field(default=(), validator=_families)
    """Names of the query families to use; empty for all that the dialect has."""
    schema_share: float = field(default=0.45, validator=_share)
    """Share of the plans' questions that bring the graph schema along in `input`."""
    distractor_share: float = field(default=0.2, validator=_share)
    """Share of those whose schema stands among the parts of one to eight others."""

    def __attrs_post_init__(self) -> None:
        for family in ALL:
            if family.name in self.families and self.dialect not in family.dialects:
                raise HeimdallError(
                    f"the family '{family.name}' has no right answer in '{self.dialect}'",
                    hint=f"it is for {', '.join(family.dialects)}",
                )

    def chosen_schemas(self) -> tuple[str, ...]:
        """Names of the schemas in use, sorted."""
        return tuple(name for name in schema_names() if not self.schemas or name in self.schemas)

    def loaded_schemas(self) -> tuple[Schema, ...]:
        """The schemas in use."""
        return tuple(load_schema(name) for name in self.chosen_schemas())

    def weighted_families(self) -> list[tuple[float, Family | PlanFamily]]:
        """The families in use with their shares."""
        return weighted(self.chosen_families())

    def chosen_families(self) -> tuple[Family | PlanFamily, ...]:
        """The families in use, in their own order."""
        return tuple(
            family
            for family in ALL
            if self.dialect in family.dialects
            and (not self.families or family.name in self.families)
        )

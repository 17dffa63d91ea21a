"""What a recipe may set in this generator's table."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from attrs import field, frozen

from heimdall_core.errors import HeimdallError, did_you_mean

if TYPE_CHECKING:  # the families are loaded when options are made, not when plugins are listed
    from heimdall_gen_cypher.family import Family
    from heimdall_gen_cypher.plans.plan import PlanFamily
    from heimdall_gen_cypher.schema import Schema


def _known(names: Iterable[str], known: Iterable[str], what: str) -> None:
    available = tuple(known)
    for name in names:
        if name not in available:
            raise HeimdallError(f"unknown {what} '{name}'", hint=did_you_mean(name, available))


def _dialect(_: object, __: attrs.Attribute[str], value: str) -> None:
    from heimdall_gen_cypher.family import DIALECTS

    _known((value,), DIALECTS, "dialect")


def _schemas(_: object, __: attrs.Attribute[tuple[str, ...]], value: tuple[str, ...]) -> None:
    from heimdall_gen_cypher.schema import schema_names

    _known(value, schema_names(), "schema")


def _share(_: object, attribute: attrs.Attribute[float], value: float) -> None:
    if not 0 <= value <= 1:
        raise HeimdallError(f"'{attribute.name}' is a share from 0 to 1, found {value}")


def _families(_: object, __: attrs.Attribute[tuple[str, ...]], value: tuple[str, ...]) -> None:
    from heimdall_gen_cypher.catalogue import ALL

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
    schema_files: tuple[str, ...] = ()
    """Schemas of your own: TOML files, or JSON(L) as text2cypher tools write it. Given without
    `schemas`, they replace the built-in ones."""
    database: str = ""
    """Bolt address of a running database whose schema is used, as `schema_files` are."""
    schema_share: float = field(default=0.45, validator=_share)
    """Share of the plans' questions that bring the graph schema along in `input`."""
    distractor_share: float = field(default=0.2, validator=_share)
    """Share of those whose schema stands among the parts of one to thirty others."""

    def __attrs_post_init__(self) -> None:
        from heimdall_gen_cypher.catalogue import ALL

        for family in ALL:
            if family.name in self.families and self.dialect not in family.dialects:
                raise HeimdallError(
                    f"the family '{family.name}' has no right answer in '{self.dialect}'",
                    hint=f"it is for {', '.join(family.dialects)}",
                )

    def chosen_schemas(self) -> tuple[str, ...]:
        """Names of the built-in schemas in use, sorted."""
        from heimdall_gen_cypher.schema import schema_names

        if not self.schemas and (self.schema_files or self.database):
            return ()
        return tuple(name for name in schema_names() if not self.schemas or name in self.schemas)

    def loaded_schemas(self) -> tuple[Schema, ...]:
        """The schemas in use. Raises `HeimdallError` for a file or database that cannot be read,
        and for a name that two schemas have."""
        from heimdall_gen_cypher import sources
        from heimdall_gen_cypher.schema import load_schema

        found = [load_schema(name) for name in self.chosen_schemas()]
        if self.schema_files:
            paths = [Path(path) for path in self.schema_files]
            stamps = tuple(path.stat().st_mtime if path.is_file() else 0.0 for path in paths)
            found += sources.cached_files(self.schema_files, stamps)
        if self.database:
            found.append(sources.cached_database(self.database))
        names = [schema.name for schema in found]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise HeimdallError(f"two schemas are called '{twice}'", hint="rename one")
        return tuple(found)

    def inputs(self) -> tuple[Path, ...]:
        """Files that the options name."""
        return tuple(Path(path) for path in self.schema_files)

    def weighted_families(self) -> list[tuple[float, Family | PlanFamily]]:
        """The families in use with their shares."""
        from heimdall_gen_cypher.catalogue import weighted

        return weighted(self.chosen_families())

    def chosen_families(self) -> tuple[Family | PlanFamily, ...]:
        """The families in use, in their own order."""
        from heimdall_gen_cypher.catalogue import ALL

        return tuple(
            family
            for family in ALL
            if self.dialect in family.dialects
            and (not self.families or family.name in self.families)
        )

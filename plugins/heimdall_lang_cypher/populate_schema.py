"""What data generation needs of a graph schema: a type and sample values for each property."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from heimdall_core.errors import HeimdallError
from heimdall_core.types import Json
from heimdall_lang_cypher import value_types as types
from heimdall_lang_cypher.schema import Properties, read_schema

#: Types of properties that a schema only names, by a part of the name.
_GUESSES = (
    (("year", "count", "size", "votes", "runtime", "age", "number", "total"), types.INTEGER),
    (("rating", "score", "weight", "price", "revenue", "budget", "popularity"), types.FLOAT),
    (("date", "born", "died", "createdat", "timestamp"), types.DATE),
    (("embedding",), types.list_of(types.FLOAT)),
    (("languages", "countries", "roles", "tags"), types.list_of(types.STRING)),
)


@frozen
class Property:
    """A property of a label or relationship type."""

    name: str
    type: int
    """As in `value_types`."""
    samples: tuple[Any, ...] = ()
    """Values that the schema gives as examples or as all there are."""
    low: float | None = None
    high: float | None = None


@frozen
class RelationshipShape:
    """One relationship type between two labels."""

    type: str
    start: str
    end: str
    properties: tuple[Property, ...]


@frozen
class GraphShape:
    """Labels with their properties, and what connects them."""

    nodes: Mapping[str, tuple[Property, ...]]
    relationships: tuple[RelationshipShape, ...]


def read_shape(json: Json) -> GraphShape:
    """The shape of a schema in any form that `read_schema` knows. Where a property is an object or
    an entry of `node_props`, its `values`, `min` and `max` are used.

    Raises `HeimdallError` where the schema names no label, for then there is nothing to make, and
    where it cannot be read.
    """
    schema = read_schema(json)
    if not schema.nodes:
        raise HeimdallError("the graph schema names no labels", hint="it needs a key 'nodes'")
    details = _details(json)

    def properties(owner: str, known: Properties | None) -> tuple[Property, ...]:
        if known is None:  # Only the names of the whole graph's properties are known.
            known = {key: _guess(key) for key in sorted(schema.keys)}
        return tuple(
            _property(name, type_, details.get((owner, name), {})) for name, type_ in known.items()
        )

    return GraphShape(
        {label: properties(label, known) for label, known in schema.nodes.items()},
        tuple(
            RelationshipShape(
                type_, start, end, properties(type_, schema.relationships.get(type_) or {})
            )
            for type_, pairs in schema.endpoints.items()
            for start, end in sorted(pairs)
            if start in schema.nodes and end in schema.nodes
        ),
    )


def _property(name: str, type_: int, detail: Mapping[str, Any]) -> Property:
    low, high = _number(detail.get("min")), _number(detail.get("max"))
    samples = detail.get("values") or detail.get("enum") or ()
    return Property(name, type_, tuple(samples), low, high)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):  # Nothing given, or the bound of a date.
        return None


def _details(json: Json) -> dict[tuple[str, str], Mapping[str, Any]]:
    """What the JSON says beyond the type, by (label or relationship type, property)."""
    source: Any = json.get("structured", json)
    listed = {**source.get("node_props", {}), **source.get("rel_props", {})}
    found = {
        (owner, str(each["property"])): each for owner, specs in listed.items() for each in specs
    }
    nodes = source.get("nodes", {})
    owners = list(nodes.items()) if isinstance(nodes, Mapping) else []
    owners += [(each.get("type"), each) for each in source.get("relationships", ())]
    for owner, entry in owners:
        specs = entry.get("properties", {})
        if isinstance(specs, Mapping):
            found |= {
                (str(owner), name): spec
                for name, spec in specs.items()
                if isinstance(spec, Mapping)
            }
    return found


def _guess(name: str) -> int:
    lowered = name.lower()
    for parts, type_ in _GUESSES:
        if any(part in lowered for part in parts):
            return type_
    return types.STRING

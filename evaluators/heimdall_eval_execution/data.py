"""Graphs on which a reference finds something: a schema's made data, with the reference's own
literals among the values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from heimdall_core.types import Json
from heimdall_lang_cypher import ast
from heimdall_lang_cypher.parser import parse_statement
from heimdall_lang_cypher.syntax_errors import CypherSyntaxError
from heimdall_lang_cypher.visitor import walk

Literals = Mapping[str, tuple[Any, ...]]


def literals_of(query: str) -> Literals:
    """The values that a query compares each property with, by the property's name. Around a number
    its neighbours are added, so that `>`, `>=` and `=` give different rows."""
    try:
        statement = parse_statement(query)
    except CypherSyntaxError:
        return {}
    found: dict[str, dict[Any, None]] = {}
    for node in walk(statement):
        if isinstance(node, ast.MapEntry):
            _note(found, node.key.name, node.value)
        elif isinstance(node, ast.Comparison):
            for one, other in zip(node.operands, node.operands[1:], strict=False):
                _pair(found, one, other)
                _pair(found, other, one)
        elif isinstance(node, ast.BinaryPredicate):
            _pair(found, node.left, node.right)
    return {name: tuple(values) for name, values in found.items()}


def with_values(schema: Json, literals: Literals) -> dict[str, Any]:
    """The schema in which the properties named in `literals` take these values beside made ones.
    A schema in a shape without types of properties is left as it is."""
    source = schema.get("structured", schema)
    if literals and isinstance(source, Mapping) and "node_props" in source:
        changed = {
            **source,
            **{
                part: {
                    owner: [_listed(entry, literals) for entry in entries]
                    for owner, entries in source.get(part, {}).items()
                }
                for part in ("node_props", "rel_props")
            },
        }
        return {**schema, "structured": changed} if "structured" in schema else changed
    nodes = schema.get("nodes")
    links = schema.get("relationships")
    if not literals or not isinstance(nodes, Mapping) or not isinstance(links, list | tuple):
        return dict(schema)
    return {
        **schema,
        "nodes": {label: _table(table, literals) for label, table in nodes.items()},
        "relationships": [_table(table, literals) for table in links],
    }


def _table(table: Any, literals: Literals) -> Any:
    properties = table.get("properties") if isinstance(table, Mapping) else None
    if not isinstance(properties, Mapping):
        return table
    return {
        **table,
        "properties": {
            name: _property(entry, literals.get(name, ())) for name, entry in properties.items()
        },
    }


def _listed(entry: Any, literals: Literals) -> Any:
    """An entry of `node_props`, as graph libraries write it."""
    if not isinstance(entry, Mapping) or "property" not in entry:
        return entry
    found = _property(entry, literals.get(str(entry["property"]), ()))
    return {**entry, **found} if isinstance(found, Mapping) else entry


def _property(entry: Any, values: tuple[Any, ...]) -> Any:
    kind = entry.get("type", "STRING") if isinstance(entry, Mapping) else entry
    fitting = [value for value in values if _fits(value, str(kind))]
    if not fitting:
        return entry
    own = list(entry.get("values", ())) if isinstance(entry, Mapping) else []
    return {"type": kind, "values": [*fitting, *own, *_others(fitting)]}


def _others(values: list[Any]) -> list[Any]:
    """Values that a condition on `values` should leave out."""
    others: list[Any] = []
    for value in values:
        if isinstance(value, bool):
            others.append(not value)
        elif isinstance(value, int | float):
            others += [value - 1, value + 1, value * 2 + 3]
        elif isinstance(value, str):
            others += [f"{value}a", f"z{value}", f"other {len(others)}"]
    return [other for other in dict.fromkeys(others) if other not in values]


def _fits(value: Any, kind: str) -> bool:
    kind = kind.upper()
    if isinstance(value, bool):
        return kind.startswith("BOOL")
    if isinstance(value, int):
        return kind.startswith(("INT", "FLOAT"))
    if isinstance(value, float):
        return kind.startswith("FLOAT")
    return kind.startswith("STRING")


def _pair(found: dict[str, dict[Any, None]], one: ast.Expression, other: ast.Expression) -> None:
    if isinstance(one, ast.PropertyAccess):
        _note(found, one.key.name, other)


def _note(found: dict[str, dict[Any, None]], name: str, value: ast.Expression) -> None:
    if isinstance(value, ast.ListLiteral):
        for item in value.items:
            _note(found, name, item)
    elif isinstance(
        value, ast.StringLiteral | ast.IntegerLiteral | ast.FloatLiteral | ast.BooleanLiteral
    ):
        found.setdefault(name, {})[value.value] = None

"""The names that a query mentions, by what they name."""

from __future__ import annotations

from collections.abc import Mapping

from heimdall_lang_cypher import ast
from heimdall_lang_cypher.parser import parse
from heimdall_lang_cypher.visitor import walk


def vocabulary(query: str) -> Mapping[str, tuple[str, ...]]:
    """Labels, relationship types, properties, functions and procedures of a query, each in the
    order of the text and as often as it stands there. Raises `CypherSyntaxError` for a query that
    does not parse."""
    found: dict[str, list[str]] = {
        kind: [] for kind in ("labels", "types", "properties", "functions", "procedures")
    }
    types: set[int] = set()
    for node in walk(parse(query)):
        if isinstance(node, ast.RelationshipPattern) and node.types is not None:
            types.update(id(each) for each in walk(node.types))
        elif isinstance(node, ast.LabelName):
            found["types" if id(node) in types else "labels"].append(node.name)
        elif isinstance(node, ast.PropertyAccess | ast.MapEntry):
            found["properties"].append(node.key.name)
        elif isinstance(node, ast.FunctionCall):
            found["functions"].append(node.name.text)
        elif isinstance(node, ast.CallProcedure):
            found["procedures"].append(node.name.text)
    return {kind: tuple(names) for kind, names in found.items() if names}

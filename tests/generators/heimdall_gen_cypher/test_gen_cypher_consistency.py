"""Queries against their schema, by an extraction that shares nothing with the generator."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from heimdall_core.types import Example
from heimdall_gen_cypher.generate import schemas_as_json
from heimdall_gen_cypher.options import CypherOptions
from heimdall_gen_cypher.schema import load_schema

OPTIONS = CypherOptions()

#: As the language reads them, with each property's type alone.
SCHEMAS = {
    name: {
        **schema,
        "nodes": {
            node.label: {"properties": {p.name: p.type for p in node.properties}}
            for node in load_schema(name).nodes
        },
        "relationships": [
            {
                "type": r.type,
                "from": r.start,
                "to": r.end,
                "properties": {p.name: p.type for p in r.properties},
            }
            for r in load_schema(name).relationships
        ],
    }
    for name, schema in schemas_as_json(OPTIONS).items()
}

_TEXT = re.compile(r"'(?:[^'\\]|\\.)*'")
_NODE = re.compile(r"\((\w*)(?::(\w+))?(?: \{([^}]*)\})?\)")
_EDGE = re.compile(r"(<?)-\[(\w*):(\w+)(?:\*[\d.]+)?(?: \{([^}]*)\})?\]-(>?)")
_PROPERTY = re.compile(r"\b([a-z]\w*)\.(\w+)")
_TESTED = re.compile(r"\b([a-z]\w*)\.(\w+) (?:=|<>|<=|>=|<|>) ('\w*'|[\d.]+|true|false)")
_PROCEDURE = re.compile(r"^CALL [\w.]+\([^)]*\)")


class Inconsistent(AssertionError):
    """A query that names what its schema does not have."""


def check(query: str, schema: Mapping[str, Any]) -> None:
    """Raises `Inconsistent` for an unknown label, type, property, direction or value type."""
    query = _PROCEDURE.sub("CALL", _TEXT.sub("'x'", query))
    owners: dict[str, Mapping[str, str]] = {}
    label_at: dict[int, str] = {}
    labels: dict[str, str] = {}
    for node in _NODE.finditer(query):
        variable, label, content = node.groups()
        label = label or labels.get(variable, "")
        if not label:
            continue
        if label not in schema["nodes"]:
            raise Inconsistent(f"label {label}")
        properties = schema["nodes"][label]["properties"]
        if variable:
            labels[variable], owners[variable] = label, properties
        label_at[node.start()] = label_at[-node.end()] = label
        _check_map(content, properties)
    for edge in _EDGE.finditer(query):
        back, variable, kind, content, ahead = edge.groups()
        if bool(back) == bool(ahead):
            raise Inconsistent(f"{kind} has no direction")
        left, right = label_at[-edge.start()], label_at[edge.end()]
        start, end = (right, left) if back else (left, right)
        known = [r for r in schema["relationships"] if r["type"] == kind]
        fitting = [r for r in known if (r["from"], r["to"]) == (start, end)]
        if not fitting:
            raise Inconsistent(f"({start})-[:{kind}]->({end})")
        if variable:
            owners[variable] = fitting[0]["properties"]
        _check_map(content, fitting[0]["properties"])
    for variable, name in _PROPERTY.findall(query):
        if variable in owners:
            if name not in owners[variable]:
                raise Inconsistent(f"property {variable}.{name}")
        elif variable != "node":
            raise Inconsistent(f"variable {variable}")
    for variable, name, value in _TESTED.findall(query):
        _check_value(owners[variable][name], value)


def _check_map(content: str | None, properties: Mapping[str, str]) -> None:
    for entry in (content or "").split(", "):
        if entry:
            name, value = entry.split(": ")
            if name not in properties:
                raise Inconsistent(f"property {name}")
            _check_value(properties[name], value)


def _check_value(kind: str, value: str) -> None:
    found = (
        "STRING"
        if value.startswith("'")
        else "BOOLEAN"
        if value in ("true", "false")
        else "FLOAT"
        if "." in value
        else "INTEGER"
    )
    if found != kind:
        raise Inconsistent(f"{value} for a {kind}")


def test_every_row_fits_its_schema(rows: list[Example]) -> None:
    for row in rows:
        check(row.output, SCHEMAS[row.schema])


@pytest.mark.parametrize(
    "query",
    [
        "MATCH (f:Movie) RETURN f",
        "MATCH (f:Film) RETURN f.price",
        "MATCH (f:Film)-[:ACTED_IN]->(a:Actor) RETURN a.name",
        "MATCH (f:Film)<-[:PRODUCED]-(a:Actor) RETURN a.name",
        "MATCH (a:Actor)-[:ACTED_IN]-(f:Film) RETURN a.name",
        "MATCH (a:Actor)-[:PLAYED_IN]->(f:Film) RETURN a.name",
        "MATCH (a:Actor)-[rel:ACTED_IN]->(f:Film) RETURN rel.title",
        "MATCH (a:Actor)-[:ACTED_IN {title: 'x'}]->(f:Film) RETURN a",
        "MATCH (f:Film) WHERE f.year > 'x' RETURN f.title",
        "MATCH (f:Film {title: 5}) RETURN f",
        "MATCH (f:Film) WHERE EXISTS { MATCH (f)-[:ACTED_IN]->(:Actor) } RETURN f.title",
        "MATCH (f:Film) RETURN g.title",
        "CREATE INDEX FOR (f:Film) ON (f.price)",
    ],
)
def test_the_check_sees_what_is_wrong(query: str) -> None:
    with pytest.raises(Inconsistent):
        check(query, SCHEMAS["cinema"])


def test_the_procedures_name_what_the_schema_has(rows: list[Example]) -> None:
    form = re.compile(r"CALL db\.index\.vector\.createNodeIndex\('\w+', '(\w+)', '(\w+)'")
    matches = [(row.schema, match) for row in rows if (match := form.match(row.output))]
    assert matches
    for schema, match in matches:
        label, name = match.groups()
        assert SCHEMAS[schema]["nodes"][label]["properties"][name] == "LIST<FLOAT>"

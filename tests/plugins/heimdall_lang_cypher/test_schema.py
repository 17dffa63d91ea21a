"""Reading graph schemas in the shapes that are in use."""

from __future__ import annotations

from typing import Any

import pytest

from heimdall_lang_cypher.schema import GraphSchema, SchemaError, read_schema
from heimdall_lang_cypher.signatures import SignatureError
from heimdall_lang_cypher.value_types import FLOAT, INTEGER, STRING

OWN: dict[str, Any] = {
    "name": "shop",
    "nodes": {
        "Product": {"properties": {"name": "STRING", "price": "FLOAT"}},
        "Category": {"properties": {"name": "STRING"}},
    },
    "relationships": [
        {"type": "PART_OF", "from": "Product", "to": "Category", "properties": {"rank": "INTEGER"}}
    ],
    "indexes": [{"label": "Product", "properties": ["name"], "kind": "RANGE"}],
}

STRUCTURED: dict[str, Any] = {
    "node_props": {
        "Product": [
            {"property": "name", "type": "STRING"},
            {"property": "price", "type": "FLOAT"},
        ],
        "Category": [{"property": "name", "type": "STRING"}],
    },
    "rel_props": {"PART_OF": [{"property": "rank", "type": "INTEGER"}]},
    "relationships": [{"start": "Product", "type": "PART_OF", "end": "Category"}],
    "metadata": {
        "index": [{"label": "Product", "properties": ["name"], "type": "RANGE"}],
        "constraint": [],
    },
}

TEXT = """Node properties:
- **Product**
  - `name`: STRING Example: "Chai"
  - `price`: FLOAT Min: 1, Max: 9
- **Category**
  - `name`: STRING
Relationship properties:
- **PART_OF**
  - `rank: INTEGER` Min: 1
The relationships:
(:Product)-[:PART_OF]->(:Category)
"""

INLINE = """Node properties are the following:
Product {name: STRING, price: FLOAT}
Category {name: STRING}
Relationship properties are the following:
PART_OF {rank: INTEGER}
(:Product)-[:PART_OF]->(:Category)
"""


def parts(schema: GraphSchema) -> tuple[object, ...]:
    """What all of the shapes above say."""
    return schema.nodes, schema.relationships, schema.endpoints, schema.keys


@pytest.mark.parametrize(
    "json",
    [
        STRUCTURED,
        {"database": "shop", "structured": STRUCTURED, "schema_text": TEXT},
        {"schema_text": TEXT},
        {"schema_text": INLINE},
        {
            "nodes": [
                {"label": "Product", "properties": [{"name": "name", "type": "STRING"},
                                                    {"name": "price", "type": "FLOAT"}]},
                {"label": "Category", "properties": {"name": {"type": "STRING"}}},
            ],
            "relationships": [
                {"type": "PART_OF", "from": ["Product"], "to": ["Category"],
                 "properties": {"rank": "INTEGER"}},
            ],
        },
    ],
)  # fmt: skip
def test_every_shape_says_the_same(json: dict[str, Any]) -> None:
    schema = read_schema(json)
    assert parts(schema) == parts(read_schema(OWN))
    assert schema.nodes["Product"] == {"name": STRING, "price": FLOAT}
    assert schema.relationships == {"PART_OF": {"rank": INTEGER}}
    assert schema.endpoints == {"PART_OF": frozenset({("Product", "Category")})}


def test_an_editor_knows_labels_and_keys_but_not_which_has_which() -> None:
    schema = read_schema(
        {
            "labels": ["Product", "Category"],
            "relationshipTypes": ["PART_OF"],
            "propertyKeys": ["name", "price"],
            "graphSchema": [{"from": "Product", "relType": "PART_OF", "to": "Category"}],
        }
    )
    assert schema.nodes == {"Product": None, "Category": None}
    assert schema.keys == {"name", "price"}
    assert schema.endpoints == {"PART_OF": frozenset({("Product", "Category")})}


def test_indexes_and_constraints_are_found_by_their_first_property() -> None:
    schema = read_schema(
        {
            **STRUCTURED,
            "metadata": {
                "index": [{"label": "Product", "properties": ["name", "price"], "type": "TEXT"}],
                "constraint": [
                    {"labelsOrTypes": ["Category"], "properties": ["name"], "type": "UNIQUENESS"}
                ],
            },
        }
    )
    assert schema.indexed("Product", "name")
    assert not schema.indexed("Product", "price")
    assert not schema.indexed("Product", "name", kinds=("RANGE",))
    assert schema.indexed("Category", "name", kinds=("UNIQUE",))


def test_labels_that_stand_at_the_same_ends_may_overlap() -> None:
    schema = read_schema(
        {
            "node_props": {"Stream": [], "User": [], "Game": []},
            "relationships": [
                {"start": "Stream", "type": "PLAYS", "end": "Game"},
                {"start": "Stream", "type": "CHATTER", "end": "User"},
                {"start": "User", "type": "CHATTER", "end": "Stream"},
            ],
        }
    )
    assert schema.overlaps["User"] == {"Stream"}
    assert schema.overlaps["Stream"] == frozenset()
    assert "Game" not in schema.overlaps


def test_procedures_close_the_registry() -> None:
    schema = read_schema({"procedures": ["my.proc() :: (x :: STRING)"]})
    assert schema.procedures is not None
    assert schema.procedures[0].name == "my.proc"
    assert read_schema(OWN).procedures is None


def test_an_equal_schema_is_read_once() -> None:
    assert read_schema(OWN) is read_schema(dict(OWN))


@pytest.mark.parametrize(
    "json",
    [
        {"nodes": {"A": {"properties": 3}}},
        {"relationships": [{"from": "A", "to": "B"}]},
        {"node_props": {"A": [{"type": "STRING"}]}},
        {"labels": 3},
    ],
)
def test_says_what_a_schema_should_look_like(json: dict[str, Any]) -> None:
    with pytest.raises(SchemaError, match="unexpected shape"):
        read_schema(json)


def test_refuses_a_procedure_that_is_no_signature() -> None:
    with pytest.raises(SignatureError, match="no signature"):
        read_schema({"procedures": ["my.proc"]})

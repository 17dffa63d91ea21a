"""The built-in graph schemas, and how a schema is read."""

from __future__ import annotations

import re
from typing import Any

import pytest

from heimdall_core.errors import HeimdallError
from heimdall_gen_cypher.schema import (
    VALUED,
    Schema,
    load_schema,
    parse_schema,
    schema_names,
    words,
)
from heimdall_gen_cypher.terms import literal

#: NornicDB's default parser looks for these anywhere in a query.
CLAUSES = re.compile(
    r"match|create|merge|delete|return|where|unwind|call|union|skip|limit|order|foreach"
    r"|\b(with|set|remove|on|in|as|and|or|not|is|null|end|case|when|then|else|desc)\b",
    re.IGNORECASE,
)


def test_there_are_enough_and_labels_tell_them_apart() -> None:
    schemas = [load_schema(name) for name in schema_names()]
    assert len(schemas) >= 50
    labels = [node.label for schema in schemas for node in schema.nodes]
    plurals = [node.plural for schema in schemas for node in schema.nodes]
    assert len(labels) == len(set(labels)) >= 42
    assert len(plurals) == len(set(plurals))


@pytest.mark.parametrize("name", schema_names())
def test_no_name_or_value_can_be_taken_for_a_clause(name: str) -> None:
    schema = load_schema(name)
    for owner in (*schema.nodes, *schema.relationships):
        name = getattr(owner, "label", None) or getattr(owner, "type", "")
        texts = [name, *(p.name for p in owner.properties)]
        texts += [str(value) for p in owner.properties for value in p.values]
        assert [text for text in texts if CLAUSES.search(text)] == []


def test_json_is_what_the_language_reads(schema: Schema) -> None:
    data = schema.as_json()
    assert set(data) == {"name", "nodes", "relationships", "indexes"}
    for node in schema.nodes:
        described = data["nodes"][node.label]["properties"]
        types = {n: d if isinstance(d, str) else d["type"] for n, d in described.items()}
        assert types == {p.name: p.type for p in node.properties}
        assert set(types.values()) <= VALUED | {"DATE", "LIST<FLOAT>"}
        for p in node.properties:
            if p.type == "STRING":
                assert set(described[p.name]["values"]) <= set(p.values)
            elif p.type in ("INTEGER", "FLOAT"):
                bounds = (described[p.name]["min"], described[p.name]["max"])
                assert bounds == (min(p.values), max(p.values))
    for relationship in data["relationships"]:
        assert set(relationship) == {"type", "from", "to", "properties"}
        assert {relationship["from"], relationship["to"]} <= set(data["nodes"])


@pytest.mark.parametrize("name", schema_names())
def test_values_are_distinct_and_of_their_type(name: str) -> None:
    schema = load_schema(name)
    kinds = {"STRING": str, "INTEGER": int, "FLOAT": float, "BOOLEAN": bool}
    for owner in (*schema.nodes, *schema.relationships):
        for of in owner.properties:
            assert len(set(of.values)) == len(of.values)
            assert all(type(value) is kinds[of.type] for value in of.values)
            assert (of.type in VALUED) == bool(of.values)


def _tiny() -> dict[str, Any]:
    return {
        "summary": "Cats.",
        "nodes": {
            "Cat": {
                "key": "name",
                "properties": {
                    "name": {"type": "STRING", "pool": "cat"},
                    "kilos": {"type": "FLOAT", "low": 0.1, "high": 0.5, "step": 0.1},
                },
            }
        },
        "relationships": [{"type": "SAW", "from": "Cat", "to": "Cat"}],
    }


def test_parse() -> None:
    schema = parse_schema("cats", _tiny(), {"cat": ["Tom", "Kit"]})
    (cat,) = schema.nodes
    name, kilos = cat.properties
    assert cat.plural == "cats"
    assert (name.key, name.values) == (True, ("Tom", "Kit"))
    assert (kilos.additive, kilos.values) == (True, (0.1, 0.2, 0.3, 0.4, 0.5))


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (("nodes", "Cat", "key"), "nick", "the key 'nick' of Cat is not one of its properties"),
        (("relationships", 0, "to"), "Dog", "SAW names the label 'Dog', which no node table has"),
        (
            ("nodes", "Cat", "properties", "kilos", "type"),
            "NUMBER",
            "unknown property type 'NUMBER'",
        ),
        (("nodes", "Cat", "properties", "name", "pool"), "dog", "'dog' is missing"),
    ],
)
def test_mistakes_in_a_schema(path: tuple[Any, ...], value: str, line: str) -> None:
    data = _tiny()
    part: Any = data
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    with pytest.raises(HeimdallError) as error:
        parse_schema("cats", data, {"cat": ["Tom"]})
    assert str(error.value) == f"schema 'cats': {line}"


@pytest.mark.parametrize(
    ("name", "spoken"),
    [
        ("WindFarm", "wind farm"),
        ("ACTED_IN", "acted in"),
        ("birthYear", "birth year"),
        ("Film", "film"),
        ("NEAR", "near"),
    ],
)
def test_words(name: str, spoken: str) -> None:
    assert words(name) == spoken


@pytest.mark.parametrize(
    ("value", "code"),
    [("O'Hara", r"'O\'Hara'"), ("a\\b", r"'a\\b'"), (True, "true"), (7.5, "7.5"), (3, "3")],
)
def test_literal(value: str | float, code: str) -> None:
    assert literal(value) == code

"""Generated graphs: the same for the same seed, connected, skewed, of the schema's types."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from heimdall_core.errors import HeimdallError
from heimdall_lang_cypher import ast
from heimdall_lang_cypher.engine import open_engine
from heimdall_lang_cypher.parser import parse_statement
from heimdall_lang_cypher.populate import populate
from heimdall_lang_cypher.visitor import walk

SHARED = (
    Path(os.environ.get("HEIMDALL_SHARED", Path(__file__).parents[3].parent / "shared")) / "data"
)

SCHEMA = {
    "name": "shop",
    "nodes": {
        "Customer": {
            "properties": {"name": "STRING", "age": "INTEGER", "since": "DATE", "vip": "BOOLEAN"}
        },
        "Product": {
            "properties": {
                "title": {"type": "STRING", "values": ["Lamp", "Desk"]},
                "price": {"type": "FLOAT", "min": 5, "max": 9},
                "tags": "LIST<STRING>",
                "embedding": "LIST<FLOAT>",
            }
        },
        "Odd Label": {"properties": {"a key": "INTEGER"}},
    },
    "relationships": [
        {"type": "BOUGHT", "from": "Customer", "to": "Product", "properties": {"n": "INTEGER"}},
        {"type": "KNOWS", "from": "Customer", "to": "Customer"},
        {"type": "IS", "from": "Product", "to": "Odd Label"},
    ],
}


def graph_of(statements: list[str]) -> tuple[dict[str, str], list[tuple[str, str, str]]]:
    """Label of each node by its variable, and (start, type, end) of each relationship."""
    labels, edges = {}, []
    for statement in statements:
        for part in walk(parse_statement(statement)):
            if not isinstance(part, ast.PathPattern):
                continue
            for node in part.elements:
                if isinstance(node, ast.NodePattern) and isinstance(node.labels, ast.LabelName):
                    assert node.variable is not None
                    labels[node.variable.name] = node.labels.name
            if len(part.elements) == 3:
                start, edge, end = part.elements
                assert isinstance(start, ast.NodePattern)
                assert isinstance(end, ast.NodePattern)
                assert isinstance(edge, ast.RelationshipPattern)
                assert isinstance(edge.types, ast.LabelName)
                assert start.variable is not None
                assert end.variable is not None
                edges.append((start.variable.name, edge.types.name, end.variable.name))
    return labels, edges


def test_same_seed_same_graph() -> None:
    assert populate(SCHEMA, 1) == populate(SCHEMA, 1)
    assert populate(SCHEMA, 1) != populate(SCHEMA, 2)


def test_the_graph_does_not_depend_on_the_process() -> None:
    program = (
        "import json, sys; from heimdall_lang_cypher.populate import populate;"
        "print(populate(json.loads(sys.argv[1]), 3)[0])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program, json.dumps(SCHEMA)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_every_label_and_type_occurs_between_its_labels() -> None:
    labels, edges = graph_of(list(populate(SCHEMA, 4)))
    assert set(labels.values()) == {"Customer", "Product", "Odd Label"}
    ends = {(labels[start], type_, labels[end]) for start, type_, end in edges}
    assert ends == {
        ("Customer", "BOUGHT", "Product"),
        ("Customer", "KNOWS", "Customer"),
        ("Product", "IS", "Odd Label"),
    }


@pytest.mark.parametrize("seed", range(5))
def test_connected_and_skewed(seed: int) -> None:
    labels, edges = graph_of(list(populate(SCHEMA, seed)))
    reached, waiting = {"n0"}, ["n0"]
    while waiting:
        here = waiting.pop()
        for start, _, end in edges:
            for one, other in ((start, end), (end, start)):
                if one == here and other not in reached:
                    reached.add(other)
                    waiting.append(other)
    assert reached == set(labels)
    degrees = Counter(end for start, _, end in edges) + Counter(start for start, _, _ in edges)
    counts = sorted(degrees.values(), reverse=True)
    assert counts[0] >= 3 * counts[len(counts) // 2]


def test_values_are_of_their_types() -> None:
    text = populate(SCHEMA, 5)[0]
    assert set(re.findall(r"title: '([^']*)'", text)) == {"Lamp", "Desk"}
    prices = [float(price) for price in re.findall(r"price: ([\d.]+)", text)]
    assert prices
    assert all(5 <= price <= 9 for price in prices)
    assert re.search(r"since: date\('\d{4}-\d\d-\d\d'\)", text)
    assert re.search(r"vip: (true|false)", text)
    assert re.search(r"tags: \['", text)
    assert re.search(r"embedding: \[-?\d", text)
    assert "`Odd Label` {`a key`: " in text


def test_some_values_are_missing_and_some_repeat() -> None:
    text = "".join(populate(SCHEMA, seed)[0] for seed in range(5))
    customers = text.count(":Customer")
    ages = re.findall(r"age: (\d+)", text)
    assert customers / 2 < len(ages) < customers
    names = re.findall(r"name: '([^']*)'", text)
    assert len(set(names)) < len(names) == customers


def test_it_loads() -> None:
    pytest.importorskip("graphdblite")
    schema = json.loads(
        json.dumps(SCHEMA).replace("Odd Label", "Shelf").replace('"IS"', '"STANDS_ON"')
    )
    # graphdblite reads no label in backticks.
    schema["nodes"]["Shelf"]["properties"] = {"metres": "FLOAT"}
    labels, edges = graph_of(list(populate(schema, 7)))
    with open_engine() as engine:
        engine.load(populate(schema, 7))
        assert engine.run("MATCH (n) RETURN count(n) AS c").rows == ((len(labels),),)
        assert engine.run("MATCH ()-[r]->() RETURN count(r) AS c").rows == ((len(edges),),)


def test_a_schema_without_labels() -> None:
    with pytest.raises(HeimdallError, match="names no labels"):
        populate({"relationships": []}, 1)


@pytest.mark.parametrize(
    "schema",
    [
        {
            "node_props": {"A": [{"property": "x", "type": "INTEGER", "min": "1", "max": "3"}]},
            "rel_props": {},
            "relationships": [{"start": "A", "type": "R", "end": "B"}],
        },
        {
            "labels": ["A", "B"],
            "relationshipTypes": ["R"],
            "propertyKeys": ["x", "name"],
            "graphSchema": [{"from": "A", "relType": "R", "to": "B"}],
        },
    ],
)
def test_other_forms_of_schemas(schema: dict[str, object]) -> None:
    labels, edges = graph_of(list(populate(schema, 1)))
    assert set(labels.values()) == {"A", "B"}
    assert {type_ for _, type_, _ in edges} == {"R"}


def test_schemas_of_real_databases() -> None:
    path = SHARED / "text2cypher" / "schemas.jsonl"
    if not path.exists():
        pytest.skip("the schemas are not here")
    for line in path.read_text("utf-8").splitlines():
        statements = populate(json.loads(line), 1)
        labels, edges = graph_of(list(statements))
        assert labels
        assert edges

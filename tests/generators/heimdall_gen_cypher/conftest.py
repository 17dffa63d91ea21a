"""Graphs that hold data of a schema, and rows that several modules look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import pytest
from graphdblite import Database

from heimdall_core.types import Example, GenerateContext
from heimdall_gen_cypher.families import FAMILIES
from heimdall_gen_cypher.family import Family
from heimdall_gen_cypher.generate import examples, pairs
from heimdall_gen_cypher.options import CypherOptions
from heimdall_gen_cypher.schema import Property, Schema, load_schema

#: Schemas that hold something for every template; those that came later need not.
SCHEMAS = (
    "astronomy",
    "bank",
    "cinema",
    "datacentre",
    "energy",
    "football",
    "forum",
    "hospital",
    "kitchen",
    "library",
    "music",
    "railway",
    "shipping",
    "shop",
    "university",
)

#: The templates alone, which is what the nano recipe draws from.
TEMPLATES = CypherOptions(
    schemas=SCHEMAS,
    families=tuple(family.name for family in FAMILIES if "nornicdb" in family.dialects),
)


@pytest.fixture(scope="session")
def templates() -> CypherOptions:
    """Options that choose the templates alone."""
    return TEMPLATES


@pytest.fixture(scope="session")
def rows() -> list[Example]:
    """As many as the nano recipe asks for."""
    return list(examples(GenerateContext(20_000, 7), TEMPLATES))


@pytest.fixture(scope="session")
def by_plan() -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Up to twelve pairs of prompt and query of every family (of NornicDB) with every schema."""
    return {
        (family.name, name): [
            (pair.prompt, pair.query)
            for pair in islice(pairs(family, [load_schema(name)], "nornicdb", 3), 12)
        ]
        for family in FAMILIES
        if "nornicdb" in family.dialects
        for name in SCHEMAS
    }


@pytest.fixture(scope="session", params=SCHEMAS)
def schema(request: pytest.FixtureRequest) -> Schema:
    """Each schema that has something for every template."""
    return load_schema(request.param)


@pytest.fixture(params=FAMILIES, ids=lambda family: family.name)
def family(request: pytest.FixtureRequest) -> Family:
    """Each query family, of whatever dialect."""
    found: Family = request.param
    return found


@pytest.fixture(scope="session")
def graph(schema: Schema) -> Iterator[Database]:
    """A graph in which every key value of the schema has its node, and every type its edges.

    It is shared: a test that writes takes its changes back.
    """
    with Database.open_memory() as database:
        with database.begin_write() as transaction:
            _fill(transaction, schema)
        yield database


def _fill(transaction: Any, schema: Schema) -> None:
    ids: dict[str, list[int]] = {}
    for node in schema.nodes:
        key = next(p for p in node.properties if p.key)
        # Every fourth node lacks a property, for IS NULL to find.
        records = [
            {
                p.name: key_value if p.key else _value(p, at, place)
                for place, p in enumerate(node.properties)
                if p.key or (at + place) % 4
            }
            for at, key_value in enumerate(key.values)
        ]
        ids[node.label] = transaction.batch_create_nodes(node.label, records)
    for relationship in schema.relationships:
        starts, ends = ids[relationship.start], ids[relationship.end]
        # A chain for paths that leaves its last node out (NOT EXISTS), and a hub for HAVING.
        chain = [(start, ends[(at + 1) % len(ends)]) for at, start in enumerate(starts[:-1])]
        hub = [(starts[0], end) for end in ends * 3]
        transaction.batch_create_edges(
            relationship.type,
            [
                (start, end, {p.name: _value(p, at, 0) for p in relationship.properties})
                for at, (start, end) in enumerate(chain + hub)
            ],
        )


def _value(of: Property, at: int, place: int) -> Any:
    """A value for the node or edge number `at`; properties at different places do not go along."""
    if of.type == "DATE":
        return f"2024-01-{1 + at % 28:02}"
    if of.type == "LIST<FLOAT>":
        return [0.5, float(at)]
    values: Sequence[Any] = of.values
    return values[(at * (1, 7, 11, 13)[place % 4] + place) % len(values)]

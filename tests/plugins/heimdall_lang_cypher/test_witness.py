"""Data made for a query: the query finds them in an engine that holds nothing else."""

from __future__ import annotations

import pytest

from heimdall_lang_cypher.engine import open_engine
from heimdall_lang_cypher.witness import witness

SCHEMA = {
    "name": "shop",
    "nodes": {
        "Customer": {"properties": {"name": "STRING", "age": "INTEGER", "vip": "BOOLEAN"}},
        "Product": {"properties": {"title": "STRING", "price": "FLOAT"}},
    },
    "relationships": [
        {"type": "BOUGHT", "from": "Customer", "to": "Product", "properties": {"units": "INTEGER"}},
        {"type": "KNEW", "from": "Customer", "to": "Customer"},
    ],
}

FOUND = (
    "MATCH (c:Customer {name: 'Ada'}) RETURN c.age",
    "MATCH (c:Customer) WHERE c.age > 30 AND c.age <= 31 RETURN c.name",
    "MATCH (c:Customer) WHERE c.age >= 30 AND c.age < 31 AND c.vip = true RETURN c.name",
    "MATCH (c:Customer)-[b:BOUGHT]->(p:Product) WHERE b.units > 3 AND p.price < 2.5 RETURN p.title",
    "MATCH (p:Product {title: 'Lamp'})<-[:BOUGHT {units: 7}]-(c:Customer) RETURN c.name",
    "MATCH (c:Customer) WHERE c.name STARTS WITH 'A' AND c.name ENDS WITH 'z' RETURN c",
    "MATCH (c:Customer) WHERE NOT c.name CONTAINS 'a' AND c.age IS NULL RETURN c.name",
    "MATCH (c:Customer) WHERE c.name IN ['Bo', 'Cy'] AND c.name <> 'Bo' RETURN c.name",
    "MATCH (c:Customer) WHERE c.name =~ '(?i)bo.*' RETURN c.name",
    "MATCH (c:Customer) WHERE (c.age = 3 OR c.vip = false) AND c.name IS NOT NULL RETURN c.name",
    "MATCH (c:Customer) WHERE any(x IN ['q', 'w'] WHERE c.name CONTAINS x) RETURN c.name",
    "MATCH (c:Customer) WHERE EXISTS { MATCH (c)-[:BOUGHT]->(:Product {price: 1.5}) } RETURN c.age",
    "MATCH (c:Customer) WHERE NOT EXISTS { MATCH (c)-[:BOUGHT]->(:Product) } RETURN c.age",
    "MATCH (c:Customer)-[:BOUGHT]->(p:Product) WITH c, count(p) AS n WHERE n > 4 RETURN c.name, n",
    "MATCH (c:Customer) RETURN c.name ORDER BY c.name SKIP 5 LIMIT 2",
    "MATCH (c:Customer {name: 'A'})-[:KNEW*2..3]->(d:Customer) RETURN DISTINCT d.name",
    "MATCH (c:Customer)-[:KNEW]-(d:Customer {age: 9}), (c)-[:BOUGHT]->(p:Product) RETURN p.title",
)


@pytest.mark.parametrize("query", FOUND)
def test_the_query_finds_what_was_made_for_it(query: str) -> None:
    statements = witness(query, SCHEMA, 1)
    with open_engine("graphdblite") as engine:
        assert engine.run(query).rows == ()
        engine.load(statements)
        assert engine.run(query).rows
    assert statements == witness(query, SCHEMA, 1)


@pytest.mark.parametrize("query", ["RETURN 1 AS one", "CREATE (:Customer)", "MATCH (c"])
def test_nothing_is_made_for_what_matches_nothing(query: str) -> None:
    assert witness(query, SCHEMA) == ()

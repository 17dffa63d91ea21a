"""Every family with every schema runs on an embedded engine that holds data of that schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from graphdblite import Database

from heimdall_gen_cypher.families import FAMILIES
from heimdall_gen_cypher.schema import Schema

Plans = dict[tuple[str, str], list[tuple[str, str]]]

#: DDL and procedures: the engine has neither, `test_gen_cypher_ddl.py` checks them by form.
NOT_ON_ENGINE = {"cypher_schema"}
WRITING = {"cypher_create", "cypher_merge", "cypher_update", "cypher_delete"}
CATEGORY = {family.name: family.category for family in FAMILIES}

#: Nodes and relationships that a query adds, where that is the same for all of a family.
ADDED = {
    "create_node": (1, 0),
    "create_relationship": (0, 1),
    "create_relationship_with_property": (0, 1),
    "create_path": (2, 1),
    "merge_node": (0, 0),
    "merge_on_create": (0, 0),
    "merge_on_match": (0, 0),
    "merge_create_and_match": (0, 0),
    "set_property": (0, 0),
    "set_two_properties": (0, 0),
    "set_map": (0, 0),
    "set_where": (0, 0),
    "remove_property": (0, 0),
}


def test_reading_runs_and_finds_rows(schema: Schema, graph: Database, by_plan: Plans) -> None:
    found: dict[str, int] = {}
    ran = 0
    for (name, of), plans in by_plan.items():
        if of == schema.name and CATEGORY[name] not in WRITING | NOT_ON_ENGINE:
            ran += len(plans)
            found[name] = sum(bool(graph.query(query)) for _, query in plans)
    assert ran > 500
    # A page that starts behind the last row is empty, and so it should be.
    assert [name for name, hits in found.items() if not hits and name != "page"] == []
    # The others that find nothing compare with a value that happens to be on no node.
    assert sum(found.values()) / ran > 0.9


def test_writing_adds_what_it_says(schema: Schema, graph: Database, by_plan: Plans) -> None:
    for name, added in ADDED.items():
        for _, query in by_plan[name, schema.name]:
            with undone(graph) as transaction:
                before = _size(transaction)
                transaction.execute(query)
                after = _size(transaction)
            assert (after[0] - before[0], after[1] - before[1]) == added, query


def test_merge_makes_what_is_missing_once(schema: Schema, graph: Database, by_plan: Plans) -> None:
    for name in ("merge_node", "merge_on_create", "merge_on_match", "merge_create_and_match"):
        for _, query in by_plan[name, schema.name]:
            with undone(graph) as transaction:
                transaction.execute("MATCH (n) DETACH DELETE n")
                transaction.execute(query)
                transaction.execute(query)
                assert _size(transaction) == (1, 0), query
    for _, query in by_plan["merge_relationship", schema.name]:
        with undone(graph) as transaction:
            transaction.execute("MATCH ()-[r]->() DELETE r")
            transaction.execute(query)
            transaction.execute(query)
            assert _size(transaction)[1] == 1, query


def test_set_leaves_the_value_there(schema: Schema, graph: Database, by_plan: Plans) -> None:
    form = re.compile(r"MATCH (\((\w):.*\}\)) SET \2\.(\w+) = (.+)")
    for _, query in by_plan["set_property", schema.name]:
        match = form.fullmatch(query)
        assert match, query
        pattern, variable, name, value = match.groups()
        with undone(graph) as transaction:
            transaction.execute(query)
            assert transaction.query(f"MATCH {pattern} WHERE {variable}.{name} = {value} RETURN 1")


def test_delete_takes_what_it_says(schema: Schema, graph: Database, by_plan: Plans) -> None:
    for _, query in by_plan["detach_delete", schema.name]:
        with undone(graph) as transaction:
            nodes = _size(transaction)[0]
            transaction.execute(query)
            assert _size(transaction)[0] == nodes - 1, query
    for _, query in by_plan["delete_node", schema.name]:
        with undone(graph) as transaction:
            # A node that still has relationships cannot be deleted without DETACH.
            transaction.execute("MATCH ()-[r]->() DELETE r")
            nodes = _size(transaction)[0]
            transaction.execute(query)
            assert _size(transaction)[0] == nodes - 1, query
    for _, query in by_plan["delete_relationship", schema.name]:
        with undone(graph) as transaction:
            pattern = query.removesuffix(" DELETE rel")
            made = pattern.replace("MATCH ", "MERGE ")
            transaction.execute(made)
            assert transaction.query(f"{pattern} RETURN rel"), query
            transaction.execute(query)
            assert not transaction.query(f"{pattern} RETURN rel"), query
    some = [0, 0]
    for _, query in by_plan["detach_delete_where", schema.name]:
        with undone(graph) as transaction:
            nodes = _size(transaction)[0]
            condition = query.removesuffix(" DETACH DELETE " + query[-1])
            matching = len(transaction.query(f"{condition} RETURN 1"))
            transaction.execute(query)
            assert _size(transaction)[0] == nodes - matching, query
            some[bool(matching)] += 1
    assert some[True]


@contextmanager
def undone(graph: Database) -> Iterator[Any]:
    """A transaction whose changes are taken back."""
    transaction = graph.begin_write()
    try:
        yield transaction
    finally:
        transaction.rollback()


def _size(transaction: Any) -> tuple[int, int]:
    nodes = transaction.query("MATCH (n) RETURN count(n) AS n")[0]["n"]
    edges = transaction.query("MATCH ()-[r]->() RETURN count(r) AS n")[0]["n"]
    return nodes, edges

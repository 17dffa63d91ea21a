"""Three small databases: tables with typed columns, the values that are asked for, and one join."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen


@frozen
class Column:
    """A column: `TEXT` or `INTEGER`, with the values that rows and questions draw from."""

    kind: str
    values: tuple[Any, ...]


@frozen
class Table:
    """A table and what one and several of its rows are called."""

    one: str
    many: str
    columns: Mapping[str, Column]
    parent: str = ""
    """Table that `<parent>_id` points to."""


def _numbers(low: int, high: int, step: int) -> Column:
    return Column("INTEGER", tuple(range(low, high + 1, step)))


def _words(text: str) -> Column:
    return Column("TEXT", tuple(text.split()))


DATABASES: Mapping[str, Mapping[str, Table]] = {
    "shop": {
        "customers": Table(
            "customer",
            "customers",
            {
                "name": _words("Ada Ben Cleo Dan Eva Finn Gus Hana Ivo Jun Kai Lea"),
                "city": _words("Paris Oslo Rome Lima Cairo Quito Delhi Seoul"),
                "age": _numbers(18, 90, 4),
            },
        ),
        "orders": Table(
            "order",
            "orders",
            {
                "product": _words("lamp chair table sofa desk shelf mirror rug"),
                "amount": _numbers(10, 400, 10),
                "year": _numbers(2015, 2026, 1),
            },
            parent="customers",
        ),
    },
    "school": {
        "teachers": Table(
            "teacher",
            "teachers",
            {
                "name": _words("Abel Bo Cora Dina Emil Fay Gil Hugo Ines Jon Kim Lou"),
                "subject": _words("maths physics history music art latin"),
                "salary": _numbers(2000, 6000, 250),
            },
        ),
        "courses": Table(
            "course",
            "courses",
            {
                "title": _words("algebra optics empires choir sketching verse"),
                "room": _numbers(100, 140, 2),
                "hours": _numbers(10, 80, 5),
            },
            parent="teachers",
        ),
    },
    "flights": {
        "airlines": Table(
            "airline",
            "airlines",
            {
                "name": _words("Albatros Bison Condor Dove Eagle Falcon Goose Heron"),
                "country": _words("France Norway Italy Peru Egypt India Korea"),
                "fleet": _numbers(5, 200, 5),
            },
        ),
        "routes": Table(
            "route",
            "routes",
            {
                "origin": _words("CDG OSL FCO LIM CAI DEL ICN"),
                "distance": _numbers(200, 9800, 200),
                "seats": _numbers(50, 400, 10),
            },
            parent="airlines",
        ),
    },
}


def plain(name: str) -> dict[str, Any]:
    """The schema as plain JSON, for the language and the engine: table → column → type."""
    tables: dict[str, Any] = {}
    for table, made in DATABASES[name].items():
        columns = {"id": "INTEGER"}
        if made.parent:
            columns[f"{made.parent[:-1]}_id"] = "INTEGER"
        columns |= {column: c.kind for column, c in made.columns.items()}
        tables[table] = columns
    return {"name": name, "tables": tables}


def populate(schema: Mapping[str, Any], seed: int) -> Sequence[str]:
    """Statements that make the tables and fill each with 60 rows; same seed, same rows."""
    draw = random.Random(seed)
    database = DATABASES.get(str(schema.get("name")), {})
    statements = []
    for table, columns in schema["tables"].items():
        listed = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        statements.append(f"CREATE TABLE {table} ({listed})")
        known = database[table].columns if table in database else {}
        for key in range(1, 61):
            values = [
                key
                if column == "id"
                else draw.choice(known[column].values)
                if column in known
                else draw.randrange(1, 61)
                if kind == "INTEGER"
                else f"value {draw.randrange(9)}"
                for column, kind in columns.items()
            ]
            literals = ", ".join(str(v) if isinstance(v, int) else f"'{v}'" for v in values)
            statements.append(f"INSERT INTO {table} VALUES ({literals})")
    return statements

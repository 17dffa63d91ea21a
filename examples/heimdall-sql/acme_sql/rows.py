"""Questions over the databases, each with the one query that its words determine."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping

from attrs import frozen

from acme_sql.schemas import DATABASES, Column, Table
from heimdall_core import Example, GenerateContext, HeimdallError


@frozen
class Options:
    """What a recipe's [generate.mix.sql] may set."""

    databases: tuple[str, ...] = ("flights", "school", "shop")
    """Databases that are asked about."""


@frozen
class _Draw:
    """One table, two of its columns and a value of each, drawn for one row."""

    table: str
    of: Table
    text: str
    number: str
    word: str
    value: int
    top: int

    @property
    def parent(self) -> str:
        return self.of.parent


def _draw(random_: random.Random, database: Mapping[str, Table], child: bool) -> _Draw:
    tables = [name for name, table in database.items() if bool(table.parent) or not child]
    name = random_.choice(tables)
    table = database[name]
    text = _pick(random_, table, "TEXT")
    number = _pick(random_, table, "INTEGER")
    return _Draw(
        name,
        table,
        text,
        number,
        random_.choice(_column(table, text).values),
        random_.choice(_column(table, number).values),
        random_.randint(2, 20),
    )


def _pick(random_: random.Random, table: Table, kind: str) -> str:
    return random_.choice(sorted(name for name, c in table.columns.items() if c.kind == kind))


def _column(table: Table, name: str) -> Column:
    return table.columns[name]


def _joined(d: _Draw) -> str:
    return f"FROM {d.table} JOIN {d.parent} ON {d.table}.{d.parent[:-1]}_id = {d.parent}.id"


#: Family → (question, query, whether it needs a table with a parent).
FAMILIES: Mapping[str, tuple[Callable[[_Draw], str], Callable[[_Draw], str], bool]] = {
    "equals": (
        lambda d: f"Show the {d.text} and {d.number} of {d.of.many} whose {d.text} is {d.word}.",
        lambda d: f"SELECT {d.text}, {d.number} FROM {d.table} WHERE {d.text} = '{d.word}'",
        False,
    ),
    "greater": (
        lambda d: f"Show the {d.text} of {d.of.many} with {d.number} above {d.value}.",
        lambda d: f"SELECT {d.text} FROM {d.table} WHERE {d.number} > {d.value}",
        False,
    ),
    "between": (
        lambda d: (
            f"Show the id of {d.of.many} with {d.number} from {d.value} to {d.value + d.top}, "
            "both included."
        ),
        lambda d: (
            f"SELECT id FROM {d.table} WHERE {d.number} BETWEEN {d.value} AND {d.value + d.top}"
        ),
        False,
    ),
    "starts": (
        lambda d: f"Show the different {d.text} values of {d.of.many} that start with {d.word[0]}.",
        lambda d: f"SELECT DISTINCT {d.text} FROM {d.table} WHERE {d.text} LIKE '{d.word[0]}%'",
        False,
    ),
    "top": (
        lambda d: (
            f"Show the id of the {d.top} {d.of.many} with the highest {d.number}, "
            "the highest first, ties by id."
        ),
        lambda d: f"SELECT id FROM {d.table} ORDER BY {d.number} DESC, id LIMIT {d.top}",
        False,
    ),
    "count": (
        lambda d: f"How many {d.of.many} have {d.number} below {d.value}?",
        lambda d: f"SELECT COUNT(*) FROM {d.table} WHERE {d.number} < {d.value}",
        False,
    ),
    "average": (
        lambda d: f"What is the average {d.number} of {d.of.many} whose {d.text} is {d.word}?",
        lambda d: f"SELECT AVG({d.number}) FROM {d.table} WHERE {d.text} = '{d.word}'",
        False,
    ),
    "group": (
        lambda d: (
            f"Count the {d.of.many} with {d.number} above {d.value} for each {d.text}; "
            f"show {d.text} and count."
        ),
        lambda d: (
            f"SELECT {d.text}, COUNT(*) FROM {d.table} WHERE {d.number} > {d.value} "
            f"GROUP BY {d.text}"
        ),
        False,
    ),
    "join": (
        lambda d: (
            f"Show the {d.text} of {d.of.many} with {d.number} above {d.value}, "
            f"and the name of their {d.parent[:-1]}."
        ),
        lambda d: (
            f"SELECT {d.table}.{d.text}, {d.parent}.name {_joined(d)} "
            f"WHERE {d.table}.{d.number} > {d.value}"
        ),
        True,
    ),
    "join_count": (
        lambda d: (
            f"For each {d.parent[:-1]} name, count the {d.of.many} with {d.number} below "
            f"{d.value}; show name and count."
        ),
        lambda d: (
            f"SELECT {d.parent}.name, COUNT(*) {_joined(d)} "
            f"WHERE {d.table}.{d.number} < {d.value} GROUP BY {d.parent}.name"
        ),
        True,
    ),
    "update": (
        lambda d: f"Set {d.number} to {d.value} for {d.of.many} whose {d.text} is {d.word}.",
        lambda d: f"UPDATE {d.table} SET {d.number} = {d.value} WHERE {d.text} = '{d.word}'",
        False,
    ),
    "delete": (
        lambda d: f"Delete the {d.of.many} whose {d.text} is {d.word} and {d.number} is {d.value}.",
        lambda d: f"DELETE FROM {d.table} WHERE {d.text} = '{d.word}' AND {d.number} = {d.value}",
        False,
    ),
}

CATEGORIES = tuple(f"sql_{family}" for family in FAMILIES)

#: Draws in a row that bring nothing new before the generator calls itself exhausted.
_PATIENCE = 5000


def examples(context: GenerateContext, options: Options) -> Iterator[Example]:
    """Rows with distinct questions, families in turn. Same seed, same rows."""
    for name in options.databases:
        if name not in DATABASES:
            known = ", ".join(sorted(DATABASES))
            raise HeimdallError(f"unknown database '{name}'", hint=f"Available: {known}")
    draw = random.Random(context.seed)
    seen: set[str] = set()
    made = idle = 0
    families = list(FAMILIES)
    while made < context.count and idle < _PATIENCE:
        family = families[(made + idle) % len(families)]
        question, query, child = FAMILIES[family]
        database = draw.choice(options.databases)
        drawn = _draw(draw, DATABASES[database], child)
        asked = question(drawn)
        if asked in seen:
            idle += 1
            continue
        seen.add(asked)
        made, idle = made + 1, 0
        answer = query(drawn)
        yield Example(
            instruction=asked,
            output=answer,
            category=f"sql_{family}",
            licence="MIT",
            language="sql",
            schema=database,
            family=f"sql:{family}",
            combination=f"sql:{answer}",
        )
    if made < context.count:
        context.note(f"sql can make {made} rows of these databases")

"""What a reference query asks for beside its rows: their order, and how many of them.

`ORDER BY a.age LIMIT 3` has many right answers where people are of one age. The reference is
therefore run without its LIMIT and with its sort keys as further columns, and the rows of one
key form a group.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from attrs import evolve, frozen

from heimdall_lang_cypher import ast
from heimdall_lang_cypher.parser import parse_statement
from heimdall_lang_cypher.printer import print_query
from heimdall_lang_cypher.signatures import aggregating_functions
from heimdall_lang_cypher.syntax_errors import CypherSyntaxError
from heimdall_lang_cypher.visitor import walk

#: Prefix of the columns that hold sort keys; no query of a data set uses it.
_HIDDEN = "heimdall_sort_key_"


@frozen
class Reference:
    """A reference query as it is run."""

    query: str
    hidden: int = 0
    """Columns at the end that hold sort keys."""
    keys: tuple[int, ...] | None = ()
    """Columns that rows are sorted by, the hidden ones included; none where they have no order,
    None where they have one that no column shows: then rows come in one order only."""
    skip: int = 0
    limit: int | None = None
    collects: bool = False
    """Whether lists are made of rows, in no order."""

    def columns(self, names: Sequence[str]) -> tuple[str, ...]:
        """The columns that the reference itself has."""
        return tuple(names[: len(names) - self.hidden])

    def groups(self, rows: Sequence[Sequence[Any]]) -> list[list[Sequence[Any]]]:
        """The rows, without sort keys, in groups that tie."""
        kept = [row[: len(row) - self.hidden] for row in rows]
        if self.keys is None:
            return [[row] for row in kept]
        if not self.keys:
            return [kept]
        marks = [repr([row[i] for i in self.keys]) for row in rows]
        pairs = zip(marks, kept, strict=True)
        return [[row for _, row in group] for _, group in groupby(pairs, key=lambda pair: pair[0])]

    def count(self, rows: int) -> int:
        """How many of `rows` rows are asked for."""
        rest = max(0, rows - self.skip)
        return rest if self.limit is None else min(rest, self.limit)


def read_reference(query: str) -> Reference:
    """The reference behind a query; one that has nothing special is run as it stands."""
    try:
        statement = parse_statement(query)
    except CypherSyntaxError:
        return Reference(query)
    body = statement.body
    collects = any(
        isinstance(node, ast.FunctionCall) and node.name.text.lower() == "collect"
        for node in walk(statement)
    )
    if not isinstance(body, ast.SingleQuery) or not isinstance(body.clauses[-1], ast.Return):
        return Reference(query, collects=collects)
    last = body.clauses[-1]
    skip, limit = _number(last.skip), _number(last.limit)
    if skip is None or limit is None or not (last.order_by or last.skip or last.limit):
        # A limit that is no plain number stays where it is.
        order = () if not last.order_by else None
        return Reference(query, keys=order, collects=collects)
    keys, added = _keys(last)
    changed = evolve(last, items=(*last.items, *added), skip=None, limit=None)
    text = print_query(evolve(statement, body=evolve(body, clauses=(*body.clauses[:-1], changed))))
    return Reference(
        text,
        hidden=len(added),
        keys=keys,
        skip=max(skip, 0),
        limit=None if last.limit is None else limit,
        collects=collects,
    )


def writes(query: str) -> bool:
    """Whether a query changes data or schema, or might: what is not known to read counts."""
    try:
        statement = parse_statement(query)
    except CypherSyntaxError:
        return False
    if not isinstance(statement.body, ast.Query):
        return not isinstance(statement.body, ast.Show)
    return any(isinstance(node, _WRITING) for node in walk(statement)) or any(
        isinstance(node, ast.CallProcedure) and not _reads(node.name.text)
        for node in walk(statement)
    )


_WRITING = (
    ast.Create,
    ast.Delete,
    ast.Foreach,
    ast.LoadCsv,
    ast.Merge,
    ast.Remove,
    ast.Set,
)
#: Procedures that only read, by the beginning of their names.
_READING = (
    "db.labels",
    "db.relationshiptypes",
    "db.propertykeys",
    "db.index.fulltext.querynodes",
    "db.index.fulltext.queryrelationships",
    "db.index.vector.querynodes",
    "db.index.vector.queryrelationships",
    "db.indexes",
    "db.constraints",
    "db.schema.",
    "db.info",
    "dbms.components",
    "apoc.path.",
    "apoc.meta.",
    "apoc.algo.",
    "gds.graph.list",
)


def _reads(procedure: str) -> bool:
    return procedure.lower().startswith(_READING)


def _number(value: ast.Expression | None) -> int | None:
    """0 where there is none, None where it is no plain number."""
    if value is None:
        return 0
    return value.value if isinstance(value, ast.IntegerLiteral) else None


def _keys(last: ast.Return) -> tuple[tuple[int, ...] | None, tuple[ast.ProjectionItem, ...]]:
    """Columns that hold the sort keys, and the items to add for those that none holds."""
    if not last.order_by:
        return (), ()
    aliases = {item.alias.name for item in last.items if item.alias}
    fixed = last.star or last.distinct or any(map(_aggregates, last.items))
    keys: list[int] = []
    added: list[ast.ProjectionItem] = []
    for sort in last.order_by:
        at = next(
            (
                index
                for index, item in enumerate(last.items)
                if sort.expression in (item.alias, item.expression)
            ),
            None,
        )
        if at is None:
            named = {n.name for n in walk(sort.expression) if isinstance(n, ast.Variable)}
            if fixed or named & aliases:
                return None, ()
            at = len(last.items) + len(added)
            alias = ast.Variable(f"{_HIDDEN}{len(added)}")
            added.append(ast.ProjectionItem(sort.expression, alias))
        keys.append(at)
    return tuple(keys), tuple(added)


def _aggregates(node: ast.Node) -> bool:
    return any(
        isinstance(each, ast.CountStar)
        or (
            isinstance(each, ast.FunctionCall) and each.name.text.lower() in aggregating_functions()
        )
        for each in walk(node)
    )

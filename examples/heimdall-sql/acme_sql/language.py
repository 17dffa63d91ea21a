"""SQL as Heimdall sees a language: findings, a canonical form, a printer. sqlglot parses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import OptimizeError, ParseError, TokenError
from sqlglot.optimizer.qualify import qualify

from heimdall_core import CheckRequest, Complexity, Finding, HeimdallError, Normalised

DIALECT = "sqlite"

_STATEMENTS = (exp.Query, exp.Insert, exp.Update, exp.Delete, exp.Create, exp.Drop)


def parse(sql: str) -> exp.Expression:
    """The tree of one statement; raises `HeimdallError` with line and column."""
    try:
        found = [tree for tree in sqlglot.parse(sql, dialect=DIALECT) if tree is not None]
    except ParseError as error:
        first = error.errors[0] if error.errors else {}
        where = f"line {first.get('line', 1)}, column {first.get('col', 1)}"
        raise HeimdallError(str(first.get("description", error)), where=where) from error
    except (TokenError, RecursionError, ValueError) as error:
        raise HeimdallError(" ".join(str(error).split())[:200], where="line 1") from error
    if len(found) != 1 or not isinstance(found[0], _STATEMENTS):
        raise HeimdallError("expected one statement such as SELECT … FROM …", where="line 1")
    return found[0]


def check(sql: str, request: CheckRequest) -> Sequence[Finding]:
    """Syntax, and names against the schema where one is given."""
    try:
        tree = parse(sql)
    except HeimdallError as error:
        line, column = (int(n) for n in (*re.findall(r"\d+", error.where), 1, 1)[:2])
        return [Finding("Syntax", "error", error.message, max(1, line), max(1, column))]
    if not request.schema:
        return []
    return _names(tree, request.schema["tables"])


def _names(tree: exp.Expression, tables: Mapping[str, Mapping[str, str]]) -> list[Finding]:
    for table in tree.find_all(exp.Table):
        if table.name and table.name not in tables and not _is_cte(tree, table.name):
            return [_schema_finding("UnknownTable", f"there is no table '{table.name}'")]
    if isinstance(tree, exp.Query):
        try:
            qualify(tree.copy(), schema=dict(tables), dialect=DIALECT)
        except OptimizeError as error:
            return [_schema_finding("UnknownColumn", " ".join(str(error).split()))]
        return []
    known = {column for table in tree.find_all(exp.Table) for column in tables.get(table.name, ())}
    for column in tree.find_all(exp.Column):
        if column.name not in known:
            return [_schema_finding("UnknownColumn", f"there is no column '{column.name}'")]
    return []


def _is_cte(tree: exp.Expression, name: str) -> bool:
    return any(cte.alias == name for cte in tree.find_all(exp.CTE))


def _schema_finding(code: str, message: str) -> Finding:
    return Finding(code, "error", message, kind="schema")


def format_sql(sql: str) -> str:
    """The query in sqlglot's pretty form."""
    return parse(sql).sql(dialect=DIALECT, pretty=True)


@lru_cache(maxsize=4096)
def normalise(sql: str) -> Normalised:
    """Equal under spelling, names of aliases, and the order of operands of AND and OR."""
    tree = parse(sql)
    _rename(tree)
    tree = _sorted(tree)
    canonical = tree.sql(dialect=DIALECT, normalize=True)
    for literal in list(tree.find_all(exp.Literal)):
        literal.replace(exp.Placeholder())
    for identifier in tree.find_all(exp.Identifier):
        identifier.set("this", "x")
    return Normalised(canonical, tree.sql(dialect=DIALECT))


def _rename(tree: exp.Expression) -> None:
    aliases: dict[str, str] = {}
    for table in tree.find_all(exp.Table):
        if table.alias:
            aliases.setdefault(table.alias, f"t{len(aliases)}")
            table.set("alias", exp.TableAlias(this=exp.to_identifier(aliases[table.alias])))
    for column in tree.find_all(exp.Column):
        if column.table in aliases:
            column.set("table", exp.to_identifier(aliases[column.table]))


def _sorted(tree: exp.Expression) -> exp.Expression:
    def order(node: Any) -> Any:
        if not isinstance(node, exp.And | exp.Or):
            return node
        kind = type(node)
        parts = sorted((p.transform(order) for p in node.flatten()), key=lambda p: p.sql(DIALECT))
        joined = parts[0]
        for part in parts[1:]:
            joined = kind(this=joined, expression=part)
        return joined

    return tree.transform(order)


def extract(answer: str) -> str:
    """The query inside a model's answer: in a fence, or the answer itself, or ''."""
    fence = re.search(r"```[a-zA-Z]*\n(.*?)```", answer, re.DOTALL)
    text = (fence[1] if fence else answer).strip()
    try:
        parse(text)
    except HeimdallError:
        return ""
    return text


def complexity(sql: str) -> Complexity:
    """One level for each of: a join, a group, a subquery, an order."""
    tree = parse(sql)
    counts = {
        kind.__name__.lower(): len(list(tree.find_all(kind)))
        for kind in (exp.Join, exp.Group, exp.Subquery, exp.Order)
    }
    level = min(5, 1 + sum(bool(count) for count in counts.values()))
    return Complexity(level, "small" if level < 3 else "medium", counts)

"""Queries without the data in them.

Literals become synthetic values or typed placeholders; parameters keep their names, and their
values are never read. What a query's form rests on stays: `LIMIT` and `SKIP`, list positions,
numbers of at most two digits that no property is compared with, and texts without letters. Names
of labels, types and properties stay unless they look like data themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import Literal

from attrs import define, field

from heimdall_gen_logs import synthetic
from heimdall_lang_cypher import ast
from heimdall_lang_cypher.visitor import transform, walk

Values = Literal["synthetic", "placeholders"]


class NotSafe(Exception):
    """A query that may hold data where it cannot be replaced; its text is the reason."""


#: Procedures and functions that take queries, or parts of them, as text.
_RUN_TEXT = re.compile(
    r"apoc\.(?:cypher|periodic|do|when|case|trigger|custom)\b|dbms\.cypher", re.I
)
_ODD_NAME = re.compile(r"@|\d{5,}|://|.{65,}")
#: The first argument of these is the name of an index.
_NAMES_INDEX = re.compile(r"db\.index\.(?:fulltext|vector)\.", re.I)
_SMALL = 100


@define
class Replacer:
    """What stands for each literal of one query; the same value is always replaced alike."""

    mode: Values
    random: Random
    texts: dict[str, str] = field(factory=dict)
    numbers: dict[int | float, int | float] = field(factory=dict)
    parameters: dict[tuple[str, object], str] = field(factory=dict)
    taken: set[str] = field(factory=set)

    def text(self, value: str, key: str, pattern: bool) -> str:
        """A synthetic text for `value`."""
        known = self.texts.get(value)
        if known is None:
            known = value
            for _ in range(40):
                known = (
                    synthetic.like_pattern(value, self.random)
                    if pattern
                    else synthetic.like(value, key, self.random)
                )
                if known != value and known not in self.texts.values():
                    break
            self.texts[value] = known
        return known

    def placeholder(self, value: object, kind: str, key: str) -> ast.Parameter:
        """A parameter that says the type, and of which property it is a value."""
        known = self.parameters.get((kind, value))
        if known is None:
            base = f"{key}_{kind}" if key and key.isidentifier() else kind
            known, number = base, 1
            while known in self.taken:
                number += 1
                known = f"{base}_{number}"
            self.taken.add(known)
            self.parameters[kind, value] = known
        return ast.Parameter(known)


def anonymise(statement: ast.Statement, replacer: Replacer) -> ast.Statement:
    """The statement with its literals replaced. Raises `NotSafe`."""
    if isinstance(statement.body, ast.Command) and not isinstance(
        statement.body, ast.AdministrationCommand | ast.ConsoleCommand
    ):
        _check_names(statement)
        return statement  # names and settings of an index or constraint
    places = _Places()
    for node in walk(statement):
        _check_node(node)
        places.look(node)
    replacer.taken.update(node.name for node in walk(statement) if isinstance(node, ast.Parameter))
    if replacer.mode == "synthetic":
        _plan(statement, places, replacer)
    return transform(statement, _replacing(places, replacer))


def _check_names(node: ast.Node) -> None:
    for each in walk(node):
        _check_node(each)


def _check_node(node: ast.Node) -> None:
    if isinstance(node, ast.AdministrationCommand):
        raise NotSafe("administration command")
    if isinstance(node, ast.ConsoleCommand | ast.TransactionCommand):
        raise NotSafe("not a query")
    if isinstance(node, ast.LabelName | ast.Name | ast.Variable) and _ODD_NAME.search(node.name):
        raise NotSafe("name that looks like data")
    if isinstance(node, ast.FloatLiteral) and abs(node.value) > 1e300:
        raise NotSafe("number out of range")
    if isinstance(node, ast.CallProcedure | ast.FunctionCall) and _RUN_TEXT.match(node.name.text):
        raise NotSafe("query inside a text")


@define
class _Places:
    """Where each literal stands: what it is a value of, and whether it is part of the form."""

    keys: dict[int, str] = field(factory=dict)
    form: set[int] = field(factory=set)
    patterns: set[int] = field(factory=set)

    def look(self, node: ast.Node) -> None:
        if isinstance(node, ast.MapEntry):
            self._value(node.value, node.key.name)
        elif isinstance(node, ast.SetProperty) and isinstance(node.target, ast.PropertyAccess):
            self._value(node.value, node.target.key.name)
        elif isinstance(node, ast.Comparison):
            self._beside(node.operands)
        elif isinstance(node, ast.BinaryPredicate):
            self._beside((node.left, node.right))
            if node.operator == "=~":
                self.patterns.add(id(node.right))
        elif isinstance(node, ast.Projection | ast.OrderLimit):
            self._keep(node.skip, node.limit)
        elif isinstance(node, ast.Subscript):
            self._keep(node.index)
        elif isinstance(node, ast.Slice):
            self._keep(node.lower, node.upper)
        elif isinstance(node, ast.CallProcedure) and node.arguments:
            if _NAMES_INDEX.match(node.name.text):
                self._keep(*node.arguments[:1])
            self._keep(*(a for a in node.arguments if isinstance(a, ast.IntegerLiteral)))
        elif isinstance(node, ast.InTransactions):
            self._keep(node.rows, node.concurrency)

    def _beside(self, operands: tuple[ast.Expression, ...]) -> None:
        keys = [_key_of(each) for each in operands]
        key = next((each for each in keys if each), "")
        for each in operands:
            self._value(each, key)

    def _value(self, node: ast.Expression, key: str) -> None:
        if not key:
            return
        if isinstance(node, ast.ListLiteral):
            for item in node.items:
                self._value(item, key)
        elif isinstance(node, ast.Sign):
            self.keys[id(node.operand)] = key
        elif isinstance(node, ast.FunctionCall):
            for item in node.arguments:
                self._value(item, key)
        self.keys[id(node)] = key

    def _keep(self, *nodes: ast.Expression | None) -> None:
        self.form.update(id(each) for node in nodes if node is not None for each in walk(node))


def _key_of(node: ast.Expression) -> str:
    """The property that an expression is about: `n.age`, `toLower(n.name)`."""
    if isinstance(node, ast.PropertyAccess):
        return node.key.name
    if isinstance(node, ast.FunctionCall) and len(node.arguments) == 1:
        return _key_of(node.arguments[0])
    return ""


def _kept(node: ast.Node, places: _Places) -> bool:
    if id(node) in places.form:
        return True
    if isinstance(node, ast.StringLiteral):
        return synthetic.keeps(node.value)
    if isinstance(node, ast.IntegerLiteral | ast.FloatLiteral):
        return id(node) not in places.keys and abs(node.value) < _SMALL
    return True


def _plan(statement: ast.Statement, places: _Places, replacer: Replacer) -> None:
    """Numbers and dates are replaced together, so that they keep their order."""
    numbers: set[int | float] = set()
    dates: set[str] = set()
    for node in walk(statement):
        if _kept(node, places):
            continue
        if isinstance(node, ast.IntegerLiteral | ast.FloatLiteral):
            numbers.add(node.value)
        elif isinstance(node, ast.StringLiteral) and synthetic.is_date(node.value):
            dates.add(node.value)
    new = numbers - set(replacer.numbers)
    replacer.numbers.update(synthetic.in_order(new, replacer.random))
    fresh = dates - set(replacer.texts)
    replacer.texts.update(synthetic.dates_in_order(fresh, replacer.random))


def _replacing(places: _Places, replacer: Replacer) -> Callable[[ast.Node], ast.Node]:
    def replace(node: ast.Node) -> ast.Node:
        if isinstance(node, ast.StringLiteral) and not _kept(node, places):
            key = places.keys.get(id(node), "")
            if replacer.mode == "placeholders":
                kind = "date" if synthetic.is_date(node.value) else "string"
                return replacer.placeholder(node.value, kind, key)
            text = replacer.text(node.value, key, id(node) in places.patterns)
            return ast.StringLiteral(text)
        if isinstance(node, ast.IntegerLiteral) and not _kept(node, places):
            if replacer.mode == "placeholders":
                return replacer.placeholder(node.value, "integer", places.keys.get(id(node), ""))
            return ast.IntegerLiteral(int(replacer.numbers[node.value]))
        if isinstance(node, ast.FloatLiteral) and not _kept(node, places):
            if replacer.mode == "placeholders":
                return replacer.placeholder(node.value, "float", places.keys.get(id(node), ""))
            return ast.FloatLiteral(float(replacer.numbers[node.value]))
        if isinstance(node, ast.InterpolatedString):
            raise NotSafe("text with expressions in it")
        if isinstance(node, ast.ListLiteral) and replacer.mode == "placeholders":
            return _short_list(node)
        return node

    return replace


def _short_list(node: ast.ListLiteral) -> ast.Expression:
    """How many values a list had is data too: of placeholders, one stays."""
    placeholders = [each for each in node.items if isinstance(each, ast.Parameter)]
    if len(node.items) > 1 and len(placeholders) == len(node.items):
        return ast.ListLiteral(node.items[:1])
    return node

"""Names: which of them are kept, and one name for one variable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from attrs import evolve

from heimdall_lang_cypher import ast
from heimdall_lang_cypher.normalise_tree import KEPT, LOCAL, rebuild
from heimdall_lang_cypher.visitor import children, walk

N = TypeVar("N", bound=ast.Node)

#: Expressions that may bind variables of their own inside a pattern or a query.
_WITH_PATTERNS = (
    ast.ExistsSubquery,
    ast.CountSubquery,
    ast.CollectSubquery,
    ast.PatternComprehension,
)


def keep_aliases(statement: ast.Statement) -> ast.Statement:
    """Marks the aliases of the last `RETURN`, and the sort keys that name one or repeat its
    expression."""
    if not isinstance(statement.body, ast.Query):
        return statement
    last = list(_last_returns(statement.body))

    def mark(node: Any) -> Any:
        return _marked(node) if any(node is each for each in last) else rebuild(node, mark)

    marked: ast.Statement = mark(statement)
    return marked


def _last_returns(query: ast.Query) -> Iterator[ast.Return]:
    if isinstance(query, ast.SingleQuery):
        if isinstance(query.clauses[-1], ast.Return):
            yield query.clauses[-1]
    elif isinstance(query, ast.Union):
        for each in query.queries:
            yield from _last_returns(each)
    elif isinstance(query, ast.Sequence):
        yield from _last_returns(query.queries[-1])
    elif isinstance(query, ast.BracedQuery):
        yield from _last_returns(query.query)
    elif isinstance(query, ast.Conditional):
        for branch in (*(each.query for each in query.branches), query.default):
            if branch is not None:
                yield from _last_returns(branch)


def _marked(clause: ast.Return) -> ast.Return:
    aliased = [(item.expression, item.alias.name) for item in clause.items if item.alias]
    names = {name for _, name in aliased}

    def key(node: Any) -> Any:
        if isinstance(node, ast.Variable) and node.name in names:
            return ast.Variable(KEPT + node.name)
        for expression, name in aliased:
            if node == expression:
                return ast.Variable(KEPT + name)
        return rebuild(node, key)

    items = tuple(
        evolve(item, alias=ast.Variable(KEPT + item.alias.name)) if item.alias else item
        for item in clause.items
    )
    return evolve(clause, items=items, order_by=tuple(key(each) for each in clause.order_by))


def rename_locals(statement: N) -> N:
    """Gives every variable that lives inside one expression a name of its own, so that two of them
    that happen to share a name do not look alike."""
    renamed: N = _Locals().rename(statement, {}, frozenset(_outer_names(statement)))
    return renamed


def _outer_names(node: ast.Node) -> Iterator[str]:
    """Names that occur outside of the expressions in `node` that may bind some themselves."""
    if isinstance(node, ast.Variable):
        yield node.name
    for child in children(node):
        if not isinstance(child, _WITH_PATTERNS):
            yield from _outer_names(child)


class _Locals:
    def __init__(self) -> None:
        self._count = 0

    def rename(self, node: Any, names: Mapping[str, str], outer: frozenset[str]) -> Any:
        """`node` with the variables in `names` renamed, and those that it binds itself; `outer`
        are the names that come from outside."""
        if isinstance(node, ast.Variable):
            return ast.Variable(names.get(node.name, node.name))
        if isinstance(node, _WITH_PATTERNS):
            own = sorted(
                {each.name for each in walk(node) if isinstance(each, ast.Variable)} - outer
            )
            names = {**names, **{name: self._fresh(name) for name in own}}
            outer = outer.union(own)
        if isinstance(node, ast.ListComprehension | ast.ListPredicate | ast.Foreach):
            inner = {**names, node.variable.name: self._fresh(node.variable.name)}
            # The source is evaluated outside.
            source = self.rename(node.source, names, outer)
            return evolve(rebuild(node, self.rename, inner, outer), source=source)
        if isinstance(node, ast.Reduce):
            inner = {
                **names,
                node.variable.name: self._fresh(node.variable.name),
                node.accumulator.name: self._fresh(node.accumulator.name),
            }
            return evolve(
                rebuild(node, self.rename, inner, outer),
                source=self.rename(node.source, names, outer),
                initial=self.rename(node.initial, names, outer),
            )
        return rebuild(node, self.rename, names, outer)

    def _fresh(self, name: str) -> str:
        self._count += 1
        return f"{name}{LOCAL}{self._count}"

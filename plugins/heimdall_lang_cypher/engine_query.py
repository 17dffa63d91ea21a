"""What an embedded engine is asked, instead of the query as it stands, and what it is not asked.

Engines name unnamed columns each in its own way (one calls them all `_expr`, so that two become
one), give no names where there are no rows, and one returns a path as the ids of its nodes. The
query is rewritten for them in place, so that it means the same and its columns are known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from attrs import frozen

from heimdall_lang_cypher import ast
from heimdall_lang_cypher.parser import parse_statement
from heimdall_lang_cypher.signatures import aggregating_functions
from heimdall_lang_cypher.syntax_errors import CypherSyntaxError
from heimdall_lang_cypher.visitor import walk


@frozen
class EngineQuery:
    """A query as one engine gets it."""

    text: str
    columns: tuple[str, ...] | None = None
    """Names of the result's columns; empty without `RETURN`; None where they are not known."""
    refused: str = ""
    """Why this engine is not asked: it is known to answer such a query wrong."""


def prepare(query: str, engine: str) -> EngineQuery:
    """The query for `engine`. One that does not parse is passed on as it is, to be refused."""
    try:
        statement = parse_statement(query)
    except CypherSyntaxError:
        return EngineQuery(query)
    refused = _refused(statement, engine)
    if refused:
        return EngineQuery(query, refused=refused)
    returns = list(_final_returns(statement))
    if not returns or any(each.star for each in returns):
        edited = _edited(query, _pattern_tests(statement, query))
        return EngineQuery(edited, None if returns else ())
    paths = _path_variables(statement) if engine == "graphdblite" else frozenset()
    edits = [
        edit for each in returns for item in each.items for edit in _edits(item, each, query, paths)
    ]
    edits += _pattern_tests(statement, query)
    columns = tuple(_column(item, query) for item in returns[0].items)
    return EngineQuery(_edited(query, edits), columns)


def _edited(query: str, edits: list[tuple[int, int, str]]) -> str:
    for start, end, text in sorted(edits, reverse=True):
        query = query[:start] + text + query[end:]
    return query


def _pattern_tests(statement: ast.Statement, query: str) -> list[tuple[int, int, str]]:
    """Edits that make bare patterns of `exists((a)-->())`: one engine does not know the function,
    to another it is always true."""
    return [
        (node.start, node.end, query[pattern.start : pattern.end])
        for node in walk(statement)
        if isinstance(node, ast.FunctionCall)
        and node.name.text.lower() == "exists"
        and len(node.arguments) == 1
        and isinstance(pattern := node.arguments[0], ast.PatternExpression)
    ]


def sort_keys(query: str) -> tuple[int | None, ...]:
    """For each key of the final `ORDER BY`, the 0-based column that holds it, None where no column
    does. Empty where rows have no order, and for a query that does not parse."""
    try:
        returns = list(_final_returns(parse_statement(query)))
    except CypherSyntaxError:
        return ()
    if len(returns) != 1:
        return ()
    items = returns[0].items

    def column(key: ast.Expression) -> int | None:
        found = (index for index, item in enumerate(items) if key in (item.alias, item.expression))
        return next(found, None)

    return tuple(column(key.expression) for key in returns[0].order_by)


def _refused(statement: ast.Statement, engine: str) -> str:
    """Why an engine is not asked; '' where nothing speaks against it. Each line was seen to answer
    wrong, without an error."""
    wrong = _WRONG[engine]
    for node in walk(statement):
        for kind, is_so, why in wrong:
            if isinstance(node, kind) and is_so(node):
                return f"{engine} {why}"
    return ""


def _always(node: ast.Node) -> bool:
    return True


def _aggregates(node: ast.Subscript | ast.Slice) -> bool:
    return any(
        isinstance(each, ast.FunctionCall) and each.name.text.lower() in aggregating_functions()
        for each in walk(node.subject)
    )


def _tests_properties(node: ast.ExistsSubquery) -> bool:
    return any(isinstance(each, ast.NodePattern) and each.properties for each in walk(node))


_WRONG: dict[str, tuple[tuple[Any, Callable[[Any], bool], str], ...]] = {
    "graphdblite": (
        (ast.ShortestPath, _always, "answers shortest paths wrong"),
        (ast.MergeAction, lambda node: node.on == "CREATE", "leaves out what ON CREATE sets"),
        ((ast.Subscript, ast.Slice), _aggregates, "does not group for collect(…)[…]"),
    ),
    "graphqlite": ((ast.CallSubquery, _always, "answers subqueries that import variables wrong"),),
    "ocg": (
        (ast.SetProperties, lambda node: node.add, "drops the old properties at SET +="),
        (ast.ExistsSubquery, _tests_properties, "answers EXISTS { (… {…}) } wrong"),
    ),
}


def _final_returns(statement: ast.Statement) -> Iterator[ast.Return]:
    """The `RETURN` that makes the result, of each branch of a union."""
    body = statement.body
    for query in body.queries if isinstance(body, ast.Union) else (body,):
        if isinstance(query, ast.SingleQuery) and isinstance(query.clauses[-1], ast.Return):
            yield query.clauses[-1]


def _path_variables(statement: ast.Statement) -> frozenset[str]:
    return frozenset(
        node.variable.name
        for node in walk(statement)
        if isinstance(node, ast.PatternPart) and node.variable is not None
    )


def _column(item: ast.ProjectionItem, query: str) -> str:
    return item.alias.name if item.alias else query[item.expression.start : item.expression.end]


def _edits(
    item: ast.ProjectionItem, projection: ast.Return, query: str, paths: frozenset[str]
) -> Iterator[tuple[int, int, str]]:
    """(start, end, replacement) of what changes in one item: its path, its missing name."""
    expression = item.expression
    name = _column(item, query).replace("`", "``")
    ordered = any(
        node == expression for key in projection.order_by for node in walk(key.expression)
    )
    if isinstance(expression, ast.Variable) and expression.name in paths and not ordered:
        path = query[expression.start : expression.end]
        parts = f"{{nodes: nodes({path}), relationships: relationships({path})}}"
        text = f"CASE WHEN {path} IS NULL THEN null ELSE {parts} END"
        yield expression.start, expression.end, text if item.alias else f"{text} AS `{name}`"
    elif item.alias is None and not isinstance(expression, ast.Variable):
        yield expression.end, expression.end, f" AS `{name}`"

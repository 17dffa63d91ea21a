"""What the parts of the normaliser share: rebuilding trees, names with a mark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from attrs import evolve, fields

from heimdall_lang_cypher import ast
from heimdall_lang_cypher.visitor import walk

#: Mark of a name that is kept: an alias of the last `RETURN`. No name of a query begins with it.
KEPT = "\x01"
#: Mark of a name that the normaliser gave to something that had none.
ANONYMOUS = "\x02"
#: Between a name and a number, in the name of a variable that lives inside one expression.
LOCAL = "\x03"

#: Functions whose value may differ from call to call.
_VOLATILE = frozenset(("rand", "randomuuid", "timestamp", "date", "datetime", "localdatetime"))

_LITERALS = (ast.IntegerLiteral, ast.FloatLiteral, ast.StringLiteral, ast.BooleanLiteral)

#: Fields of each class that count for equality, positions and spelling left out.
_FIELDS: dict[type, tuple[str, ...]] = {}


def meaning_fields(kind: type) -> tuple[str, ...]:
    """The fields of a node class that say something: not its position, not its spelling."""
    names = _FIELDS.get(kind)
    if names is None:
        names = _FIELDS[kind] = tuple(each.name for each in fields(kind) if each.eq)
    return names


def rebuild(node: ast.Node, function: Callable[..., Any], *arguments: Any) -> Any:
    """A node of the same class with `function(child, *arguments)` for each node directly below it,
    without position and spelling."""
    # Loops instead of comprehensions: a tree may be 200 nodes high, and every frame counts.
    values: dict[str, Any] = {}
    for name in meaning_fields(type(node)):
        value = getattr(node, name)
        if isinstance(value, ast.Node):
            value = function(value, *arguments)
        elif type(value) is tuple:
            items = []
            for item in value:
                items.append(function(item, *arguments) if isinstance(item, ast.Node) else item)
            value = tuple(items)
        values[name] = value
    return type(node)(**values)


def by_branch(statement: ast.Statement, function: Callable[[Any], Any]) -> Any:
    """The statement with `function` applied to its body's tree, to each branch of a union by
    itself: they share no variables."""
    body = statement.body
    if not isinstance(body, ast.Union):
        return function(statement)
    return evolve(statement, body=evolve(body, queries=tuple(map(function, body.queries))))


def mentions(tree: ast.Node) -> list[str]:
    """The names of variables, in the order in which the tree mentions them first."""
    return list(dict.fromkeys(node.name for node in walk(tree) if isinstance(node, ast.Variable)))


def is_literal(node: ast.Node) -> bool:
    """Whether a node is a value as such: a number with its sign, a string, a boolean."""
    if isinstance(node, ast.Sign):
        return isinstance(node.operand, _LITERALS)
    return isinstance(node, _LITERALS)


def is_value(node: ast.Node) -> bool:
    """Whether a node is what something is compared with: a literal, or a parameter for one."""
    return is_literal(node) or isinstance(node, ast.Parameter)


def volatile(node: ast.Node) -> bool:
    """Whether evaluating an expression twice may give two values."""
    return any(
        isinstance(each, ast.FunctionCall) and each.name.text.lower() in _VOLATILE
        for each in walk(node)
    )


def has_star(node: ast.Node) -> bool:
    """Whether the names of variables matter, because `*` stands for all of them."""
    return any(getattr(each, "star", False) for each in walk(node))


def conjuncts(where: ast.Expression | None) -> Iterator[ast.Expression]:
    """What must hold together for `where` to hold."""
    if isinstance(where, ast.And):
        for operand in where.operands:
            yield from conjuncts(operand)
    elif where is not None:
        yield where


def conjunction(parts: list[ast.Expression]) -> ast.Expression | None:
    """The opposite of `conjuncts`."""
    if len(parts) > 1:
        return ast.And(tuple(parts))
    return parts[0] if parts else None

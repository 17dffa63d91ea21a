"""Walking a syntax tree: its children, all of its nodes, dispatch by class, rewriting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

from attrs import evolve, fields

from heimdall_lang_cypher.nodes.base import Node

N = TypeVar("N", bound=Node)

#: Names of the fields of each class that may hold nodes, in the order of the class.
_CHILD_FIELDS: dict[type[Node], tuple[str, ...]] = {}


def _child_fields(kind: type[Node]) -> tuple[str, ...]:
    names = tuple(
        each.name
        for each in fields(kind)
        if each.name not in ("start", "end") and each.type not in ("str", "int", "float", "bool")
    )
    _CHILD_FIELDS[kind] = names
    return names


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below `node`, field by field (not always in the order of the text)."""
    names = _CHILD_FIELDS.get(type(node))
    for name in _child_fields(type(node)) if names is None else names:
        value = getattr(node, name)
        if isinstance(value, Node):
            yield value
        elif type(value) is tuple:
            for item in value:
                if isinstance(item, Node):
                    yield item


def walk(node: Node) -> Iterator[Node]:
    """`node` and everything below it, parents first. Does not recurse."""
    stack = [node]
    while stack:
        each = stack.pop()
        yield each
        below = list(children(each))
        below.reverse()
        stack.extend(below)


class Visitor:
    """Calls `self.visit_<ClassName>(node)` for each node that it is given, else `generic_visit`,
    which visits the children. A method decides by itself whether to go on below its node."""

    def visit(self, node: Node) -> Any:
        """The value of the method for `node`'s class."""
        method = getattr(self, f"visit_{type(node).__name__}", None)
        return method(node) if method is not None else self.generic_visit(node)

    def generic_visit(self, node: Node) -> Any:
        """Visits the children and returns None."""
        for child in children(node):
            self.visit(child)


def transform(node: N, function: Callable[[Node], Node]) -> N:
    """A copy of the tree with every node replaced by `function(node)`, children first. Parts that
    do not change are shared with the original."""
    changes: dict[str, Any] = {}
    names = _CHILD_FIELDS.get(type(node))
    for name in _child_fields(type(node)) if names is None else names:
        value = getattr(node, name)
        new: Any = value
        if isinstance(value, Node):
            new = transform(value, function)
        elif type(value) is tuple:
            items = tuple(
                transform(item, function) if isinstance(item, Node) else item for item in value
            )
            if any(one is not other for one, other in zip(items, value, strict=True)):
                new = items
        if new is not value:
            changes[name] = new
    return cast(N, function(evolve(node, **changes) if changes else node))

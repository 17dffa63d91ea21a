"""The last step: patterns put together again, and names by place of first mention."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from heimdall_lang_cypher import ast
from heimdall_lang_cypher.normalise_patterns import joined
from heimdall_lang_cypher.normalise_tree import (
    ANONYMOUS,
    KEPT,
    by_branch,
    has_star,
    mentions,
    rebuild,
)
from heimdall_lang_cypher.visitor import walk


def named(statement: ast.Statement) -> ast.Statement:
    """The statement with its variables named `v1`, `v2` … in the order of first mention, and
    without marks. Where names matter (`*`, the columns of `SHOW`), only what has no name gets one.
    """
    result: ast.Statement = by_branch(statement, _named)
    return result


def with_joined_patterns(node: Any) -> Any:
    """The tree with the pieces of each clause's patterns put together."""
    node = rebuild(node, with_joined_patterns)
    if isinstance(node, ast.Match | ast.Create):
        return evolve(node, patterns=joined(node.patterns))
    return node


def _named(tree: Any) -> Any:
    tree = with_joined_patterns(tree)
    keep = has_star(tree) or any(isinstance(node, ast.Show) for node in walk(tree))
    mentioned = mentions(tree)
    taken = {name.removeprefix(KEPT) for name in mentioned if keep or name.startswith(KEPT)}
    prefix = "a" if keep else "v"
    while any(name.startswith(prefix) and name[len(prefix) :].isdigit() for name in taken):
        prefix += "_"
    names: dict[str, str] = {}
    count = 0
    for name in mentioned:
        if name.startswith(KEPT):
            names[name] = name.removeprefix(KEPT)
        elif keep and not name.startswith(ANONYMOUS):
            names[name] = name
        else:
            count += 1
            names[name] = f"{prefix}{count}"

    def rename(node: Any) -> Any:
        if isinstance(node, ast.Variable):
            return ast.Variable(names[node.name])
        return rebuild(node, rename)

    return rename(tree)

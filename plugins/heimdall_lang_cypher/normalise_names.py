"""The last step: patterns put together again, and names by place of first mention."""

from __future__ import annotations

import re
from typing import Any

from attrs import evolve

from heimdall_lang_cypher import ast
from heimdall_lang_cypher.normalise_patterns import joined
from heimdall_lang_cypher.normalise_tree import (
    ANONYMOUS,
    KEPT,
    LOCAL,
    by_branch,
    has_star,
    mentions,
    rebuild,
)
from heimdall_lang_cypher.visitor import walk


def named(statement: ast.Statement) -> ast.Statement:
    """The statement with its variables named `v1`, `v2` … in the order of first mention, and
    without marks. Where names matter (`*`, the columns of `SHOW`), those of columns stay."""
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
    mentioned = mentions(tree)
    kept = {name: name.removeprefix(KEPT) for name in mentioned if name.startswith(KEPT)}
    if has_star(tree) or any(isinstance(node, ast.Show) for node in walk(tree)):
        # What only one expression knows is no column.
        kept = {
            name: kept.get(name, name)
            for name in mentioned
            if LOCAL not in name and not name.startswith(ANONYMOUS)
        }
    prefix = "v"
    while any(re.fullmatch(rf"{prefix}\d+", name) for name in kept.values()):
        prefix += "_"
    free = [name for name in mentioned if name not in kept]
    names = kept | {name: f"{prefix}{number}" for number, name in enumerate(free, 1)}

    def rename(node: Any) -> Any:
        if isinstance(node, ast.Variable):
            return ast.Variable(names[node.name])
        return rebuild(node, rename)

    return rename(tree)

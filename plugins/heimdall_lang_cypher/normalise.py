"""One text for all queries that mean the same, and one for all that differ in names and values.

Two queries have the same canonical form when they differ only in: white space, comments, keyword
case, quotes and other spelling; names of variables; the direction in which a relationship is spelt
and the way in which a pattern is cut into paths; the order of patterns, of `MATCH`es that need
nothing of each other, of labels, map entries, `WITH` items, and of operands of `AND`, `OR`, `XOR`,
`=`, `<>`, `*` (and of `+` between numbers); a condition in a pattern or in its `WHERE`; `a > b` or
`b < a`; `EXISTS {}` with or without `MATCH`, or a bare pattern as a predicate. Everything else
makes a difference: two forms that differ may still mean the same, but two queries with one form
give the same rows.

Rows are what counts, not column names that nobody chose: an alias that is written in the last
`RETURN` is kept, and `RETURN n.name` is the same as `RETURN p.name`.
"""

from __future__ import annotations

from typing import Any

from heimdall_core.types import Normalised
from heimdall_lang_cypher import ast
from heimdall_lang_cypher.normalise_names import named
from heimdall_lang_cypher.normalise_order import in_order
from heimdall_lang_cypher.normalise_rewrite import rewrite
from heimdall_lang_cypher.normalise_tree import KEPT, is_literal, rebuild
from heimdall_lang_cypher.parser import parse
from heimdall_lang_cypher.printer import print_query


def normalise(query: str) -> Normalised:
    """The canonical form and the family of a query, or of several separated by semicolons.

    Both are Cypher. The family has `L` for every label and type, `p` for every property, `'?'` for
    every literal, `c` for every alias. Raises `CypherSyntaxError` for a query that does not parse.
    """
    canonical, family = [], []
    for statement in parse(query).statements:
        ordered = in_order(rewrite(statement))
        canonical.append(print_query(named(ordered)))
        nameless = in_order(_without_names(ordered), distinct=False)
        family.append(print_query(named(nameless)))
    return Normalised("; ".join(canonical), "; ".join(family))


def _without_names(node: ast.Node) -> Any:
    """The tree with placeholders for names and values."""
    if is_literal(node):
        return ast.StringLiteral("?")
    if isinstance(node, ast.ListLiteral) and node.items and all(map(is_literal, node.items)):
        # How many values an `IN` lists is a matter of values.
        return ast.ListLiteral((ast.StringLiteral("?"),))
    if isinstance(node, ast.LabelName):
        return ast.LabelName("L")
    if isinstance(node, ast.Name):
        return ast.Name("p")
    if isinstance(node, ast.Parameter):
        return ast.Parameter("p")
    if isinstance(node, ast.YieldItem):
        return node  # Columns of a procedure belong to its name.
    if isinstance(node, ast.Variable) and node.name.startswith(KEPT):
        return ast.Variable(KEPT + "c")
    return rebuild(node, _without_names)

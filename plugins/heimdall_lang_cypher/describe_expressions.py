"""Expressions in English. What has no short English stays Cypher, in backticks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from heimdall_lang_cypher import ast
from heimdall_lang_cypher.printer import print_query

_COMPARISONS: Final = {
    "=": "is",
    "<>": "is not",
    "<": "is less than",
    "<=": "is at most",
    ">": "is greater than",
    ">=": "is at least",
}
_PREDICATES: Final = {
    "STARTS WITH": "starts with",
    "ENDS WITH": "ends with",
    "CONTAINS": "contains",
    "IN": "is one of",
    "=~": "matches the regular expression",
}
_AGGREGATES: Final = {
    "count": "the number of",
    "sum": "the sum of",
    "avg": "the average of",
    "min": "the smallest",
    "max": "the greatest",
    "collect": "the list of",
}
_PLAIN = (
    ast.Variable
    | ast.Parameter
    | ast.IntegerLiteral
    | ast.FloatLiteral
    | ast.StringLiteral
    | ast.BooleanLiteral
    | ast.NullLiteral
    | ast.ListLiteral
)
#: What reads as a condition, not as a value.
_CONDITIONS = (
    ast.And
    | ast.Or
    | ast.Xor
    | ast.Not
    | ast.Comparison
    | ast.BinaryPredicate
    | ast.NullPredicate
    | ast.LabelPredicate
    | ast.ExistsSubquery
    | ast.PatternExpression
)


def code(node: ast.Node) -> str:
    """A node as Cypher in backticks."""
    text = print_query(node)
    return f"``{text}``" if "`" in text else f"`{text}`"


def plain(node: ast.Node) -> str:
    """A name, literal or short value as Cypher, without backticks around it."""
    return print_query(node)


def joined(parts: Iterable[str], word: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    texts = list(parts)
    if len(texts) < 2:
        return "".join(texts)
    return f"{', '.join(texts[:-1])} {word} {texts[-1]}"


def expression(node: ast.Expression, pattern: Callable[[Any], str]) -> str:
    """A value or a condition; `pattern` describes a path that is asked for."""

    def below(each: ast.Expression) -> str:
        return expression(each, pattern)

    def value(each: ast.Expression) -> str:
        return code(each) if isinstance(each, _CONDITIONS) else below(each)

    def operand(each: ast.Expression) -> str:
        text = below(each)
        return f"({text})" if isinstance(each, ast.And | ast.Or | ast.Xor | ast.Not) else text

    if isinstance(node, _PLAIN):
        return plain(node)
    if isinstance(node, ast.PropertyAccess) and isinstance(node.subject, ast.Variable):
        return f"the {plain(node.key)} of {plain(node.subject)}"
    if isinstance(node, ast.CountStar):
        return "the number of rows"
    if isinstance(node, ast.FunctionCall):
        return _call(node, value)
    if isinstance(node, ast.And):
        return joined([operand(each) for each in node.operands], "and")
    if isinstance(node, ast.Or):
        return joined([operand(each) for each in node.operands], "or")
    if isinstance(node, ast.Not):
        return f"it is not true that {operand(node.operand)}"
    if isinstance(node, ast.Comparison) and len(node.operators) == 1:
        left, right = node.operands
        return f"{value(left)} {_COMPARISONS[node.operators[0]]} {value(right)}"
    if isinstance(node, ast.BinaryPredicate):
        return f"{value(node.left)} {_PREDICATES[node.operator]} {value(node.right)}"
    if isinstance(node, ast.NullPredicate):
        return f"{value(node.operand)} is {'present' if node.negated else 'missing'}"
    if isinstance(node, ast.LabelPredicate) and isinstance(node.labels, ast.LabelName):
        return f"{value(node.operand)} is {'not ' * node.negated}a {plain(node.labels)}"
    if isinstance(node, ast.PatternExpression) and isinstance(node.pattern, ast.PathPattern):
        return f"there is {pattern(node.pattern)}"
    if isinstance(node, ast.ExistsSubquery):
        found = _subpattern(node.query, pattern, below)
        return f"there is {found}" if found else code(node)
    if isinstance(node, ast.CountSubquery):
        found = _subpattern(node.query, pattern, below)
        return f"the number of matches of {found}" if found else code(node)
    return code(node)


def _call(node: ast.FunctionCall, value: Callable[[ast.Expression], str]) -> str:
    phrase = _AGGREGATES.get(node.name.text.lower())
    if phrase is None or len(node.arguments) != 1:
        return code(node)
    distinct = "distinct " if node.distinct else ""
    return f"{phrase} {distinct}{value(node.arguments[0])}"


def _subpattern(
    query: Any, pattern: Callable[[Any], str], below: Callable[[ast.Expression], str]
) -> str:
    """The pattern that a subquery looks for; '' where it does more than that."""
    if isinstance(query, ast.SingleQuery) and len(query.clauses) == 1:
        (query,) = query.clauses
    if isinstance(query, ast.Match) and (query.optional or query.hints or query.search):
        return ""
    if not isinstance(query, ast.PatternQuery | ast.Match) or query.mode:
        return ""
    if any(part.variable or part.selector for part in query.patterns):
        return ""
    if not all(isinstance(part.path, ast.PathPattern) for part in query.patterns):
        return ""
    found = " and ".join(pattern(part.path) for part in query.patterns)
    return f"({found}, where {below(query.where)})" if query.where else f"({found})"

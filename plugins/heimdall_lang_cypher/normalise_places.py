"""What may change places without a change of meaning, by class of node."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from attrs import evolve

from heimdall_lang_cypher import ast
from heimdall_lang_cypher.normalise_tree import is_value, mentions, volatile
from heimdall_lang_cypher.visitor import walk

#: A node, or a value in one, and its sort key.
Pair = tuple[Any, str]


class Sorter(Protocol):
    """What a rule needs of the pass that applies it."""

    distinct: bool
    """Whether what is said twice is left out; where not, names and values stand for others."""

    merging: bool
    """Whether the node stands in a `MERGE`."""

    def visit(self, node: ast.Node) -> Pair:
        """A node in order, and its key."""

    def sort(self, pairs: list[Pair], *, distinct: bool = False) -> list[Pair]:
        """Pairs in order."""


#: `arrange(sorter, node, pairs)` puts `pairs`, the node's fields by name, in order.
Arrange = Callable[[Sorter, Any, dict[str, Any]], None]

#: Expressions that are true, false or null, and nothing else; and labels.
_TRUTH_VALUES = (
    *(ast.And, ast.Or, ast.Xor, ast.Not, ast.Comparison, ast.BinaryPredicate, ast.NullPredicate),
    *(ast.LabelPredicate, ast.TypePredicate, ast.ListPredicate, ast.ExistsSubquery),
    *(ast.BooleanLiteral, ast.LabelExpression),
)


def _all_of(order: Sorter, node: Any, pairs: dict[str, Any]) -> None:
    """Operands of which one is as good as several. `1 AND 1` is left, for it is an error, and so
    is `rand() < 0.5 AND rand() < 0.5`."""
    operands = order.sort(pairs["operands"], distinct=not volatile(node))
    if len(operands) > 1 or isinstance(operands[0][0], _TRUTH_VALUES):
        pairs["operands"] = operands


def _bag_of(name: str, order: Sorter, node: Any, pairs: dict[str, Any]) -> None:
    pairs[name] = order.sort(pairs[name])


def _comparison(order: Sorter, node: ast.Comparison, pairs: dict[str, Any]) -> None:
    if node.operators in (("=",), ("<>",)):
        operands = order.sort(pairs["operands"])
        pairs["operands"] = sorted(operands, key=lambda pair: is_value(pair[0]))


def _arithmetic(order: Sorter, node: ast.Arithmetic, pairs: dict[str, Any]) -> None:
    """`a * b` and, between numbers, `a + b`. Of a longer chain the first two alone: floating-point
    numbers give another result when grouped in another way, and text is joined by `+`."""
    first = node.operators[0]
    numbers = not order.distinct or all(map(_is_number, node.operands[:2]))
    if first == "*" or (first == "+" and numbers):
        operands = pairs["operands"]
        pairs["operands"] = order.sort(operands[:2]) + operands[2:]


_NUMERIC_FUNCTIONS = frozenset(
    ("count", "size", "length", "id", "tointeger", "tofloat", "abs", "floor", "ceil", "round")
)


def _is_number(node: ast.Expression) -> bool:
    if isinstance(node, ast.FunctionCall):
        return node.name.text.lower() in _NUMERIC_FUNCTIONS
    if isinstance(node, ast.Sign):
        return _is_number(node.operand)
    if isinstance(node, ast.Arithmetic):
        return all(map(_is_number, node.operands))
    return isinstance(
        node, ast.IntegerLiteral | ast.FloatLiteral | ast.CountStar | ast.CountSubquery
    )


def _map(name: str, order: Sorter, node: Any, pairs: dict[str, Any]) -> None:
    """Entries of a map, unless a later one replaces an earlier one."""
    keys = [getattr(entry, "key", None) for entry in getattr(node, name)]
    if None not in keys and (len(set(keys)) == len(keys) or not order.distinct):
        pairs[name] = order.sort(pairs[name])


def _set(order: Sorter, node: ast.Set, pairs: dict[str, Any]) -> None:
    """Assignments of plain values to different properties."""
    targets = [item.target for item in node.items if isinstance(item, ast.SetProperty)]
    plain = all(
        isinstance(item, ast.SetProperty)
        and isinstance(item.target, ast.PropertyAccess)
        and isinstance(item.target.subject, ast.Variable)
        and is_value(item.value)
        for item in node.items
    )
    if plain and len(set(targets)) == len(targets):
        pairs["items"] = order.sort(pairs["items"])


def _clauses(order: Sorter, node: ast.SingleQuery, pairs: dict[str, Any]) -> None:
    """`MATCH`es in a row that share no variable. Of those that may come next the least does."""
    clauses: list[Pair] = pairs["clauses"]
    start = 0
    while start < len(clauses):
        stop = start
        while stop < len(clauses) and _is_plain_match(clauses[stop][0]):
            stop += 1
        if 1 < stop - start <= _MOST_MATCHES:
            clauses[start:stop] = _least_first(order, clauses[start:stop])
        start = stop + 1


#: A longer row of `MATCH`es stays as it is: each is compared with each.
_MOST_MATCHES = 30


def _is_plain_match(clause: Any) -> bool:
    return (
        isinstance(clause, ast.Match)
        and not clause.optional
        and not any(part.selector for part in clause.patterns)
    )


def _least_first(order: Sorter, clauses: list[Pair]) -> list[Pair]:
    names = [mentions(clause) for clause, _ in clauses]
    waiting = list(range(len(clauses)))
    result = []
    while waiting:
        free = [
            each
            for place, each in enumerate(waiting)
            if all(set(names[each]).isdisjoint(names[other]) for other in waiting[:place])
        ]
        least = order.sort([clauses[each] for each in free])[0]
        result.append(least)
        waiting.remove(next(each for each in free if clauses[each] is least))
    return result


def _actions(order: Sorter, node: ast.Merge, pairs: dict[str, Any]) -> None:
    """`ON CREATE` before `ON MATCH`: only one of them comes to pass."""
    pairs["actions"] = sorted(pairs["actions"], key=lambda pair: pair[0].on)


def _patterns(order: Sorter, node: ast.Match | ast.Create, pairs: dict[str, Any]) -> None:
    """Nodes first: a node that `CREATE` describes must be described before it is used."""
    parts = order.sort(pairs["patterns"])
    pairs["patterns"] = sorted(parts, key=lambda pair: _size(pair[0]))


def _size(part: ast.PatternPart) -> int:
    path = part.path
    return len(path.elements) if isinstance(path, ast.PathPattern) and not part.variable else 99


def _pattern_part(order: Sorter, node: ast.PatternPart, pairs: dict[str, Any]) -> None:
    # MERGE makes a relationship without an arrow point to the right.
    one_way = order.merging and any(
        isinstance(each, ast.RelationshipPattern) and each.direction == "--" for each in walk(node)
    )
    if node.variable is None and node.selector is None and not one_way:
        _either_way(order, node.path, "path", pairs)


def _pattern_comprehension(
    order: Sorter, node: ast.PatternComprehension, pairs: dict[str, Any]
) -> None:
    if node.variable is None:
        _either_way(order, node.pattern, "pattern", pairs)


def _pattern_expression(order: Sorter, node: ast.PatternExpression, pairs: dict[str, Any]) -> None:
    _either_way(order, node.pattern, "pattern", pairs)


def _either_way(
    order: Sorter, path: ast.PathPattern | ast.ShortestPath, name: str, pairs: dict[str, Any]
) -> None:
    """A path from that end from which its key is the smaller one."""
    if isinstance(path, ast.PathPattern) and (turned := _turned(path)) is not None:
        pairs[name] = order.sort([pairs[name], order.visit(turned)])[0]


def _turned(path: ast.PathPattern) -> ast.PathPattern | None:
    """The same path from its other end; None where the ends differ for more than the spelling."""
    elements = []
    for element in reversed(path.elements):
        if isinstance(element, ast.RelationshipPattern):
            if element.quantifier or (element.length and element.variable):
                return None  # The order of a list of relationships would be the other one.
            element = evolve(element, direction=_TURNED[element.direction])
        elif not isinstance(element, ast.NodePattern):
            return None
        elements.append(element)
    return ast.PathPattern(tuple(elements))


_TURNED: dict[str, ast.Direction] = {"->": "<-", "<-": "->", "--": "--", "<->": "<->"}

#: The rule of each class that has one.
ARRANGED: dict[type, Arrange] = {
    ast.And: _all_of,
    ast.Or: _all_of,
    ast.Xor: partial(_bag_of, "operands"),
    ast.LabelAnd: _all_of,
    ast.LabelOr: _all_of,
    ast.Comparison: _comparison,
    ast.Arithmetic: _arithmetic,
    ast.MapLiteral: partial(_map, "entries"),
    ast.MapProjection: partial(_map, "items"),
    ast.With: partial(_bag_of, "items"),
    ast.Delete: partial(_bag_of, "expressions"),
    ast.Remove: partial(_bag_of, "items"),
    ast.Set: _set,
    ast.SingleQuery: _clauses,
    ast.Merge: _actions,
    ast.Match: _patterns,
    ast.Create: _patterns,
    ast.PatternPart: _pattern_part,
    ast.PatternComprehension: _pattern_comprehension,
    ast.PatternExpression: _pattern_expression,
}

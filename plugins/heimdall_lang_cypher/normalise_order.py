"""One order for all orders that mean the same, and names by place of first mention.

Parts that may change places are sorted by a key in which all variables look alike. Where two parts
still look alike, variables are told apart by where else they stand (as in colour refinement for
graphs): the key of the whole statement with that one variable marked. What is alike even then may
be swapped without a difference, as long as it is swapped everywhere: names given in one round order
the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from itertools import pairwise
from typing import Any

from attrs import evolve

from heimdall_lang_cypher import ast
from heimdall_lang_cypher.normalise_patterns import joined
from heimdall_lang_cypher.normalise_tree import (
    ANONYMOUS,
    KEPT,
    has_star,
    is_value,
    meaning_fields,
    rebuild,
)
from heimdall_lang_cypher.visitor import walk

#: More variables than this are not told apart by refinement, which takes a pass for each.
_MOST_VARIABLES = 40
_ROUNDS = 4

Pair = tuple[Any, str]
_NOTHING: Pair = (None, "None")
Names = Mapping[str, str]


def in_order(statement: ast.Statement, *, distinct: bool = True) -> ast.Statement:
    """The statement with everything that may change places in one order. `distinct` leaves out what
    is said twice."""
    ordered: ast.Statement = _by_branch(statement, lambda tree: _sorted_tree(tree, distinct))
    return ordered


def named(statement: ast.Statement) -> ast.Statement:
    """The statement with its variables named `v1`, `v2` … in the order of first mention, and
    without marks. Where names matter (`*`, the columns of `SHOW`), only what has no name gets one.
    """
    result: ast.Statement = _by_branch(statement, _named)
    return result


def _by_branch(statement: ast.Statement, function: Callable[[Any], Any]) -> Any:
    """`function` applied to each branch of a union by itself: they share no variables."""
    body = statement.body
    if not isinstance(body, ast.Union):
        return function(statement)
    return evolve(statement, body=evolve(body, queries=tuple(map(function, body.queries))))


def _sorted_tree(tree: Any, distinct: bool) -> Any:
    constants: dict[int, tuple[Pair, ast.Node]] = {}

    def ordered(breakers: Sequence[Names]) -> tuple[Any, bool]:
        order = _Order({}, breakers, distinct, constants)
        return order.visit(tree)[0], order.tied

    def looks(marks: Names) -> str:
        """A digest of the tree as it looks with some variables marked."""
        key = _Order(marks, (), distinct, constants).visit(tree)[1]
        return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()

    result, tied = ordered(())
    breakers: list[Names] = []
    names = sorted(_mentions(tree))
    while tied and len(breakers) < 2 and len(names) <= _MOST_VARIABLES:
        base = breakers[-1] if breakers else {}
        breakers.append({name: looks({**base, name: f"@{base.get(name, '')}"}) for name in names})
        result, tied = ordered(breakers)
    for _ in range(_ROUNDS if tied else 0):
        mentions = enumerate(_mentions(_joined(result)))
        numbers = {name: f"{number:06}" for number, name in mentions}
        again, _ = ordered([*breakers, numbers])
        if again == result:
            break
        result = again
    return result


def _mentions(tree: ast.Node) -> list[str]:
    """The names of variables, in the order in which the tree mentions them first."""
    return list(dict.fromkeys(node.name for node in walk(tree) if isinstance(node, ast.Variable)))


class _Order:
    """One pass: sorts from the leaves up, and makes the key of every part."""

    def __init__(
        self,
        colours: Names,
        breakers: Sequence[Names],
        distinct: bool,
        constants: dict[int, tuple[Pair, ast.Node]],
    ) -> None:
        self._colours, self._breakers, self.distinct = colours, breakers, distinct
        # What passes over one tree share: parts without variables, which never change, by the id
        # of the node, which is kept so that the id stays its own.
        self._constants = constants
        self.tied = False
        """Whether there were parts that could not be told apart."""

    def visit(self, node: ast.Node) -> Pair:
        """The node in order, and its key."""
        if isinstance(node, ast.Variable):
            return node, _variable_key(node, self._colours)
        known = self._constants.get(id(node))
        if known is not None:
            return known[0]
        pairs: dict[str, Any] = {}
        for name in meaning_fields(type(node)):
            value = getattr(node, name)
            if value is None:
                pairs[name] = _NOTHING
            elif isinstance(value, ast.Node):
                pairs[name] = self.visit(value)
            elif type(value) is tuple:
                pairs[name] = parts = []
                for item in value:
                    is_node = isinstance(item, ast.Node)
                    parts.append(self.visit(item) if is_node else (item, repr(item)))
            else:
                pairs[name] = value, repr(value)
        arrange = _ARRANGED.get(type(node))
        if arrange is not None:
            arrange(self, node, pairs)
        if isinstance(node, _CHAINS) and len(pairs["operands"]) == 1:
            only: Pair = pairs["operands"][0]
            return only
        pair = _assembled(type(node), pairs)
        if "<" not in pair[1]:
            self._constants[id(node)] = pair, node
        return pair

    def sort(self, pairs: list[Pair], *, distinct: bool = False) -> list[Pair]:
        """The pairs by their keys; those with one key by the breakers."""
        if distinct and self.distinct:
            pairs = list({pair[0]: pair for pair in pairs}.values())
        pairs = sorted(pairs, key=lambda pair: pair[1])
        start = 0
        for stop in range(1, len(pairs) + 1):
            if stop == len(pairs) or pairs[stop][1] != pairs[start][1]:
                if stop - start > 1:
                    pairs[start:stop] = self._break(pairs[start:stop])
                start = stop
        return pairs

    def _break(self, alike: list[Pair]) -> list[Pair]:
        keyed = sorted(
            ((self._details(pair[0]), index, pair) for index, pair in enumerate(alike)),
            key=lambda each: each[:2],
        )
        for one, other in pairwise(keyed):
            self.tied |= one[0] == other[0] and one[2][0] != other[2][0]
        return [pair for _, _, pair in keyed]

    def _details(self, node: Any) -> tuple[str, ...]:
        return tuple(_key(node, names) for names in self._breakers)


def _variable_key(node: ast.Variable, names: Names) -> str:
    # A kept alias is no variable: its name tells it apart.
    return node.name if node.name.startswith(KEPT) else f"<{names.get(node.name, '')}>"


def _assembled(kind: type, pairs: Mapping[str, Any]) -> Pair:
    """A node of its fields, and its key of theirs."""
    values, keys = {}, []
    for name, pair in pairs.items():
        if isinstance(pair, list):
            values[name] = tuple(value for value, _ in pair)
            keys.append(f"[{' '.join(key for _, key in pair)}]")
        else:
            values[name] = pair[0]
            keys.append(pair[1])
    return kind(**values), f"{kind.__name__}({' '.join(keys)})"


def _key(node: Any, names: Names) -> str:
    """The key of a node as it stands, with its variables called by `names`."""
    if not isinstance(node, ast.Node):
        return repr(node)
    if isinstance(node, ast.Variable):
        return _variable_key(node, names)
    keys = []
    for name in meaning_fields(type(node)):
        value = getattr(node, name)
        if type(value) is tuple:
            keys.append(f"[{' '.join([_key(item, names) for item in value])}]")
        else:
            keys.append(_key(value, names))
    return f"{type(node).__name__}({' '.join(keys)})"


_CHAINS = (ast.And, ast.Or, ast.LabelAnd, ast.LabelOr)

#: Expressions that are true, false or null, and nothing else; and labels.
_TRUTH_VALUES = (
    *(ast.And, ast.Or, ast.Xor, ast.Not, ast.Comparison, ast.BinaryPredicate, ast.NullPredicate),
    *(ast.LabelPredicate, ast.TypePredicate, ast.ListPredicate, ast.ExistsSubquery),
    *(ast.BooleanLiteral, ast.LabelExpression),
)

# --- what may change places, by class ------------------------------------------------------------

Arrange = Callable[[_Order, Any, dict[str, Any]], None]


def _all_of(order: _Order, node: Any, pairs: dict[str, Any]) -> None:
    """Operands of which one is as good as several. `1 AND 1` is left, for it is an error."""
    operands = order.sort(pairs["operands"], distinct=True)
    if len(operands) > 1 or isinstance(operands[0][0], _TRUTH_VALUES):
        pairs["operands"] = operands


def _bag_of(name: str, order: _Order, node: Any, pairs: dict[str, Any]) -> None:
    pairs[name] = order.sort(pairs[name])


def _comparison(order: _Order, node: ast.Comparison, pairs: dict[str, Any]) -> None:
    if node.operators in (("=",), ("<>",)):
        operands = order.sort(pairs["operands"])
        pairs["operands"] = sorted(operands, key=lambda pair: is_value(pair[0]))


def _arithmetic(order: _Order, node: ast.Arithmetic, pairs: dict[str, Any]) -> None:
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


def _map(name: str, order: _Order, node: Any, pairs: dict[str, Any]) -> None:
    """Entries of a map, unless a later one replaces an earlier one."""
    keys = [getattr(entry, "key", None) for entry in getattr(node, name)]
    if None not in keys and (len(set(keys)) == len(keys) or not order.distinct):
        pairs[name] = order.sort(pairs[name])


def _set(order: _Order, node: ast.Set, pairs: dict[str, Any]) -> None:
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


def _patterns(order: _Order, node: ast.Match | ast.Create, pairs: dict[str, Any]) -> None:
    """Nodes first: a node that `CREATE` describes must be described before it is used."""
    parts = order.sort(pairs["patterns"])
    pairs["patterns"] = sorted(parts, key=lambda pair: _size(pair[0]))


def _size(part: ast.PatternPart) -> int:
    path = part.path
    return len(path.elements) if isinstance(path, ast.PathPattern) and not part.variable else 99


def _pattern_part(order: _Order, node: ast.PatternPart, pairs: dict[str, Any]) -> None:
    if node.variable is None and node.selector is None:
        _either_way(order, node.path, "path", pairs)


def _pattern_comprehension(
    order: _Order, node: ast.PatternComprehension, pairs: dict[str, Any]
) -> None:
    if node.variable is None:
        _either_way(order, node.pattern, "pattern", pairs)


def _pattern_expression(order: _Order, node: ast.PatternExpression, pairs: dict[str, Any]) -> None:
    _either_way(order, node.pattern, "pattern", pairs)


def _either_way(
    order: _Order, path: ast.PathPattern | ast.ShortestPath, name: str, pairs: dict[str, Any]
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

_ARRANGED: dict[type, Arrange] = {
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
    ast.Match: _patterns,
    ast.Create: _patterns,
    ast.PatternPart: _pattern_part,
    ast.PatternComprehension: _pattern_comprehension,
    ast.PatternExpression: _pattern_expression,
}

# --- names ---------------------------------------------------------------------------------------


def _joined(node: Any) -> Any:
    node = rebuild(node, _joined)
    if isinstance(node, ast.Match | ast.Create):
        return evolve(node, patterns=joined(node.patterns))
    return node


def _named(tree: Any) -> Any:
    tree = _joined(tree)
    keep = has_star(tree) or any(isinstance(node, ast.Show) for node in walk(tree))
    mentioned = _mentions(tree)
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

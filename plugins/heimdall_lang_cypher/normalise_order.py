"""One order for all orders that mean the same.

Parts that may change places are sorted by a key in which all variables look alike. Where two parts
still look alike, variables are told apart by where else they stand (as in colour refinement for
graphs): the key of the whole statement with that one variable marked. What is alike even then may
be swapped without a difference, as long as it is swapped everywhere: names given in one round order
the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from itertools import pairwise
from typing import Any

from heimdall_lang_cypher import ast
from heimdall_lang_cypher.normalise_names import with_joined_patterns
from heimdall_lang_cypher.normalise_places import ARRANGED, Pair
from heimdall_lang_cypher.normalise_tree import KEPT, by_branch, meaning_fields, mentions

#: Chains that stand for their operand where they have one alone.
_CHAINS = (ast.And, ast.Or, ast.LabelAnd, ast.LabelOr)
#: More variables than this are not told apart by refinement, which takes a pass for each.
_MOST_VARIABLES = 40
_ROUNDS = 4

_NOTHING: Pair = (None, "None")
Names = Mapping[str, str]


def in_order(statement: ast.Statement, *, distinct: bool = True) -> ast.Statement:
    """The statement with everything that may change places in one order. `distinct` leaves out what
    is said twice."""
    ordered: ast.Statement = by_branch(statement, lambda tree: _sorted_tree(tree, distinct))
    return ordered


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
    names = sorted(mentions(tree))
    while tied and len(breakers) < 2 and len(names) <= _MOST_VARIABLES:
        base = breakers[-1] if breakers else {}
        breakers.append({name: looks({**base, name: f"@{base.get(name, '')}"}) for name in names})
        result, tied = ordered(breakers)
    for _ in range(_ROUNDS if tied else 0):
        mentioned = enumerate(mentions(with_joined_patterns(result)))
        numbers = {name: f"{number:06}" for number, name in mentioned}
        again, _ = ordered([*breakers, numbers])
        if again == result:
            break
        result = again
    return result


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
        self.merging = False
        self.tied = False
        """Whether there were parts that could not be told apart."""

    def visit(self, node: ast.Node) -> Pair:
        """The node in order, and its key."""
        if isinstance(node, ast.Variable):
            return node, _variable_key(node, self._colours)
        known = self._constants.get(id(node))
        if known is not None:
            return known[0]
        if isinstance(node, ast.Merge):
            self.merging = True
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
        if isinstance(node, ast.Merge):
            self.merging = False
        arrange = ARRANGED.get(type(node))
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

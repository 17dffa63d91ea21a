"""Patterns cut into nodes and single relationships.

`MATCH (a:A)<-[:R]-(b {x: 1})` becomes `MATCH (a:A), (b)-[:R]->(a) WHERE b.x = 1`: a `MATCH` is a
set of conditions, and its spelling as paths is one of many. What cannot be cut stays whole: a path
with a name that is used, shortest paths, quantified paths.

No two relationships of one `MATCH` may be the same, across its paths, too; yet many databases look
at each path by itself. Paths are therefore cut only where no two relationships could be the same
anyway, because their types differ.
"""

from __future__ import annotations

from typing import Any, TypeGuard, cast

from attrs import define, evolve, field

from heimdall_lang_cypher import ast
from heimdall_lang_cypher.normalise_tree import ANONYMOUS, conjunction, conjuncts
from heimdall_lang_cypher.visitor import walk


@define
class _Cut:
    """The pieces of the patterns of one clause."""

    nodes: dict[str, list[ast.NodePattern]] = field(factory=dict)
    """What is said about each node, by its variable."""
    edges: list[ast.PatternPart] = field(factory=list)
    whole: list[ast.PatternPart] = field(factory=list)
    conditions: list[ast.Expression] = field(factory=list)

    def parts(self) -> tuple[ast.PatternPart, ...]:
        """The pieces as patterns. A node that a relationship mentions anyway has none of its own
        unless there is something to say about it."""
        mentioned = {
            node.name
            for part in (*self.edges, *self.whole)
            for node in walk(part)
            if isinstance(node, ast.Variable)
        }
        nodes = [
            _part(_merged(name, patterns))
            for name, patterns in self.nodes.items()
            if name not in mentioned or any(each.labels or each.properties for each in patterns)
        ]
        return (*nodes, *self.edges, *self.whole)


class Decomposer:
    """Cuts the patterns of one statement. `used` are the variables that something else reads."""

    def __init__(self, used: frozenset[str]) -> None:
        self._used = used
        self._count = 0

    def match(self, clause: ast.Match) -> ast.Match:
        """The clause with its patterns in pieces and its inline conditions in `WHERE`."""
        cut = _Cut(conditions=list(conjuncts(clause.where)))
        apart = _types_differ(clause)
        for part in clause.patterns:
            self._cut(self._without_unused(part), cut, inline=False, apart=apart)
        conditions = []
        for condition in cut.conditions:
            if (
                isinstance(condition, ast.LabelPredicate)
                and isinstance(node := condition.operand, ast.Variable)
                and node.name in cut.nodes
            ):
                cut.nodes[node.name].append(ast.NodePattern(node, condition.labels))
            else:
                conditions.append(condition)
        return evolve(clause, patterns=cut.parts(), where=conjunction(conditions))

    def create(self, clause: ast.Create) -> ast.Create:
        """The clause with its patterns in pieces; properties stay where they are."""
        cut = _Cut()
        for part in clause.patterns:
            self._cut(self._without_unused(part), cut, inline=True, apart=True)
        described = [
            [each for each in patterns if each.labels or each.properties]
            for patterns in cut.nodes.values()
        ]
        if any(len(each) > 1 for each in described):
            return clause  # One node created twice: an error, which must not become another query.
        return ast.Create(cut.parts())

    def variable(self) -> ast.Variable:
        """A new one, for something that has no name."""
        self._count += 1
        return ast.Variable(f"{ANONYMOUS}{self._count}")

    def _without_unused(self, part: ast.PatternPart) -> ast.PatternPart:
        if part.variable is not None and part.variable.name not in self._used:
            return evolve(part, variable=None)
        return part

    def _cut(self, part: ast.PatternPart, cut: _Cut, *, inline: bool, apart: bool) -> None:
        path = part.path
        if part.variable or part.selector or not _can_be_cut(path):
            cut.whole.append(part)
            return
        elements = tuple(
            self._edge(each, cut, inline=inline)
            if isinstance(each, ast.RelationshipPattern)
            else self._node(cast(ast.NodePattern, each), cut, inline=inline)
            for each in path.elements
        )
        if not apart and len(elements) > 3:
            cut.edges.append(ast.PatternPart(ast.PathPattern(elements)))
            return
        for place in range(1, len(elements), 2):
            cut.edges.append(_directed(*elements[place - 1 : place + 2]))

    def _node(self, node: ast.NodePattern, cut: _Cut, *, inline: bool) -> ast.NodePattern:
        """Takes down what is said about a node; returns a mention of it."""
        variable = node.variable or self.variable()
        said = evolve(node, variable=variable)
        if not inline:
            cut.conditions += _conditions(variable, node.properties, node.where)
            said = evolve(said, properties=None, where=None)
        cut.nodes.setdefault(variable.name, []).append(said)
        return ast.NodePattern(variable)

    def _edge(
        self, edge: ast.RelationshipPattern, cut: _Cut, *, inline: bool
    ) -> ast.RelationshipPattern:
        if edge.variable is not None and edge.variable.name not in self._used:
            edge = evolve(edge, variable=None)
        conditional = isinstance(edge.properties, ast.MapLiteral) and edge.properties.entries
        if inline or edge.length is not None or not (conditional or edge.where):
            return edge
        # A predicate of a relationship without a name says nothing about it: it needs none.
        variable = edge.variable or (self.variable() if conditional else None)
        cut.conditions += _conditions(variable, edge.properties, edge.where)
        return evolve(edge, variable=variable, properties=None, where=None)


def joined(parts: tuple[ast.PatternPart, ...]) -> tuple[ast.PatternPart, ...]:
    """The pieces in a form that a person can read and a database can run without a cross product:
    what is said about a node stands where a relationship mentions it first, and a relationship
    comes after one that it shares a node with."""
    said: dict[str, ast.NodePattern] = {}
    rest = list(parts)
    while rest and (node := _single_node(rest[0])) is not None and node.variable:
        said[node.variable.name] = node
        rest.pop(0)
    ordered: list[ast.PatternPart] = []
    reached: set[str] = set()
    while rest:
        part = next((each for each in rest if not reached.isdisjoint(_names(each))), rest[0])
        rest = [each for each in rest if each is not part]
        reached |= _names(part)
        if not part.variable and not part.selector and isinstance(part.path, ast.PathPattern):
            elements = tuple(
                said.pop(each.variable.name, each)
                if isinstance(each, ast.NodePattern) and each.variable and not each.labels
                else each
                for each in part.path.elements
            )
            part = ast.PatternPart(ast.PathPattern(elements))
        ordered.append(part)
    alone = [_part(node) for node in said.values()]
    return (*alone, *ordered)


def _names(part: ast.PatternPart) -> set[str]:
    return {node.name for node in walk(part) if isinstance(node, ast.Variable)}


def _single_node(part: ast.PatternPart) -> ast.NodePattern | None:
    if part.variable or part.selector or not isinstance(part.path, ast.PathPattern):
        return None
    first = part.path.elements[0]
    return first if isinstance(first, ast.NodePattern) and len(part.path.elements) == 1 else None


def _types_differ(clause: ast.Match) -> bool:
    """Whether no relationship could match two relationship patterns of the clause."""
    seen: set[str] = set()
    for part in clause.patterns:
        for node in walk(part):
            if isinstance(node, ast.RelationshipPattern):
                types = _types(node.types)
                if not types or not seen.isdisjoint(types):
                    return False
                seen.update(types)
    return True


def _types(types: ast.LabelExpression | None) -> tuple[str, ...]:
    """The types that an expression names; empty where it may stand for any."""
    operands = types.operands if isinstance(types, ast.LabelOr) else (types,)
    names = [each.name for each in operands if isinstance(each, ast.LabelName)]
    return tuple(names) if len(names) == len(operands) else ()


def _can_be_cut(path: ast.PathPattern | ast.ShortestPath) -> TypeGuard[ast.PathPattern]:
    return isinstance(path, ast.PathPattern) and all(
        # Two nodes side by side parse as well, and mean nothing.
        isinstance(each, ast.RelationshipPattern if place % 2 else ast.NodePattern)
        and not getattr(each, "quantifier", None)
        # A map that is a parameter has no entries yet.
        and not isinstance(getattr(each, "properties", None), ast.Parameter)
        for place, each in enumerate(path.elements)
    )


def _conditions(
    variable: ast.Variable | None,
    properties: ast.MapLiteral | ast.Parameter | None,
    where: ast.Expression | None,
) -> list[ast.Expression]:
    equal: list[ast.Expression] = []
    if variable is not None and isinstance(properties, ast.MapLiteral):
        equal = [
            ast.Comparison((ast.PropertyAccess(variable, entry.key), entry.value), ("=",))
            for entry in properties.entries
        ]
    return [*equal, *conjuncts(where)]


def _directed(left: Any, edge: Any, right: Any) -> ast.PatternPart:
    """The relationship pointing to the right. One of variable length with a name is left as it is,
    for its list begins at the left."""
    if edge.direction == "<-" and not (edge.length and edge.variable):
        left, right, edge = right, left, evolve(edge, direction="->")
    return ast.PatternPart(ast.PathPattern((left, edge, right)))


def _part(node: ast.NodePattern) -> ast.PatternPart:
    return ast.PatternPart(ast.PathPattern((node,)))


def _merged(name: str, patterns: list[ast.NodePattern]) -> ast.NodePattern:
    """Everything that is said about one node, in one pattern."""
    labels: list[ast.LabelExpression] = []
    for each in patterns:
        if isinstance(each.labels, ast.LabelAnd):
            labels += each.labels.operands
        elif each.labels is not None:
            labels.append(each.labels)
    return ast.NodePattern(
        ast.Variable(name),
        ast.LabelAnd(tuple(labels)) if len(labels) > 1 else (labels[0] if labels else None),
        next((each.properties for each in patterns if each.properties), None),
    )

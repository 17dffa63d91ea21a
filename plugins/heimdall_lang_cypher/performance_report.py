"""What the performance rules share: the findings so far, and facts about patterns and filters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from attrs import define, field, frozen

from heimdall_core.types import Finding
from heimdall_lang_cypher import ast
from heimdall_lang_cypher.lexer import position
from heimdall_lang_cypher.schema import GraphSchema
from heimdall_lang_cypher.signatures import aggregating_functions
from heimdall_lang_cypher.visitor import children, walk

FilterKind = Literal["equality", "range", "prefix", "substring"]


@define
class Report:
    """Collects the findings of one statement."""

    text: str
    schema: GraphSchema | None
    findings: list[Finding] = field(factory=list)
    tests: list[Filter] = field(factory=list)
    """All tests of properties in `MATCH` and `MERGE`."""

    def add(
        self,
        code: str,
        severity: Literal["warning", "info"],
        node: ast.Node,
        message: str,
        suggestion: str = "",
    ) -> None:
        """Adds a finding at a node."""
        line, column = position(self.text, node.start)
        end_line, end_column = position(self.text, node.end)
        self.findings.append(
            Finding(
                code,
                severity,
                message,
                line,
                column,
                end_line,
                end_column,
                "performance",
                suggestion,
            )
        )

    @property
    def knows_indexes(self) -> bool:
        """Whether the schema lists any index: one that lists none says nothing about them."""
        return self.schema is not None and bool(self.schema.indexes)


@frozen
class Filter:
    """A test of a property that an index could answer: `n.key = …`, `n {key: …}`."""

    variable: str
    key: str
    kind: FilterKind
    node: ast.Node
    value: ast.Expression


@define
class Component:
    """Patterns of one clause that hang together by their variables."""

    parts: list[ast.PatternPart] = field(factory=list)
    variables: set[str] = field(factory=set)
    nodes: list[ast.NodePattern] = field(factory=list)
    relationships: list[ast.RelationshipPattern] = field(factory=list)


def elements(part: ast.PatternPart) -> Iterator[ast.NodePattern | ast.RelationshipPattern]:
    """The nodes and relationships of a pattern, those in parentheses included."""
    path = part.path.path if isinstance(part.path, ast.ShortestPath) else part.path
    for element in path.elements:
        if isinstance(element, ast.ParenthesisedPath):
            yield from elements(element.pattern)
        else:
            yield element


def variables(part: ast.PatternPart) -> set[str]:
    """All that a pattern binds or uses, the variable of the path included."""
    found = {each.variable.name for each in elements(part) if each.variable is not None}
    if part.variable is not None:
        found.add(part.variable.name)
    return found


def components(parts: Sequence[ast.PatternPart]) -> list[Component]:
    """The patterns of a clause, grouped by the variables that they share, in order."""
    leader: dict[str, str] = {}

    def find(name: str) -> str:
        while leader.setdefault(name, name) != name:
            leader[name] = leader[leader[name]]
            name = leader[name]
        return name

    named = [variables(part) or {f"@{part.start}"} for part in parts]
    for names in named:
        first, *others = names
        for other in others:
            leader[find(other)] = find(first)
    groups: dict[str, Component] = {}
    for part, names in zip(parts, named, strict=True):
        group = groups.setdefault(find(next(iter(names))), Component())
        group.parts.append(part)
        group.variables |= names
        for element in elements(part):
            if isinstance(element, ast.NodePattern):
                group.nodes.append(element)
            else:
                group.relationships.append(element)
    return list(groups.values())


def certain_labels(labels: ast.LabelExpression | None) -> frozenset[str]:
    """The labels that every match has: those of `A` and `A&B`, none of `A|B` or `!A`."""
    if isinstance(labels, ast.LabelName):
        return frozenset((labels.name,))
    if isinstance(labels, ast.LabelAnd):
        return frozenset().union(*(certain_labels(each) for each in labels.operands))
    return frozenset()


def narrows(labels: ast.LabelExpression | None) -> bool:
    """Whether labels leave less than all nodes to look at: `!A` and `%` do not."""
    if labels is None or isinstance(labels, ast.LabelWildcard | ast.LabelNot):
        return False
    if isinstance(labels, ast.LabelOr):
        return all(narrows(each) for each in labels.operands)
    return not isinstance(labels, ast.LabelAnd) or any(narrows(each) for each in labels.operands)


def conjuncts(predicate: ast.Expression | None) -> tuple[ast.Expression, ...]:
    """The conditions that must all hold."""
    if predicate is None:
        return ()
    return predicate.operands if isinstance(predicate, ast.And) else (predicate,)


def property_of(expression: ast.Expression) -> tuple[str, str] | None:
    """Variable and key of `variable.key`, None for anything else."""
    if isinstance(expression, ast.PropertyAccess) and isinstance(expression.subject, ast.Variable):
        return expression.subject.name, expression.key.name
    return None


_PREDICATES: dict[str, FilterKind] = {
    "IN": "equality",
    "STARTS WITH": "prefix",
    "CONTAINS": "substring",
    "ENDS WITH": "substring",
}


def filters(
    nodes: Iterable[ast.NodePattern | ast.RelationshipPattern], where: ast.Expression | None
) -> list[Filter]:
    """The tests of properties in a clause: in the maps of its patterns and in its `WHERE`s."""
    found = []
    predicates = list(conjuncts(where))
    for node in nodes:
        predicates += conjuncts(node.where)
        if node.variable is None and node.properties is None:
            continue
        name = node.variable.name if node.variable is not None else f"@{node.start}"
        if isinstance(node.properties, ast.MapLiteral):
            found += [
                Filter(name, entry.key.name, "equality", entry, entry.value)
                for entry in node.properties.entries
            ]
    for predicate in predicates:
        found += _filters_of(predicate)
    return found


def _filters_of(predicate: ast.Expression) -> list[Filter]:
    if isinstance(predicate, ast.BinaryPredicate) and predicate.operator in _PREDICATES:
        tested = property_of(predicate.left)
        if tested is None:
            return []
        return [Filter(*tested, _PREDICATES[predicate.operator], predicate, predicate.right)]
    if not isinstance(predicate, ast.Comparison) or "<>" in predicate.operators:
        return []
    kind: FilterKind = "equality" if predicate.operators == ("=",) else "range"
    found = []
    for index, operand in enumerate(predicate.operands):
        tested = property_of(operand)
        if tested is not None:
            other = predicate.operands[index - 1 if index else 1]
            found.append(Filter(*tested, kind, predicate, other))
    return found


def names_in(node: ast.Node) -> set[str]:
    """The variables that are named anywhere in an expression."""
    return {each.name for each in walk(node) if isinstance(each, ast.Variable)}


def is_aggregating(expression: ast.Expression) -> bool:
    """Whether an aggregating function is called in it, subqueries left out."""
    stack: list[ast.Node] = [expression]
    aggregating = aggregating_functions()
    while stack:
        node = stack.pop()
        if isinstance(node, ast.CountStar):
            return True
        if isinstance(node, ast.FunctionCall) and node.name.text.lower() in aggregating:
            return True
        if not isinstance(node, ast.ExistsSubquery | ast.CountSubquery | ast.CollectSubquery):
            stack.extend(children(node))
    return False


def key_of(node: ast.NodePattern | ast.RelationshipPattern) -> str:
    """How filters call a node or relationship: by its variable, or by its place."""
    return node.variable.name if node.variable is not None else f"@{node.start}"


def labels_of(group: Component, where: ast.Expression | None) -> dict[str, frozenset[str]]:
    """The certain labels (or types) by variable, those from `WHERE n:Label` included."""
    found: dict[str, frozenset[str]] = {}
    for node in group.nodes:
        found[key_of(node)] = found.get(key_of(node), frozenset()) | certain_labels(node.labels)
    for relationship in group.relationships:
        found[key_of(relationship)] = certain_labels(relationship.types)
    for predicate in conjuncts(where):
        if isinstance(predicate, ast.LabelPredicate) and isinstance(
            predicate.operand, ast.Variable
        ):
            name = predicate.operand.name
            if name in group.variables and not predicate.negated:
                more = certain_labels(predicate.labels) or frozenset("|")
                found[name] = found.get(name, frozenset()) | more
    return found

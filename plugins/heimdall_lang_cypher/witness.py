"""Data that a reading query finds: one match of its patterns, or as many as it counts and skips.

The patterns of its MATCH clauses (and of `EXISTS { }` in their conditions) become nodes and
relationships; each condition on a property, joined by AND, becomes a value that meets it; of an OR
the first side is met. It is a best effort: a query that needs more may still find nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any

from attrs import define, field

from heimdall_core.types import Json
from heimdall_lang_cypher import ast
from heimdall_lang_cypher.parser import parse_statement
from heimdall_lang_cypher.populate_schema import Property, read_shape
from heimdall_lang_cypher.populate_values import literal
from heimdall_lang_cypher.printer_names import key, string
from heimdall_lang_cypher.semantics_calls import is_aggregation
from heimdall_lang_cypher.syntax_errors import CypherSyntaxError
from heimdall_lang_cypher.visitor import children, walk

#: Matches that are made at most: more than the counts and pages that questions ask for.
_MOST = 60

Test = tuple[str, Any]


@define
class _Owner:
    """A node or relationship of the match, with what its properties must be like."""

    names: list[str]
    """Labels, or the type."""
    tests: dict[str, list[Test]] = field(factory=dict)


@define
class _Edge:
    start: str
    end: str
    owner: _Owner
    length: int = 1


@define
class _Match:
    nodes: dict[str, _Owner] = field(factory=dict)
    edges: dict[str, _Edge] = field(factory=dict)
    kept: set[str] = field(factory=set)
    """Nodes that all copies share: those that rows are grouped by."""
    copies: int = 1


def witness(query: str, schema: Json, seed: int = 0) -> Sequence[str]:
    """Statements that add what `query` asks for to a graph of that schema; empty where the query
    does not parse or matches nothing. The same seed, the same data."""
    try:
        statement = parse_statement(query)
    except CypherSyntaxError:
        return ()
    match = _Match()
    for clause in _clauses(statement):
        if isinstance(clause, ast.Match) and not clause.optional:
            _add_patterns(match, clause.patterns, clause.where)
        elif isinstance(clause, ast.With) and clause.where is not None:
            _add_count(match, clause)
        elif isinstance(clause, ast.Projection) and isinstance(clause.skip, ast.IntegerLiteral):
            match.copies = max(match.copies, clause.skip.value + 1)
    if not match.nodes:
        return ()
    return [_Writer(match, schema, Random(seed)).statement()]  # noqa: S311 - test data, no secret


# --- reading the query ---------------------------------------------------------------------------


def _clauses(node: ast.Node) -> Iterator[ast.Node]:
    """The node and what is below it, but for what an expression only tests."""
    yield node
    if not isinstance(node, ast.Expression):
        for child in children(node):
            yield from _clauses(child)


def _add_patterns(
    match: _Match, patterns: Sequence[ast.PatternPart], where: ast.Expression | None
) -> None:
    for part in patterns:
        path = part.path.path if isinstance(part.path, ast.ShortestPath) else part.path
        previous, pending = "", None
        for element in path.elements:
            if isinstance(element, ast.NodePattern):
                name = _add_node(match, element)
                if pending is not None:
                    _add_edge(match, previous, pending, name)
                previous, pending = name, None
            elif isinstance(element, ast.RelationshipPattern):
                pending = element
            else:
                return
    if where is not None:
        _add_condition(match, where)


def _add_node(match: _Match, pattern: ast.NodePattern) -> str:
    name = pattern.variable.name if pattern.variable else f"_{len(match.nodes)}"
    owner = match.nodes.setdefault(name, _Owner([]))
    owner.names += [n for n in _names(pattern.labels) if n not in owner.names]
    _add_map(owner, pattern.properties)
    return name


def _add_edge(match: _Match, start: str, pattern: ast.RelationshipPattern, end: str) -> None:
    name = pattern.variable.name if pattern.variable else f"_{len(match.edges)}"
    owner = _Owner(_names(pattern.types)[:1])
    _add_map(owner, pattern.properties)
    if pattern.direction == "<-":
        start, end = end, start
    length = pattern.length.lower or 1 if pattern.length else 1
    match.edges[name] = _Edge(start, end, owner, length)


def _names(labels: ast.Node | None) -> list[str]:
    """The names of a label expression; of alternatives the first."""
    if isinstance(labels, ast.LabelName):
        return [labels.name]
    if isinstance(labels, ast.LabelAnd):
        return [name for operand in labels.operands for name in _names(operand)]
    return _names(labels.operands[0]) if isinstance(labels, ast.LabelOr) else []


def _add_map(owner: _Owner, properties: ast.Node | None) -> None:
    if isinstance(properties, ast.MapLiteral):
        for entry in properties.entries:
            value = _value(entry.value)
            if value is not None:
                owner.tests.setdefault(entry.key.name, []).append(("=", value))


def _value(node: ast.Node) -> Any:
    """The value of a literal, or of a list of them; None for anything else."""
    if isinstance(
        node, ast.IntegerLiteral | ast.FloatLiteral | ast.StringLiteral | ast.BooleanLiteral
    ):
        return node.value
    if isinstance(node, ast.ListLiteral):
        return [_value(item) for item in node.items]
    return None


def _add_condition(match: _Match, where: ast.Node) -> None:
    match where:
        case ast.And():
            for operand in where.operands:
                _add_condition(match, operand)
        case ast.Or():
            _add_condition(match, where.operands[0])
        case ast.ExistsSubquery(query=ast.PatternQuery() as inner):
            _add_patterns(match, inner.patterns, inner.where)
        case ast.ExistsSubquery(query=ast.SingleQuery() as inner):
            for clause in inner.clauses:
                if isinstance(clause, ast.Match):
                    _add_patterns(match, clause.patterns, clause.where)
        case ast.Not(operand=ast.ExistsSubquery()):
            pass
        case ast.Not():
            for name, of, (operator, value) in _tests(where.operand):
                _add_test(match, name, of, (f"not {operator}", value))
        case _:
            for name, of, test in _tests(where):
                _add_test(match, name, of, test)


def _tests(node: ast.Node) -> Iterator[tuple[str, str, Test]]:
    """What a condition says of properties: (variable, property, test)."""
    match node:
        case ast.Comparison(operands=(left, right), operators=(operator,)):
            if (place := _place(left)) and (value := _value(right)) is not None:
                yield (*place, (operator, value))
        case ast.BinaryPredicate(operator=operator, left=left, right=right):
            if (place := _place(left)) and (value := _value(right)) is not None:
                yield (*place, (operator, value))
        case ast.NullPredicate(operand=operand, negated=negated):
            if place := _place(operand):
                yield (*place, ("set" if negated else "unset", None))
        case _:
            # any(x IN ['a', 'b'] WHERE n.p CONTAINS x): a text that holds them all.
            inner = [each for each in walk(node) if isinstance(each, ast.BinaryPredicate)]
            lists = [each for each in walk(node) if isinstance(each, ast.ListLiteral)]
            if inner and lists and (place := _place(inner[-1].left)):
                yield (*place, ("=", " ".join(map(str, _value(lists[0])))))


def _place(node: ast.Node) -> tuple[str, str] | None:
    if isinstance(node, ast.PropertyAccess) and isinstance(node.subject, ast.Variable):
        return node.subject.name, node.key.name
    return None


def _add_test(match: _Match, name: str, of: str, test: Test) -> None:
    owner = match.nodes.get(name) or (match.edges[name].owner if name in match.edges else None)
    if owner is not None:
        owner.tests.setdefault(of, []).append(test)


def _add_count(match: _Match, clause: ast.With) -> None:
    """`WITH a, count(b) AS total WHERE total > n`: n + 1 matches that share `a`."""
    counts = any(is_aggregation(item.expression) for item in clause.items)
    if counts and isinstance(clause.where, ast.Comparison):
        bound = _value(clause.where.operands[-1])
        if isinstance(bound, int):
            match.copies = max(match.copies, bound + 1)
    match.kept |= {
        item.expression.name for item in clause.items if isinstance(item.expression, ast.Variable)
    }


# --- writing the data ----------------------------------------------------------------------------


class _Writer:
    """Makes one CREATE of a match."""

    def __init__(self, match: _Match, schema: Json, random: Random) -> None:
        shape = read_shape(schema)
        self.nodes = shape.nodes
        self.edges: Mapping[str, Sequence[Property]] = {
            each.type: each.properties for each in shape.relationships
        }
        self.match, self.random = match, random
        self.made: set[str] = set()

    def statement(self) -> str:
        parts: list[str] = []
        for copy in range(min(self.match.copies, _MOST)):
            for name in self.match.nodes:
                parts += self._node(name, copy)
            for edge in self.match.edges.values():
                parts.append(self._edge(edge, copy))
        return f"CREATE {', '.join(parts)}"

    def _variable(self, name: str, copy: int) -> str:
        shared = name in self.match.kept
        place = list(self.match.nodes).index(name)
        return f"w{place}" if shared else f"w{place}_{copy}"

    def _node(self, name: str, copy: int) -> list[str]:
        variable = self._variable(name, copy)
        if variable in self.made:
            return []
        self.made.add(variable)
        owner = self.match.nodes[name]
        labels = "".join(f":{key(label)}" for label in owner.names)
        known = [p for label in owner.names for p in self.nodes.get(label, ())]
        return [f"({variable}{labels}{self._map(owner, known, copy)})"]

    def _edge(self, edge: _Edge, copy: int) -> str:
        type_ = edge.owner.names[0] if edge.owner.names else "RELATED"
        held = self._map(edge.owner, self.edges.get(type_, ()), copy)
        start, end = (self._variable(name, copy) for name in (edge.start, edge.end))
        link = f"-[:{key(type_)}{held}]->"
        labels = "".join(f":{key(each)}" for each in self.match.nodes[edge.start].names)
        between = f"({labels})".join([link] * edge.length)
        return f"({start}){between}({end})"

    def _map(self, owner: _Owner, known: Sequence[Property], copy: int) -> str:
        types = {each.name: each for each in known}
        entries = []
        for name in dict.fromkeys((*types, *owner.tests)):
            tests = owner.tests.get(name, [])
            usual = literal(types[name], 1000 + copy, self.random) if name in types else "'x'"
            text = _solve(tests, usual, copy)
            if text:
                entries.append(f"{key(name)}: {text}")
        return f" {{{', '.join(entries)}}}" if entries else ""


_CHECKS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b),
    "<>": lambda a, b: bool(a != b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    "IN": lambda a, b: a in b,
    "STARTS WITH": lambda a, b: bool(a.startswith(b)),
    "ENDS WITH": lambda a, b: bool(a.endswith(b)),
    "CONTAINS": lambda a, b: b in a,
    "=~": lambda a, b: re.fullmatch(b, a) is not None,
}


def _solve(tests: Sequence[Test], usual: str, copy: int) -> str:
    """A literal that meets all tests, `usual` without any; '' where it must be missing."""
    if any(operator == "unset" for operator, _ in tests):
        return ""
    bound = [test for test in tests if test[0] != "set"]
    if not bound:
        return usual
    for candidate in _candidates(bound, copy):
        try:
            if all(_meets(candidate, operator, value) for operator, value in bound):
                return string(candidate) if isinstance(candidate, str) else _plain(candidate)
        except (TypeError, AttributeError, re.error):
            continue
    return usual


def _meets(candidate: Any, operator: str, value: Any) -> bool:
    if operator.startswith("not "):
        return not _meets(candidate, operator.removeprefix("not "), value)
    return operator in _CHECKS and _CHECKS[operator](candidate, value)


def _candidates(tests: Sequence[Test], copy: int) -> Iterator[Any]:
    """Values near those that the tests name."""
    values = [value for _, value in tests]
    for value in values:
        if isinstance(value, list):
            yield from value
        elif isinstance(value, bool):
            yield from (value, not value)
        elif isinstance(value, int | float):
            numbers = [v for v in values if isinstance(v, int | float)]
            yield value
            yield from (value + 1 + copy, value - 1 - copy, value + 0.25, value - 0.25)
            yield (min(numbers) + max(numbers)) / 2
        else:
            text = str(value)
            yield text
            yield re.sub(r"\(\?i\)|\.\*", "", text)
            yield f"another {copy}"
    texts = [str(value) for value in values if isinstance(value, str)]
    order = {"STARTS WITH": 0, "CONTAINS": 1, "=~": 1, "ENDS WITH": 2}
    pieces = sorted(
        (order[op], re.sub(r"\(\?i\)|\.\*", "", str(v))) for op, v in tests if op in order
    )
    if texts:
        yield " ".join(piece for _, piece in pieces)
        yield "".join(piece for _, piece in pieces)


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)

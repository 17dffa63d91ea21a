"""A query taken to pieces that can be compared: patterns, conditions, aggregates, columns, order.

Each piece is a text in which a variable is what it stands for: a node's labels, a relationship's
types, the expression behind an alias.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve, field, frozen

from heimdall_lang_cypher import ast
from heimdall_lang_cypher.normalise import normalise
from heimdall_lang_cypher.parser import parse
from heimdall_lang_cypher.printer import print_query
from heimdall_lang_cypher.signatures import aggregating_functions
from heimdall_lang_cypher.visitor import transform, walk

_ANY = "*"


@frozen
class Hop:
    """One relationship of a pattern, seen from its start: `Person -KNOWS-> Person`."""

    start: str
    types: str
    end: str
    length: str = ""
    directed: bool = True
    first: str = field(default="", eq=False)
    """The start with its conditions and its columns, to tell two nodes of one label apart."""
    last: str = field(default="", eq=False)
    """The end, likewise."""

    def __str__(self) -> str:
        arrow = "->" if self.directed else "-"
        return f"({self.start})-[{self.types}{self.length}]{arrow}({self.end})"

    @property
    def without_direction(self) -> str:
        """The same text for both directions."""
        one, other = sorted((self.start, self.end))
        return f"({one})-[{self.types}{self.length}]-({other})"


@frozen
class Parts:
    """The pieces of one query; each tuple is sorted."""

    hops: tuple[Hop, ...]
    nodes: tuple[str, ...]
    """Labels of the nodes that stand in no relationship."""
    filters: tuple[str, ...]
    aggregates: tuple[str, ...]
    grouped: bool
    """Whether the last projection groups."""
    items: tuple[str, ...]
    """Columns of the result, `DISTINCT` among them."""
    sequence: tuple[str, ...]
    """The columns in their order."""
    order: str
    """`ORDER BY`, `SKIP` and `LIMIT`, wherever they stand."""
    changes: tuple[str, ...]
    """Clauses that write."""
    kinds: tuple[str, ...]
    """Clauses that make a pattern mean something else: `OPTIONAL`, shortest paths, subqueries."""

    @property
    def directed(self) -> tuple[str, ...]:
        """Relationships with their directions."""
        return tuple(sorted(map(str, self.hops)))

    @property
    def undirected(self) -> tuple[str, ...]:
        """Relationships without them."""
        return tuple(sorted(hop.without_direction for hop in self.hops))

    @property
    def pattern(self) -> tuple[str, ...]:
        """Everything that is matched."""
        return tuple(sorted((*self.directed, *(f"({label})" for label in self.nodes), *self.kinds)))

    def same_pattern(self, other: Parts) -> bool:
        """Whether both match the same; a node without a label may stand for any."""
        if self.kinds != other.kinds or not _pair_up(self.nodes, other.nodes):
            return False
        left = list(other.hops)
        for hop in self.hops:
            match = next((h for h in left if _like(hop, h)), None)
            if match is None:
                return False
            left.remove(match)
        return not left

    def turned(self, other: Parts) -> str:
        """In words, the relationship that points the other way in `other`; '' where none does."""
        if len(self.hops) != len(other.hops):
            return ""
        for hop in self.hops:
            for found in other.hops:
                same = hop.types == found.types and hop.length == found.length
                if same and hop.directed != found.directed and _ends(hop) == _ends(found):
                    return f"{hop} ≠ {found}"
                if not (same and hop.directed and found.directed):
                    continue
                crossed = (hop.start, hop.end) == (found.end, found.start)
                if crossed and hop.start != hop.end:
                    return f"{hop} ≠ {found}"
                # Between two nodes of one label, what is asked of each tells them apart.
                swapped = (hop.first, hop.last) == (found.last, found.first)
                if crossed and swapped and hop.first != hop.last:
                    return f"{hop} the other way round"
        return ""


def parts_of(query: str) -> Parts:
    """The pieces of a query. Raises `CypherSyntaxError`."""
    tree = parse(normalise(query).canonical)
    names = _Names(tree)
    filters = sorted(
        {
            names.text(condition)
            for node in walk(tree)
            if isinstance(node, ast.Match | ast.With | ast.PatternQuery | ast.CallProcedure)
            and node.where is not None
            for condition in _conjuncts(node.where)
        }
        | {
            names.text(entry, f"{names.of(node)}.")
            for node in walk(tree)
            if isinstance(node, ast.NodePattern | ast.RelationshipPattern)
            and isinstance(node.properties, ast.MapLiteral)
            for entry in node.properties.entries
        }
    )
    last = next((n for n in reversed(list(walk(tree))) if isinstance(n, ast.Return)), None)
    columns = [names.text(item.expression) for item in last.items] if last else []
    if last and last.star:
        columns.append(_ANY)
    items = sorted(columns) + (["DISTINCT"] if last and last.distinct else [])
    hops, alone = _patterns(tree, names)
    return Parts(
        hops=tuple(sorted(hops, key=str)),
        nodes=tuple(sorted(alone)),
        filters=tuple(filters),
        aggregates=tuple(sorted(_aggregates(tree, names))),
        grouped=bool(last and any(_is_aggregate(n) for item in last.items for n in walk(item))),
        items=tuple(items),
        sequence=tuple(columns),
        order=", ".join(_order(tree, names)),
        changes=tuple(sorted(names.text(node) for node in walk(tree) if isinstance(node, _WRITES))),
        kinds=tuple(sorted(_kinds(tree))),
    )


_WRITES = (ast.Create, ast.Delete, ast.Merge, ast.Remove, ast.Set)


class _Names:
    """What each variable of a canonical query stands for."""

    def __init__(self, tree: ast.Node) -> None:
        self._of: dict[str, str] = {}
        self._behind: dict[str, ast.Expression] = {}
        for node in walk(tree):
            if isinstance(node, ast.NodePattern) and node.variable:
                text = print_query(node.labels) if node.labels else ""
                self._of[node.variable.name] = text or self._of.get(node.variable.name, "")
            elif isinstance(node, ast.RelationshipPattern) and node.variable:
                text = print_query(node.types) if node.types else ""
                self._of[node.variable.name] = text or self._of.get(node.variable.name, "")
            elif isinstance(node, ast.LabelPredicate) and isinstance(node.operand, ast.Variable):
                self._of.setdefault(node.operand.name, print_query(node.labels))
            elif isinstance(node, ast.With | ast.Return):
                for item in node.items:
                    if item.alias and item.expression != item.alias:
                        self._behind.setdefault(item.alias.name, item.expression)
            elif isinstance(node, ast.Unwind):
                self._behind.setdefault(node.variable.name, node.expression)
        self._side = _sides(tree, self)

    def of(self, node: ast.NodePattern | ast.RelationshipPattern) -> str:
        """Labels or types of a pattern's element."""
        if node.variable:
            return self._of.get(node.variable.name, "") or _ANY
        label = node.labels if isinstance(node, ast.NodePattern) else node.types
        return print_query(label) if label else _ANY

    def text(self, node: ast.Node, prefix: str = "", *, sides: bool = True) -> str:
        """A piece of the query in which no name is left that somebody chose. Of two nodes of one
        label that a relationship joins, `sides` says which is meant."""
        return prefix + print_query(self._spelt(node, 0, sides))

    def _spelt(self, node: ast.Node, depth: int, sides: bool) -> ast.Node:
        def swap(each: ast.Node) -> ast.Node:
            if not isinstance(each, ast.Variable):
                return each
            if each.name in self._behind and depth < 5:
                return self._spelt(self._behind[each.name], depth + 1, sides)
            side = self._side.get(each.name, "") if sides else ""
            return ast.Variable((self._of.get(each.name) or _ANY) + side)

        if isinstance(node, ast.Variable):
            return swap(node)
        return transform(_without_names_of_patterns(node), swap)


def _sides(tree: ast.Node, names: _Names) -> dict[str, str]:
    """` from`, ` to` or both for each variable that stands beside another of its own label."""
    found: dict[str, set[str]] = {}
    for before, link, after in _links(tree):
        if names.of(before) != names.of(after) or link.direction not in ("->", "<-"):
            continue
        for node, side in ((before, " from"), (after, " to")):
            if node.variable:
                found.setdefault(node.variable.name, set()).add(side)
    return {name: "".join(sorted(sides)) for name, sides in found.items()}


def _links(
    tree: ast.Node,
) -> Iterator[tuple[ast.NodePattern, ast.RelationshipPattern, ast.NodePattern]]:
    """Every relationship of the matched patterns between its start and its end."""
    for path in _matched(tree):
        for at, element in enumerate(path.elements):
            if not isinstance(element, ast.RelationshipPattern):
                continue
            before, after = path.elements[at - 1], path.elements[at + 1]
            if isinstance(before, ast.NodePattern) and isinstance(after, ast.NodePattern):
                pair = (after, before) if element.direction == "<-" else (before, after)
                yield pair[0], element, pair[1]


def _without_names_of_patterns(node: ast.Node) -> ast.Node:
    """Patterns inside an expression keep labels and types alone: there a variable may stand only
    for itself."""

    def strip(each: ast.Node) -> ast.Node:
        if isinstance(each, ast.NodePattern | ast.RelationshipPattern) and each.variable:
            return evolve(each, variable=None)
        return each

    return transform(node, strip)


def _patterns(tree: ast.Node, names: _Names) -> tuple[list[Hop], list[str]]:
    """The relationships of all patterns that are matched, and labels of nodes without any."""
    roles = _roles(tree, names)
    hops: list[Hop] = []
    connected: set[str] = set()
    single: dict[str, str] = {}
    for before, link, after in _links(tree):
        hops.append(
            Hop(
                names.of(before),
                print_query(link.types) if link.types else _ANY,
                names.of(after),
                "" if link.length is None else print_query(link.length),
                link.direction in ("->", "<-"),
                roles.get(before.variable.name, "") if before.variable else "",
                roles.get(after.variable.name, "") if after.variable else "",
            )
        )
        connected |= {node.variable.name for node in (before, after) if node.variable}
    for path in _matched(tree):
        node = path.elements[0]
        if len(path.elements) == 1 and isinstance(node, ast.NodePattern):
            name = node.variable.name if node.variable else f"#{len(single)}"
            single[name] = names.of(node)
    return hops, [label for name, label in single.items() if name not in connected]


def _roles(tree: ast.Node, names: _Names) -> dict[str, str]:
    """By variable, all that is asked of it: conditions, and that it is returned."""
    roles: dict[str, list[str]] = {}

    def note(node: ast.Node, word: str) -> None:
        for each in {n.name for n in walk(node) if isinstance(n, ast.Variable)}:
            roles.setdefault(each, []).append(f"{word} {names.text(node, sides=False)}")

    for node in walk(tree):
        if isinstance(node, ast.Match | ast.With) and node.where is not None:
            for condition in _conjuncts(node.where):
                note(condition, "where")
        if isinstance(node, ast.With | ast.Return):
            for place, item in enumerate(node.items):
                note(item.expression, f"column {place}")
    return {name: "; ".join(sorted(texts)) for name, texts in roles.items()}


def _matched(tree: ast.Node) -> Iterator[ast.PathPattern]:
    for node in walk(tree):
        if isinstance(node, ast.Match | ast.PatternQuery):
            for part in node.patterns:
                path = part.path
                yield path.path if isinstance(path, ast.ShortestPath) else path
        elif isinstance(node, ast.PatternExpression | ast.PatternComprehension):
            pattern = node.pattern
            yield pattern.path if isinstance(pattern, ast.ShortestPath) else pattern


def _kinds(tree: ast.Node) -> Iterator[str]:
    for node in walk(tree):
        if isinstance(node, ast.Match) and node.optional:
            yield "OPTIONAL"
        elif isinstance(node, ast.ShortestPath):
            yield "allShortestPaths" if node.all else "shortestPath"
        elif isinstance(node, ast.Union):
            yield "UNION"
        elif isinstance(node, ast.CallProcedure):
            yield f"CALL {node.name.text}"


def _order(tree: ast.Node, names: _Names) -> Iterator[str]:
    for node in walk(tree):
        if isinstance(node, ast.With | ast.Return):
            for sort in node.order_by:
                yield names.text(sort.expression) + (" DESC" if sort.descending else "")
            if node.skip is not None:
                yield f"SKIP {names.text(node.skip)}"
            if node.limit is not None:
                yield f"LIMIT {names.text(node.limit)}"


def _aggregates(tree: ast.Node, names: _Names) -> set[str]:
    return {names.text(node) for node in walk(tree) if _is_aggregate(node)}


def _is_aggregate(node: ast.Node) -> bool:
    return isinstance(node, ast.CountStar | ast.CountSubquery | ast.CollectSubquery) or (
        isinstance(node, ast.FunctionCall) and node.name.text.lower() in aggregating_functions()
    )


def _conjuncts(condition: ast.Expression) -> tuple[ast.Expression, ...]:
    return condition.operands if isinstance(condition, ast.And) else (condition,)


def _ends(hop: Hop) -> list[str]:
    return sorted((hop.start, hop.end))


def _like(one: Hop, other: Hop) -> bool:
    def same(a: str, b: str) -> bool:
        return a == b or _ANY in (a, b)

    return (
        one.types == other.types
        and one.length == other.length
        and one.directed == other.directed
        and same(one.start, other.start)
        and same(one.end, other.end)
    )


def _pair_up(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return len(one) == len(other) and all(
        a == b or _ANY in (a, b) for a, b in zip(one, other, strict=True)
    )

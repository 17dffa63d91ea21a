"""What an expression may use beside an aggregation, and after a projection that groups rows.

An item such as `n.age + count(*)` is evaluated once per group, so whatever stands outside of the
aggregating function must be the same for the whole group: another item, or a property of one.
After a projection with an aggregation or DISTINCT, ORDER BY and WHERE see the new columns and the
projected expressions alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Set

from heimdall_lang_cypher.ast import (
    AllReduce,
    CollectSubquery,
    CountSubquery,
    ExistsSubquery,
    Expression,
    ListComprehension,
    ListPredicate,
    Node,
    PatternComprehension,
    PropertyAccess,
    Reduce,
    Variable,
)
from heimdall_lang_cypher.semantics_calls import is_aggregation
from heimdall_lang_cypher.semantics_scope import Checker, Severity
from heimdall_lang_cypher.visitor import children, walk

_NOBODY: frozenset[str] = frozenset()
_SUBQUERIES = (ExistsSubquery, CountSubquery, CollectSubquery, PatternComprehension)


def _own_variables(node: Node) -> tuple[str, ...]:
    """Names that an expression binds for itself."""
    if isinstance(node, ListComprehension | ListPredicate):
        return (node.variable.name,)
    if isinstance(node, Reduce | AllReduce):
        return (node.accumulator.name, node.variable.name)
    return ()


def free_variables(node: Node, bound: frozenset[str] = _NOBODY) -> Iterator[Variable]:
    """The variables that `node` reads from outside, in the order of the tree. Does not look into
    subqueries and pattern comprehensions."""
    if isinstance(node, Variable):
        if node.name not in bound:
            yield node
    elif not isinstance(node, _SUBQUERIES):
        own = _own_variables(node)
        inner = bound.union(own) if own else bound
        for child in children(node):
            yield from free_variables(child, inner)


def subqueries(node: Node) -> Iterator[Node]:
    """The subqueries and pattern comprehensions in `node`."""
    return (each for each in walk(node) if isinstance(each, _SUBQUERIES))


def _outer_variables(node: Node, known: Collection[str]) -> Iterator[Variable]:
    """The variables of the outer query that a subquery reads: a name that the outer query has
    means the same inside."""
    return (each for each in walk(node) if isinstance(each, Variable) and each.name in known)


def ungrouped(
    node: Node,
    keys: Set[Expression],
    names: Collection[str],
    known: Collection[str],
    bound: frozenset[str] = _NOBODY,
) -> Iterator[Node]:
    """The parts of an item with an aggregation that differ within a group.

    `names` are the variables, `keys` the properties that are grouped by, `known` all variables.
    """
    if isinstance(node, Variable):
        if node.name not in names and node.name not in bound:
            yield node
    elif isinstance(node, PropertyAccess) and isinstance(node.subject, Variable):
        if node not in keys and node.subject.name not in names and node.subject.name not in bound:
            yield node
    elif isinstance(node, _SUBQUERIES):
        for variable in _outer_variables(node, known):
            yield from ungrouped(variable, keys, names, known, bound)
    elif not is_aggregation(node):
        own = _own_variables(node)
        inner = bound.union(own) if own else bound
        for child in children(node):
            yield from ungrouped(child, keys, names, known, inner)


def check_grouped_item(
    expression: Expression,
    keys: Set[Expression],
    names: Collection[str],
    known: Collection[str],
    checker: Checker,
) -> None:
    """Checks an item that contains an aggregation among other things: what stands beside it must
    be in `names` or `keys`; `known` are all variables."""
    if is_aggregation(expression):
        return
    for node in ungrouped(expression, keys, names, known):
        source = checker.source(node)
        checker.problem(
            "AmbiguousAggregationExpression",
            f"`{source}` stands beside an aggregation and is not grouped by",
            node,
            suggestion=f"project {source} in a WITH before, or as an item of its own",
        )
        return


def _unprojected(
    node: Node,
    projected: frozenset[Expression],
    names: Collection[str],
    bound: frozenset[str] = _NOBODY,
    aggregated: bool = False,
) -> Iterator[tuple[Node, bool]]:
    """The variables and aggregations in `node` that the projection does not carry, and whether
    they stand inside an aggregation."""
    if isinstance(node, Expression) and node in projected:
        return
    if isinstance(node, Variable):
        if node.name not in names and node.name not in bound:
            yield node, aggregated
    elif not isinstance(node, _SUBQUERIES):
        # In the pattern of a subquery, a name that is gone is a new variable.
        own = _own_variables(node)
        inner = bound.union(own) if own else bound
        within = aggregated or is_aggregation(node)
        for child in children(node):
            yield from _unprojected(child, projected, names, inner, within)
        if within and not aggregated:
            yield node, False


def check_after_grouping(
    expression: Expression,
    projected: frozenset[Expression],
    names: Collection[str],
    known: Collection[str],
    grouped: bool,
    checker: Checker,
) -> bool:
    """Checks an expression of ORDER BY or WHERE after a projection that groups rows.

    `projected` are the items, `names` the new columns, `known` the variables from before;
    `grouped` says that an item aggregates, else there is DISTINCT alone. Returns whether the
    expression may be checked further.
    """
    found = next(_unprojected(expression, projected, names), None)
    if found is None:
        return True
    missing, aggregated = found
    # Neo4j computes such an aggregation beside DISTINCT, since Cypher 25 beside others too.
    version = 25 if grouped else 5
    tolerated = version <= checker.version != 9 and (aggregated or is_aggregation(missing))
    severity: Severity = "warning" if tolerated else "error"
    if not isinstance(missing, Variable):
        checker.problem(
            "InvalidAggregation",
            f"{checker.source(missing)} is no item of the projection",
            missing,
            severity=severity,
            suggestion="project it AS a column and sort or filter by that",
        )
        return tolerated
    name = missing.name
    if (
        not aggregated
        and _aggregates(expression)
        and any(
            each.name == name
            for item in projected
            if not is_aggregation(item)
            for each in free_variables(item)
        )
    ):
        checker.problem(
            "AmbiguousAggregationExpression",
            f"`{name}` stands beside an aggregation and is not grouped by",
            missing,
            suggestion="project the expression in a WITH before",
        )
    elif name in known:
        checker.problem(
            "UndefinedVariable",
            f"`{name}` is gone after the aggregation or DISTINCT: "
            f"only {_listed(names)} {'is' if len(names) == 1 else 'are'} left",
            missing,
            severity=severity,
        )
        return tolerated
    else:
        checker.resolve(missing, dict.fromkeys(names))  # type: ignore[arg-type]  # names alone
    return False


def _aggregates(node: Node) -> bool:
    return is_aggregation(node) or any(_aggregates(child) for child in children(node))


def _listed(names: Collection[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    if len(quoted) < 2:
        return quoted[0] if quoted else "nothing"
    return f"{', '.join(quoted[:-1])} and {quoted[-1]}"

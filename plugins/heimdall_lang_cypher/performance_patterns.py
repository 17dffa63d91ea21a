"""Rules about the patterns of one `MATCH` or `MERGE`: products, scans, unbounded paths, indexes."""

from __future__ import annotations

from heimdall_lang_cypher import ast
from heimdall_lang_cypher.performance_indexes import check_conversions, check_index
from heimdall_lang_cypher.performance_report import (
    Component,
    Filter,
    Report,
    components,
    conjuncts,
    elements,
    filters,
    is_aggregating,
    key_of,
    labels_of,
    names_in,
    narrows,
)


def check_match(
    clause: ast.Match, following: ast.Clause | None, bound: set[str], report: Report
) -> None:
    """All rules about one `MATCH`; `following` is the clause after it, `bound` what is bound before
    it."""
    groups = components(clause.patterns)
    tests = filters([each for part in clause.patterns for each in elements(part)], clause.where)
    report.tests += tests
    _check_product(clause, groups, tests, bound, report)
    for part in clause.patterns:
        _check_length(part, clause.where, report)
    for group in groups:
        if group.variables & bound or _has_id_lookup(group, clause.where):
            continue
        labels = labels_of(group, clause.where)
        if not _has_start(group, labels) and not _is_cheap_scan(clause, group, following):
            node = group.nodes[0]
            report.add(
                "AllNodesScan",
                "warning",
                node,
                "no label and no relationship type: every node of the graph is looked at",
                "add a label",
            )
        check_index(group, labels, tests, report)
    check_conversions(clause.where, groups, report)


def check_merge(clause: ast.Merge, bound: set[str], report: Report) -> None:
    """All rules about one `MERGE`: it reads before it writes."""
    for group in components((clause.pattern,)):
        labels = labels_of(group, None)
        for node in group.nodes:
            is_bound = node.variable is not None and node.variable.name in bound
            if not is_bound and node.labels is None and node.properties is not None:
                report.add(
                    "AllNodesScan",
                    "warning",
                    node,
                    "MERGE without a label looks at every node of the graph",
                    "add a label",
                )
        tests = filters([*group.nodes, *group.relationships], None)
        report.tests += tests
        if not group.variables & bound:
            check_index(group, labels, tests, report)


# --- products ------------------------------------------------------------------------------------


def _check_product(
    clause: ast.Match,
    groups: list[Component],
    tests: list[Filter],
    bound: set[str],
    report: Report,
) -> None:
    """Patterns without a common variable multiply their rows."""
    apart = [group for group in groups if not group.variables & bound]
    if len(groups) < 2 or not apart:
        return
    joined = _are_joined_by_value(clause.where, groups)
    looked_up = {test.variable for test in tests if test.kind == "equality"}
    all_looked_up = all(any(key_of(node) in looked_up for node in group.nodes) for group in apart)
    second = apart[1] if len(apart) > 1 else apart[0]
    if joined:
        detail = "only WHERE connects them"
    elif all_looked_up:
        detail = "fine only while each finds few nodes"
    else:
        detail = "connect the patterns, or match them one after the other"
    report.add(
        "CartesianProduct",
        "info" if joined or all_looked_up else "warning",
        second.parts[0],
        f"patterns without a common variable: every row of one is combined with every row of the "
        f"other; {detail}",
    )


def _are_joined_by_value(where: ast.Expression | None, groups: list[Component]) -> bool:
    """Whether an equality in `WHERE` names variables of two groups."""
    for predicate in conjuncts(where):
        if isinstance(predicate, ast.Comparison) and predicate.operators == ("=",):
            left, right = (names_in(operand) for operand in predicate.operands)
            touched = [group for group in groups if group.variables & (left | right)]
            if left and right and len(touched) > 1:
                return True
    return False


# --- scans ---------------------------------------------------------------------------------------


def _has_start(group: Component, labels: dict[str, frozenset[str]]) -> bool:
    """Whether a label or type leaves fewer nodes than all to start from."""
    return (
        any(narrows(node.labels) for node in group.nodes)
        or any(narrows(each.types) for each in group.relationships)
        or any(labels.values())
    )


def _has_id_lookup(group: Component, where: ast.Expression | None) -> bool:
    """Whether `WHERE id(n) = …` or `elementId(n) IN …` names the nodes to start from."""
    for predicate in conjuncts(where):
        if isinstance(predicate, ast.Comparison) and predicate.operators == ("=",):
            sides = predicate.operands
        elif isinstance(predicate, ast.BinaryPredicate) and predicate.operator == "IN":
            sides = (predicate.left,)
        else:
            continue
        for side in sides:
            if (
                isinstance(side, ast.FunctionCall)
                and side.name.text.lower() in ("id", "elementid")
                and names_in(side) & group.variables
            ):
                return True
    return False


def _is_cheap_scan(clause: ast.Match, group: Component, following: ast.Clause | None) -> bool:
    """Whether all nodes are only counted, or a LIMIT ends the scan early, or they are deleted
    (which has a finding of its own)."""
    if isinstance(following, ast.Delete):
        return clause.where is None and len(group.nodes) == 1
    if not isinstance(following, ast.Projection) or clause.where is not None:
        return False
    if any(node.properties is not None for node in group.nodes):
        return False
    if following.limit is not None:
        has_aggregation = any(is_aggregating(item.expression) for item in following.items)
        return not following.order_by and not following.distinct and not has_aggregation
    return bool(following.items) and all(_is_count(item.expression) for item in following.items)


def _is_count(expression: ast.Expression) -> bool:
    """`count(*)` or `count(n)`: answered from the count store."""
    if isinstance(expression, ast.CountStar):
        return True
    return (
        isinstance(expression, ast.FunctionCall)
        and expression.name.text.lower() == "count"
        and not expression.distinct
    )


# --- paths ---------------------------------------------------------------------------------------


def _check_length(part: ast.PatternPart, where: ast.Expression | None, report: Report) -> None:
    """Paths of any length, and shortest paths that must be found by trying all."""
    is_shortest = isinstance(part.path, ast.ShortestPath)
    selected = part.selector is not None and "SHORTEST" in part.selector.kind
    for node in _unbounded(part):
        if selected:
            continue  # the search stops at the shortest
        if is_shortest:
            message = "a shortest path of any length: where there is none, everything is searched"
        else:
            message = "a path of any length: the work grows exponentially with it"
        report.add(
            "UnboundedVariableLengthPattern",
            "info" if is_shortest else "warning",
            node,
            message,
            "give an upper bound",
        )
    if is_shortest and part.variable is not None and where is not None:
        for predicate in conjuncts(where):
            if _needs_whole_path(predicate, part.variable.name):
                report.add(
                    "ExhaustiveShortestPath",
                    "warning",
                    predicate,
                    "this can be decided only when a path is complete: all paths may be tried, not "
                    "the shortest alone",
                )


def _unbounded(part: ast.PatternPart) -> list[ast.Node]:
    path = part.path.path if isinstance(part.path, ast.ShortestPath) else part.path
    found: list[ast.Node] = []
    for element in path.elements:
        if isinstance(element, ast.ParenthesisedPath):
            if element.quantifier is not None and element.quantifier.upper is None:
                found.append(element)
            else:
                found += _unbounded(element.pattern)
        elif isinstance(element, ast.RelationshipPattern):
            length, quantifier = element.length, element.quantifier
            if (length is not None and length.upper is None) or (
                quantifier is not None and quantifier.upper is None
            ):
                found.append(element)
    return found


def _needs_whole_path(predicate: ast.Expression, path: str) -> bool:
    """Whether a predicate on a path is none that can be tested step by step: `all(…)` and `none(…)`
    over its nodes or relationships can."""
    if path not in names_in(predicate):
        return False
    return not (
        isinstance(predicate, ast.ListPredicate) and predicate.quantifier in ("ALL", "NONE")
    )

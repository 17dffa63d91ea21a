"""Rules about rows between clauses: what is read and written at once, deleted, collected,
returned without end."""

from __future__ import annotations

from collections.abc import Sequence

from heimdall_lang_cypher import ast
from heimdall_lang_cypher.performance_report import (
    Report,
    certain_labels,
    elements,
    filters,
    is_aggregating,
)

_ANY = "*"
"""Stands for all labels in a set of labels that are read."""


def check_rows(clauses: Sequence[ast.Clause], is_outermost: bool, report: Report) -> None:
    """All rules about the clauses of one query."""
    _check_eager(clauses, report)
    for index, clause in enumerate(clauses):
        before = clauses[:index]
        if isinstance(clause, ast.Delete):
            _check_delete(clause, before, report)
        elif isinstance(clause, ast.Projection):
            _check_projection(clause, before, report)
            following = clauses[index + 1] if index + 1 < len(clauses) else None
            _check_collect_unwind(clause, following, report)
    if is_outermost and clauses and isinstance(clauses[-1], ast.Return):
        _check_limit(clauses[-1], clauses[:-1], report)


# --- eager ---------------------------------------------------------------------------------------


def _labels(nodes: Sequence[ast.NodePattern], bound: set[str]) -> dict[str, ast.Node]:
    """The labels of the nodes that are not bound yet, with the first node of each."""
    found: dict[str, ast.Node] = {}
    for node in nodes:
        if node.variable is not None and node.variable.name in bound:
            continue
        for label in certain_labels(node.labels) or {_ANY}:
            found.setdefault(label, node)
    return found


def _nodes(parts: Sequence[ast.PatternPart]) -> list[ast.NodePattern]:
    return [each for part in parts for each in elements(part) if isinstance(each, ast.NodePattern)]


def _check_eager(clauses: Sequence[ast.Clause], report: Report) -> None:
    """Reading what a later clause of the same rows writes: all rows are read first, and kept."""
    read: set[str] = set()
    bound: set[str] = set()
    many_rows = from_file = False
    for clause in clauses:
        parts: Sequence[ast.PatternPart] = ()
        if isinstance(clause, ast.LoadCsv):
            many_rows = from_file = True
        elif isinstance(clause, ast.Unwind):
            many_rows = True
        elif isinstance(clause, ast.With) and any(
            is_aggregating(item.expression) for item in clause.items
        ):
            read.clear()  # the aggregation has read everything anyway
        if isinstance(clause, ast.Match):
            parts = clause.patterns
            read |= _labels(_nodes(parts), bound).keys()
            many_rows = True
        elif isinstance(clause, ast.Create | ast.Merge):
            parts = clause.patterns if isinstance(clause, ast.Create) else (clause.pattern,)
            written = _labels(_nodes(parts), bound)
            for label, node in written.items():
                if many_rows and (label in read or (_ANY in read and label != _ANY)):
                    of = "nodes" if label == _ANY or _ANY in read else f":{label} nodes"
                    report.add(
                        "EagerOperator",
                        "warning" if from_file else "info",
                        node,
                        f"{of} are read and written for the same rows: all rows are kept in memory "
                        f"before the first is written",
                        "split the query in two, or use CALL { … } IN TRANSACTIONS",
                    )
                    return
            if isinstance(clause, ast.Merge):
                read |= written.keys()
        bound |= {node.variable.name for node in _nodes(parts) if node.variable is not None}


# --- delete --------------------------------------------------------------------------------------


def _is_unfiltered(before: Sequence[ast.Clause]) -> bool:
    """Whether only `MATCH`es without any condition come before, one at least."""
    matches = [clause for clause in before if isinstance(clause, ast.Match)]
    if not matches or len(matches) < len(before):
        return False
    return not any(
        clause.where is not None
        or filters([each for part in clause.patterns for each in elements(part)], None)
        or any(each.where is not None for part in clause.patterns for each in elements(part))
        for clause in matches
    )


def _check_delete(clause: ast.Delete, before: Sequence[ast.Clause], report: Report) -> None:
    """Deleting everything, in one transaction."""
    if not _is_unfiltered(before):
        return
    patterns = [part for each in before if isinstance(each, ast.Match) for part in each.patterns]
    nodes = _nodes(patterns)
    has_relationships = any(
        isinstance(each, ast.RelationshipPattern) for part in patterns for each in elements(part)
    )
    if has_relationships and clause.mode != "DETACH":
        return
    everything = not has_relationships and all(node.labels is None for node in nodes)
    if everything:
        message = "deletes every node of the graph in one transaction"
    else:
        message = "deletes without a condition, all in one transaction"
    report.add(
        "AllNodesDelete",
        "warning" if everything else "info",
        clause,
        message,
        "CALL (n) { DETACH DELETE n } IN TRANSACTIONS",
    )


# --- projections ---------------------------------------------------------------------------------


def _is_collect(expression: ast.Expression) -> bool:
    return isinstance(expression, ast.FunctionCall) and expression.name.text.lower() == "collect"


def _check_projection(clause: ast.Projection, before: Sequence[ast.Clause], report: Report) -> None:
    """`collect` over everything; `SKIP` of rows in no order; counts of multiplied rows."""
    collected = [item for item in clause.items if _is_collect(item.expression)]
    is_one_row = not clause.star and all(is_aggregating(item.expression) for item in clause.items)
    if collected and is_one_row and _is_unfiltered(before):
        report.add(
            "UnboundedCollect",
            "info",
            collected[0],
            "collects every row into one list: the list is as large as the graph",
        )
    if clause.skip is not None and not clause.order_by:
        report.add(
            "SkipWithoutOrder",
            "info",
            clause.skip,
            "rows have no order here: the same page may hold other rows the next time",
            "ORDER BY",
        )
    _check_multiplied(clause, before, report)


def _check_multiplied(clause: ast.Projection, before: Sequence[ast.Clause], report: Report) -> None:
    """Several `OPTIONAL MATCH`es in a row multiply each other's rows, and so what is counted."""
    fans: list[set[str]] = []
    for each in reversed(before):
        if isinstance(each, ast.Projection):
            break
        if isinstance(each, ast.Match) and each.optional:
            fans.append({v.name for v in _variables(each)})
    if len(fans) < 2:
        return
    for item in clause.items:
        call = item.expression
        if (
            isinstance(call, ast.FunctionCall)
            and call.name.text.lower() in ("count", "sum", "avg", "collect")
            and not call.distinct
            and call.arguments
        ):
            report.add(
                "MultipliedRows",
                "info",
                item,
                f"OPTIONAL MATCHes before it multiply the rows that {call.name.text}() sees",
                "aggregate after each, or in COUNT { … } subqueries",
            )
            return


def _variables(clause: ast.Match) -> list[ast.Variable]:
    return [
        each.variable
        for part in clause.patterns
        for each in elements(part)
        if each.variable is not None
    ]


def _check_collect_unwind(
    clause: ast.Projection, following: ast.Clause | None, report: Report
) -> None:
    """`WITH collect(x) AS xs UNWIND xs AS x`."""
    if not isinstance(following, ast.Unwind) or not isinstance(following.expression, ast.Variable):
        return
    if len(clause.items) != 1 or clause.star:
        return
    item = clause.items[0]
    is_unwound = item.alias is not None and item.alias.name == following.expression.name
    if is_unwound and _is_collect(item.expression):
        report.add(
            "CollectThenUnwind",
            "info",
            item,
            f"{following.expression.name} is collected only to be unwound again",
            "WITH x",
        )


def _check_limit(clause: ast.Return, before: Sequence[ast.Clause], report: Report) -> None:
    """Everything that matches, without an end."""
    if clause.limit is not None or not _is_unfiltered(before):
        return
    if any(is_aggregating(item.expression) for item in clause.items):
        return
    report.add(
        "MissingLimit",
        "info",
        clause,
        "no condition and no LIMIT: the result is as large as the graph",
        "LIMIT",
    )

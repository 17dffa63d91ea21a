"""Findings about queries that are right but slow, or larger than meant.

Codes are the names of Neo4j's notifications where it has one (`CartesianProduct`,
`UnboundedVariableLengthPattern`, `ExhaustiveShortestPath`, `NoApplicableIndex`, `EagerOperator`,
`DynamicProperty`), else our own: `AllNodesScan`, `AllNodesDelete`, `IndexDefeated`,
`LiteralInsteadOfParameter`, `MissingLimit`, `UnboundedCollect`, `CollectThenUnwind`,
`MultipliedRows`, `SkipWithoutOrder`. Nothing here depends on statistics: a `warning` is wrong on
most graphs, an `info` on large ones.
"""

from __future__ import annotations

from collections.abc import Sequence

from heimdall_core.types import Finding
from heimdall_lang_cypher import ast
from heimdall_lang_cypher.performance_patterns import check_match, check_merge
from heimdall_lang_cypher.performance_report import Report, variables
from heimdall_lang_cypher.performance_rows import check_rows
from heimdall_lang_cypher.schema import GraphSchema
from heimdall_lang_cypher.visitor import children, walk


def performance_findings(
    statement: ast.Statement, schema: GraphSchema | None, text: str
) -> list[Finding]:
    """Findings of kind `performance` in one statement of `text`, in the order of the text. Index
    rules need a schema that lists indexes."""
    report = Report(text, schema)
    if isinstance(statement.body, ast.Query):
        _check_query(statement.body, set(), report, is_outermost=True)
        _check_literals(report)
        report.findings.sort(key=lambda finding: (finding.line, finding.column))
    return report.findings


def _check_query(query: ast.Node, bound: set[str], report: Report, is_outermost: bool) -> None:
    """A query of any kind, with the variables that it sees from outside."""
    if isinstance(query, ast.SingleQuery):
        _check_clauses(query.clauses, set(bound), report, is_outermost)
    elif isinstance(query, ast.Union):
        for each in query.queries:
            _check_query(each, bound, report, is_outermost)
    elif isinstance(query, ast.BracedQuery):
        _check_query(query.query, bound, report, is_outermost)
    elif isinstance(query, ast.Conditional):
        for branch in query.branches:
            _check_query(branch.query, bound, report, is_outermost)
        if query.default is not None:
            _check_query(query.default, bound, report, is_outermost)
    elif isinstance(query, ast.Sequence):
        seen = set(bound)
        for each in query.queries:
            _check_query(each, seen, report, is_outermost and each is query.queries[-1])
            seen = _columns(each)


def _columns(query: ast.Query) -> set[str]:
    """Names that a query hands on to the one after `NEXT`."""
    returns = [node for node in walk(query) if isinstance(node, ast.Return)]
    return _projected(returns[-1], set()) if returns else set()


def _check_clauses(
    clauses: Sequence[ast.Clause], bound: set[str], report: Report, is_outermost: bool
) -> None:
    for index, clause in enumerate(clauses):
        if isinstance(clause, ast.Match):
            following = clauses[index + 1] if index + 1 < len(clauses) else None
            check_match(clause, following, bound, report)
        elif isinstance(clause, ast.Merge):
            check_merge(clause, bound, report)
        after = _bound_after(clause, bound)
        if isinstance(clause, ast.CallSubquery):
            _check_query(clause.query, _imported(clause, bound), report, is_outermost=False)
        elif isinstance(clause, ast.Foreach):
            inner = bound | {clause.variable.name}
            _check_clauses(clause.clauses, inner, report, is_outermost=False)
        elif "{" in report.text[clause.start : clause.end]:
            _check_subqueries(clause, bound | after, report)
        bound = after
    check_rows(clauses, is_outermost, report)


def _check_subqueries(clause: ast.Clause, bound: set[str], report: Report) -> None:
    """The subqueries in a clause's expressions, which see all of its variables."""
    stack: list[ast.Node] = [clause]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.ExistsSubquery | ast.CountSubquery | ast.CollectSubquery):
            inner = node.query
            if isinstance(inner, ast.PatternQuery):
                match = ast.Match(inner.patterns, inner.where, start=inner.start, end=inner.end)
                _check_clauses((match,), bound, report, is_outermost=False)
            else:
                _check_query(inner, bound, report, is_outermost=False)
        else:
            stack.extend(children(node))


def _imported(clause: ast.CallSubquery, bound: set[str]) -> set[str]:
    """What a subquery sees: its scope, or what its leading `WITH` takes in."""
    if clause.scope is None or clause.scope.star:
        return bound
    return {variable.name for variable in clause.scope.variables}


def _bound_after(clause: ast.Clause, bound: set[str]) -> set[str]:
    """The variables that are bound after a clause."""
    if isinstance(clause, ast.Match | ast.Create):
        return bound.union(*(variables(part) for part in clause.patterns))
    if isinstance(clause, ast.Merge):
        return bound | variables(clause.pattern)
    if isinstance(clause, ast.With):
        return _projected(clause, bound)
    if isinstance(clause, ast.Unwind | ast.LoadCsv):
        return bound | {clause.variable.name}
    if isinstance(clause, ast.Let):
        return bound | {item.variable.name for item in clause.items}
    if isinstance(clause, ast.CallProcedure):
        return bound | {(item.alias or item.column).name for item in clause.yields or ()}
    if isinstance(clause, ast.CallSubquery):
        return bound | _columns(clause.query)
    return bound


def _projected(clause: ast.Projection, bound: set[str]) -> set[str]:
    names = set(bound) if clause.star else set()
    for item in clause.items:
        if item.alias is not None:
            names.add(item.alias.name)
        elif isinstance(item.expression, ast.Variable):
            names.add(item.expression.name)
    return names


# --- literals ------------------------------------------------------------------------------------


def _check_literals(report: Report) -> None:
    """Values that change from one call to the next belong into parameters, so that the plan is
    found once. One finding per statement, at the first."""
    literals = [
        test.value for test in report.tests if test.kind == "equality" and _is_literal(test.value)
    ]
    if literals:
        first = min(literals, key=lambda node: node.start)
        more = f" and {len(literals) - 1} more" if len(literals) > 1 else ""
        report.add(
            "LiteralInsteadOfParameter",
            "info",
            first,
            f"a literal is looked up here{more}: a parameter lets the plan be used again",
            "$parameter",
        )


def _is_literal(value: ast.Expression) -> bool:
    if isinstance(value, ast.ListLiteral):
        return bool(value.items) and all(_is_literal(item) for item in value.items)
    return isinstance(value, ast.StringLiteral | ast.IntegerLiteral | ast.FloatLiteral)

"""Subqueries: `CALL { … }`, and those that are expressions; what they see of the outer query."""

from __future__ import annotations

from heimdall_lang_cypher.ast import (
    CallSubquery,
    Clause,
    CollectSubquery,
    CountSubquery,
    ExistsSubquery,
    InTransactions,
    PatternQuery,
    Query,
    SingleQuery,
    Union,
    Use,
    Variable,
    With,
)
from heimdall_lang_cypher.semantics_clauses import CLAUSES, UPDATES, clause_name
from heimdall_lang_cypher.semantics_patterns import check_patterns
from heimdall_lang_cypher.semantics_projection import check_row_count
from heimdall_lang_cypher.semantics_queries import (
    check_aliases,
    check_query,
    check_union,
    last_return,
    parts,
    writes,
)
from heimdall_lang_cypher.semantics_scope import (
    UNGROUPED,
    Checker,
    Scope,
    check_boolean,
    handles,
)
from heimdall_lang_cypher.value_types import ANY, BOOLEAN, INTEGER, LIST, MAP, list_of

# --- CALL ----------------------------------------------------------------------------------------


def _call_subquery(clause: CallSubquery, checker: Checker, scope: Scope) -> None:
    outer, hidden = checker.outer, checker.hidden
    inner: Scope = {}
    if clause.scope is not None:
        if clause.scope.star:
            inner = dict(scope)
        else:
            for variable in clause.scope.variables:
                inner[variable.name] = checker.resolve(variable, scope)
    checker.depth += 1
    checker.outer = dict(inner)
    checker.hidden = {name: each for name, each in scope.items() if name not in inner}
    if clause.scope is None:
        returned = _importing(clause.query, checker, scope)
    else:
        returned = check_query(clause.query, checker, inner, ends="any")
    checker.outer, checker.hidden = outer, hidden
    checker.depth -= 1
    if clause.transactions is not None:
        _check_transactions(clause.transactions, checker, scope)
    if returned is None:
        return
    check_aliases(clause.query, checker, "the RETURN of a subquery")
    for name, symbol in returned.items():
        if name in scope:
            checker.problem(
                "VariableAlreadyBound",
                f"the subquery returns `{name}`, which the outer query has already",
                last_return(clause.query) or clause,
                suggestion=f"RETURN … AS another name than {name}",
            )
        scope[name] = symbol


def _check_transactions(node: InTransactions, checker: Checker, scope: Scope) -> None:
    if checker.depth:
        checker.problem(
            "InvalidClauseComposition",
            "IN TRANSACTIONS cannot stand inside another subquery",
            node,
        )
    if node.rows is not None:
        check_row_count(node.rows, checker, least=1)
    if node.report is not None:
        checker.declare(node.report, MAP, scope)
        if not {node.on_error, node.retry_then} & {"CONTINUE", "BREAK"}:
            checker.problem(
                "InvalidClauseComposition",
                "REPORT STATUS needs ON ERROR CONTINUE or ON ERROR BREAK",
                node.report,
            )


def _importing(query: Query, checker: Checker, scope: Scope) -> Scope | None:
    """Checks a subquery without a scope clause: each of its parts may start with a WITH that only
    names variables of the outer query."""
    if isinstance(query, Union):
        results = [_importing(each, checker, scope) for each in query.queries]
        check_union(query, results, checker)
        return results[0]
    inner: Scope = {}
    clauses = query.clauses if isinstance(query, SingleQuery) else ()
    position = 1 if clauses and isinstance(clauses[0], Use) else 0
    first = clauses[position] if len(clauses) > position else None
    if not isinstance(first, With) or (names := _imported(first)) is None:
        return check_query(query, checker, inner, ends="any")
    if first.distinct:
        checker.problem(
            "InvalidClauseComposition",
            "the WITH that imports variables takes no DISTINCT; add a second WITH",
            first,
        )
    if first.star:
        inner = dict(scope)
    for variable in names:
        inner[variable.name] = checker.resolve(variable, scope)
    hidden = checker.hidden
    checker.hidden = {name: each for name, each in hidden.items() if name not in inner}
    for part in (first.where, *(item.expression for item in first.order_by), first.limit):
        if part is not None:
            checker.problem(
                "InvalidClauseComposition",
                "the WITH that imports variables takes nothing else; add a second WITH",
                part,
            )
    result = check_query(query, checker, inner, ends="any", skip=position + 1)
    checker.hidden = hidden
    return result


def _imported(clause: With) -> list[Variable] | None:
    """The variables of a WITH that names nothing else; None for any other WITH."""
    names = []
    for item in clause.items:
        if not isinstance(item.expression, Variable) or item.alias not in (None, item.expression):
            return None
        names.append(item.expression)
    return names


CLAUSES[CallSubquery] = _call_subquery

# --- subqueries as values ------------------------------------------------------------------------


def _subquery(
    node: ExistsSubquery | CountSubquery | CollectSubquery, checker: Checker, scope: Scope
) -> Scope | None:
    """Checks the query inside an expression, which sees all of the outer variables."""
    query = node.query
    outer, hidden = checker.outer, checker.hidden
    mode, aggregates = checker.aggregation, checker.aggregates
    checker.outer, checker.hidden, checker.aggregation = dict(scope), {}, UNGROUPED
    checker.depth += 1
    columns: Scope | None = None
    if isinstance(query, PatternQuery):
        inner = dict(scope)
        check_patterns(query.patterns, "match", checker, inner)
        if query.where is not None:
            check_boolean(query.where, checker, inner)
    else:
        update = _first_update(query)
        if update is not None:
            checker.problem(
                "InvalidClauseComposition",
                f"{clause_name(update)} cannot stand in a subquery that is an expression",
                update,
            )
        columns = check_query(query, checker, dict(scope), ends="predicate")
    checker.depth -= 1
    checker.outer, checker.hidden = outer, hidden
    checker.aggregation, checker.aggregates = mode, aggregates
    return columns


@handles(ExistsSubquery)
def _exists(node: ExistsSubquery, checker: Checker, scope: Scope) -> int:
    _subquery(node, checker, scope)
    return BOOLEAN


@handles(CountSubquery)
def _count(node: CountSubquery, checker: Checker, scope: Scope) -> int:
    _subquery(node, checker, scope)
    return INTEGER


@handles(CollectSubquery)
def _collect(node: CollectSubquery, checker: Checker, scope: Scope) -> int:
    columns = _subquery(node, checker, scope)
    if columns is None:
        checker.problem(
            "InvalidClauseComposition", "COLLECT { … } must end with RETURN and one column", node
        )
        return LIST
    if len(columns) != 1:
        checker.problem(
            "InvalidClauseComposition",
            f"COLLECT {{ … }} must return one column, not {len(columns)}",
            last_return(node.query) or node,
        )
    return list_of(ANY)


def _first_update(query: Query) -> Clause | None:
    """The first clause that writes, anywhere in a query."""
    for part in parts(query):
        for clause in part.clauses:
            if isinstance(clause, UPDATES) or (
                isinstance(clause, CallSubquery) and writes(clause.query)
            ):
                return clause
    return None

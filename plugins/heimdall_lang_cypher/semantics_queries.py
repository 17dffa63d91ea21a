"""Queries: the order of clauses, how a query ends, UNION."""

from __future__ import annotations

from collections.abc import Iterator

from heimdall_lang_cypher.ast import (
    BracedQuery,
    CallProcedure,
    CallSubquery,
    Clause,
    Conditional,
    Finish,
    MapProjection,
    OrderLimit,
    Query,
    Return,
    Sequence,
    Show,
    SingleQuery,
    Union,
    Use,
    Variable,
    With,
)
from heimdall_lang_cypher.semantics_clauses import CLAUSES, UPDATES, clause_name
from heimdall_lang_cypher.semantics_procedures import check_call
from heimdall_lang_cypher.semantics_projection import project
from heimdall_lang_cypher.semantics_scope import Checker, Scope, check_boolean

_AFTER_UPDATE = (*UPDATES, With, Return, Finish)


def check_query(
    query: Query, checker: Checker, scope: Scope, ends: str = "query", skip: int = 0
) -> Scope | None:
    """Checks a query in `scope`, which it changes. Returns its columns, None if it returns none.

    `ends`: `query` must end with RETURN or an update, `any` may end anyhow that a subquery of
    `CALL` may, `predicate` may end with MATCH. `skip` clauses at the start are checked already.
    """
    if isinstance(query, SingleQuery):
        return _check_single(query, checker, scope, ends, skip)
    if isinstance(query, Union):
        results = [check_query(each, checker, dict(scope), ends) for each in query.queries]
        check_union(query, results, checker)
        return results[0]
    if isinstance(query, BracedQuery):
        return check_query(query.query, checker, scope, ends)
    if isinstance(query, Conditional):
        return _check_conditional(query, checker, scope, ends)
    columns: Scope | None = None
    if not isinstance(query, Sequence):
        return columns
    for index, each in enumerate(query.queries):
        last = index == len(query.queries) - 1
        if not last:
            check_aliases(each, checker, "a RETURN before NEXT")
        columns = check_query(each, checker, scope, ends if last else "any")
        scope = {**checker.outer, **(columns or {})}
    return columns


def _check_conditional(
    query: Conditional, checker: Checker, scope: Scope, ends: str
) -> Scope | None:
    results = []
    for branch in query.branches:
        check_boolean(branch.condition, checker, scope)
        results.append(check_query(branch.query, checker, dict(scope), ends))
    parts = [branch.query for branch in query.branches]
    if query.default is not None:
        results.append(check_query(query.default, checker, dict(scope), ends))
        parts.append(query.default)
    _check_same_columns(parts, results, "branches of a WHEN", checker)
    return results[0]


def _check_single(
    query: SingleQuery, checker: Checker, scope: Scope, ends: str, skip: int
) -> Scope | None:
    clauses = query.clauses
    _check_order(clauses, checker, ends)
    columns: Scope | None = None
    standalone = len(clauses) == 1 and ends == "query"
    for clause in clauses[skip:] if skip else clauses:
        if isinstance(clause, With):
            scope = {**checker.outer, **project(clause, checker, scope)}
        elif isinstance(clause, Return):
            columns = scope = project(clause, checker, scope)
        elif isinstance(clause, CallProcedure):
            check_call(clause, standalone, checker, scope)
        else:
            CLAUSES[type(clause)](clause, checker, scope)
    return columns


def _check_order(clauses: tuple[Clause, ...], checker: Checker, ends: str) -> None:
    """Checks which clause follows which, and how the query ends."""
    last = clauses[-1]
    if len(clauses) > 1:
        previous = clauses[0]
        for clause in clauses[1:]:
            if isinstance(previous, Return) and isinstance(clause, OrderLimit):
                checker.problem(
                    "UnexpectedSyntax",
                    "RETURN takes ORDER BY, SKIP and LIMIT once each, in this order",
                    clause,
                )
                return
            if isinstance(previous, Return | Finish):
                name = "RETURN" if isinstance(previous, Return) else "FINISH"
                checker.problem(
                    "InvalidClauseComposition",
                    f"{name} must be the last clause; use WITH to go on",
                    clause,
                )
                return
            if (
                checker.version != 25
                and isinstance(previous, UPDATES)
                and not isinstance(clause, _AFTER_UPDATE)
            ):
                names = f"{clause_name(previous)} and {clause_name(clause)}"
                checker.problem(
                    "InvalidClauseComposition",
                    f"a WITH is needed between {names}",
                    clause,
                    suggestion="WITH *",
                )
            if isinstance(clause, Use) and not isinstance(previous, With):
                checker.problem("InvalidClauseComposition", "USE must be the first clause", clause)
            previous = clause
    _check_transactions(clauses, checker)
    if ends != "predicate" and not _may_end(clauses):
        checker.problem(
            "InvalidClauseComposition",
            f"a query cannot end with {clause_name(last)}: add RETURN or a clause that writes",
            last,
        )


def _check_transactions(clauses: tuple[Clause, ...], checker: Checker) -> None:
    """A subquery IN TRANSACTIONS cannot follow what writes outside of its transactions."""
    written = False
    for clause in clauses:
        if isinstance(clause, UPDATES):
            written = True
        elif isinstance(clause, CallSubquery):
            if clause.transactions is None:
                written |= writes(clause.query)
            elif written:
                checker.problem(
                    "InvalidClauseComposition",
                    "IN TRANSACTIONS cannot follow a clause that writes",
                    clause.transactions,
                )


def writes(query: Query) -> bool:
    """Whether a query writes, in itself or in a subquery of CALL."""
    return any(
        isinstance(each, UPDATES) or (isinstance(each, CallSubquery) and writes(each.query))
        for part in parts(query)
        for each in part.clauses
    )


def parts(query: Query) -> Iterator[SingleQuery]:
    """The single queries that a query is made of, without those of subqueries."""
    if isinstance(query, SingleQuery):
        yield query
    elif isinstance(query, Union | Sequence):
        for each in query.queries:
            yield from parts(each)
    elif isinstance(query, BracedQuery):
        yield from parts(query.query)
    elif isinstance(query, Conditional):
        for branch in query.branches:
            yield from parts(branch.query)
        if query.default is not None:
            yield from parts(query.default)


def _may_end(clauses: tuple[Clause, ...]) -> bool:
    clause = clauses[-1]
    if isinstance(clause, (Return, Finish, Show, *UPDATES)):
        return True
    if isinstance(clause, CallProcedure):
        return len(clauses) == 1 or not clause.yields
    if isinstance(clause, CallSubquery):
        return not returns(clause.query)
    # Said already: an ORDER BY cannot follow RETURN.
    return isinstance(clause, OrderLimit) and any(isinstance(each, Return) for each in clauses)


def returns(query: Query) -> bool:
    """Whether a query returns rows."""
    return last_return(query) is not None


def last_return(query: Query) -> Return | None:
    """The RETURN that a query ends with, of its first part where it has several."""
    if isinstance(query, SingleQuery):
        for clause in reversed(query.clauses):
            if isinstance(clause, Return):
                return clause
        return None
    if isinstance(query, Union):
        return last_return(query.queries[0])
    if isinstance(query, BracedQuery):
        return last_return(query.query)
    if isinstance(query, Sequence):
        return last_return(query.queries[-1])
    return last_return(query.branches[0].query) if isinstance(query, Conditional) else None


def check_aliases(query: Query, checker: Checker, where: str) -> None:
    """Where the columns of a query become variables, each needs a name. `where` is for people."""
    for part in parts(query):
        returned = last_return(part)
        for item in returned.items if returned is not None else ():
            if item.alias is None and not isinstance(item.expression, Variable | MapProjection):
                text = checker.source(item.expression)
                checker.problem(
                    "NoExpressionAlias",
                    f"`{text}` needs an alias in {where}",
                    item.expression,
                    suggestion=f"{text} AS …",
                )


def check_union(query: Union, results: list[Scope | None], checker: Checker) -> None:
    """Checks that the parts of a UNION, whose columns are `results`, go together."""
    for part in query.queries:
        for clause in part.clauses if isinstance(part, SingleQuery) else ():
            if isinstance(clause, CallSubquery) and clause.transactions is not None:
                checker.problem(
                    "InvalidClauseComposition",
                    "IN TRANSACTIONS cannot stand in a UNION",
                    clause.transactions,
                )
    if len(set(query.all)) > 1:
        checker.problem(
            "InvalidClauseComposition", "UNION and UNION ALL cannot be mixed", query.queries[1]
        )
    _check_same_columns(list(query.queries), results, "parts of a UNION", checker)


def _check_same_columns(
    queries: list[Query], results: list[Scope | None], what: str, checker: Checker
) -> None:
    first = results[0]
    for part, other in zip(queries[1:], results[1:], strict=True):
        if (first is None) != (other is None):
            checker.problem(
                "InvalidClauseComposition", f"all {what} must return rows, or none", part
            )
        elif first is not None and other is not None and set(first) != set(other):
            checker.problem(
                "DifferentColumnsInUnion",
                f"the {what} return different columns: {', '.join(first)} and {', '.join(other)}",
                last_return(part) or part,
            )

"""The clauses of a query, one by one: what each reads and what it binds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from heimdall_lang_cypher.ast import (
    CallProcedure,
    CallSubquery,
    Clause,
    Create,
    Delete,
    Filter,
    Finish,
    Foreach,
    Hint,
    IndexHint,
    JoinHint,
    LabelName,
    LabelPredicate,
    Let,
    LoadCsv,
    Match,
    Merge,
    Name,
    OrderLimit,
    Remove,
    ScanHint,
    Set,
    Show,
    Unwind,
    Use,
)
from heimdall_lang_cypher.semantics_pattern_rules import check_unbounded
from heimdall_lang_cypher.semantics_patterns import check_patterns
from heimdall_lang_cypher.semantics_projection import (
    check_order_limit,
    check_row_count,
)
from heimdall_lang_cypher.semantics_scope import (
    Checker,
    Scope,
    Symbol,
    check_boolean,
    type_of,
)
from heimdall_lang_cypher.semantics_show import check_show
from heimdall_lang_cypher.semantics_writing import (
    check_create,
    check_delete,
    check_merge,
    check_remove,
    check_set_items,
)
from heimdall_lang_cypher.value_types import (
    ANY,
    ANY_LIST,
    MAP,
    NULL,
    STRING,
    element_of,
    list_of,
)
from heimdall_lang_cypher.visitor import walk

#: Clauses that write.
UPDATES = (Create, Merge, Set, Remove, Delete, Foreach)

_NAMES = {
    CallProcedure: "CALL … YIELD",
    CallSubquery: "CALL { … RETURN }",
    LoadCsv: "LOAD CSV",
    OrderLimit: "ORDER BY",
}


def clause_name(clause: Clause) -> str:
    """What a message calls the clause."""
    return _NAMES.get(type(clause)) or type(clause).__name__.upper()


def _match(clause: Match, checker: Checker, scope: Scope) -> None:
    check_patterns(clause.patterns, "match", checker, scope)
    if clause.mode == "REPEATABLE ELEMENTS":
        check_unbounded(clause.patterns, checker)
    for hint in clause.hints:
        _check_hint(hint, clause, checker, scope)
    search = clause.search
    if search is not None:
        checker.resolve(search.variable, scope)
        for part in (search.query, search.analyzer):
            if part is not None:
                type_of(part, checker, scope)
        if search.where is not None:
            check_boolean(search.where, checker, scope)
        for limit in (search.limit, search.skip):
            if limit is not None:
                check_row_count(limit, checker)
        if search.score is not None:
            checker.declare(search.score, ANY, scope)
    if clause.where is not None:
        check_boolean(clause.where, checker, scope)


def _check_hint(hint: Hint, clause: Match, checker: Checker, scope: Scope) -> None:
    """A hint names a variable of the MATCH, a label that the MATCH gives it, and properties that
    the MATCH compares."""
    if isinstance(hint, JoinHint):
        for variable in hint.variables:
            checker.resolve(variable, scope)
        return
    if not isinstance(hint, IndexHint | ScanHint):
        return
    symbol = checker.resolve(hint.variable, scope)
    if checker.version == 9 or hint.variable.name not in scope:
        return
    variable = hint.variable
    nodes = list(walk(clause.where)) if clause.where is not None else []
    labels = [*symbol.labels]
    labels += [
        each.labels
        for each in nodes
        if isinstance(each, LabelPredicate) and each.operand == variable
    ]
    named = {each.name for label in labels for each in walk(label) if isinstance(each, LabelName)}
    if hint.label.name not in named:
        checker.problem(
            "InvalidHint",
            f"the hint needs `{variable.name}:{hint.label.name}` in the pattern or in WHERE",
            hint,
        )
    elif isinstance(hint, IndexHint):
        for pattern in clause.patterns:
            nodes.extend(walk(pattern))
        keys = {each.name for each in nodes if isinstance(each, Name)}
        for key in hint.properties:
            if key.name not in keys:
                checker.problem(
                    "InvalidHint",
                    f"the hint needs a predicate on `{variable.name}.{key.name}`",
                    key,
                )


def _unwind(clause: Unwind, checker: Checker, scope: Scope) -> None:
    actual = type_of(clause.expression, checker, scope)
    # What is no list is unwound like a list of one.
    element = element_of(actual) if actual & (ANY_LIST | NULL) else actual
    checker.declare(clause.variable, element, scope)


def _load_csv(clause: LoadCsv, checker: Checker, scope: Scope) -> None:
    actual = type_of(clause.source, checker, scope)
    if not actual & (STRING | NULL):
        checker.mismatch("String", actual, clause.source)
    terminator = clause.field_terminator
    if terminator is not None and len(terminator.value) != 1:
        checker.problem(
            "UnexpectedSyntax", "a field terminator is one character", terminator, suggestion="','"
        )
    row = MAP if clause.headers else list_of(STRING)
    # A variable of the same name is hidden, not an error.
    scope[clause.variable.name] = Symbol(row)


def _let(clause: Let, checker: Checker, scope: Scope) -> None:
    types = [type_of(item.expression, checker, scope) for item in clause.items]
    for item, type_ in zip(clause.items, types, strict=True):
        checker.declare(item.variable, type_, scope)


def _foreach(clause: Foreach, checker: Checker, scope: Scope) -> None:
    actual = type_of(clause.source, checker, scope)
    inner = dict(scope)
    inner.pop(clause.variable.name, None)
    element = element_of(actual) if actual & (ANY_LIST | NULL) else actual
    checker.declare(clause.variable, element, inner)
    for each in clause.clauses:
        if isinstance(each, UPDATES):
            CLAUSES[type(each)](each, checker, inner)
        else:
            checker.problem(
                "InvalidClauseComposition", "FOREACH takes clauses that write, no others", each
            )


def _filter(clause: Filter, checker: Checker, scope: Scope) -> None:
    check_boolean(clause.predicate, checker, scope)


def _set(clause: Set, checker: Checker, scope: Scope) -> None:
    check_set_items(clause.items, checker, scope)


def _nothing(clause: Clause, checker: Checker, scope: Scope) -> None:
    """`FINISH` and `USE` hold nothing to check."""


#: The check of each clause that neither projects nor calls; subqueries add theirs.
CLAUSES: dict[type[Clause], Callable[[Any, Checker, Scope], None]] = {
    Match: _match,
    Unwind: _unwind,
    LoadCsv: _load_csv,
    Let: _let,
    Filter: _filter,
    Foreach: _foreach,
    Show: check_show,
    Create: check_create,
    Merge: check_merge,
    Set: _set,
    Remove: check_remove,
    Delete: check_delete,
    OrderLimit: check_order_limit,
    Finish: _nothing,
    Use: _nothing,
}

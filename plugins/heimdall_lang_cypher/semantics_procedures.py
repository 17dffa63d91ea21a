"""CALL of a procedure: its name, its arguments, the columns that it yields."""

from __future__ import annotations

from heimdall_lang_cypher.ast import CallProcedure, Variable
from heimdall_lang_cypher.semantics_calls import lowered
from heimdall_lang_cypher.semantics_scope import Checker, Scope, check_boolean, type_of
from heimdall_lang_cypher.signatures import Signature, instead_of_procedure
from heimdall_lang_cypher.value_types import ANY, describe


def check_call(clause: CallProcedure, standalone: bool, checker: Checker, scope: Scope) -> None:
    """Checks the call and binds the columns that it yields. `standalone`: it is the whole query,
    which may leave out parentheses and `YIELD`."""
    signature = checker.procedures.get(lowered(clause.name))
    if signature is None:
        _unknown(clause, checker)
    if clause.arguments is None:
        _without_arguments(clause, signature, standalone, checker)
    else:
        _check_arguments(clause, signature, checker, scope)
    if clause.yields is None:
        if not standalone and signature is not None and signature.columns:
            names = ", ".join(name for name, _ in signature.columns)
            checker.problem(
                "UnexpectedSyntax",
                f"a call inside a query must name the columns that it yields: {names}",
                clause,
                suggestion=f"YIELD {names}",
            )
    else:
        _check_yield(clause, signature, standalone, checker, scope)
    if clause.where is not None:
        check_boolean(clause.where, checker, scope)


def _unknown(clause: CallProcedure, checker: Checker) -> None:
    name = clause.name.text
    instead = instead_of_procedure(name)
    if not instead:
        instead = checker.nearest(name, (each.name for each in checker.procedures.values()))
    namespace = clause.name.parts[0].lower()
    if namespace in checker.namespaces and not checker.closed:
        return
    certain = checker.closed or namespace in checker.complete
    checker.problem(
        "ProcedureNotFound",
        f"there is no procedure {name}"
        if certain
        else f"{name} is no built-in procedure; the server must have it",
        clause.name,
        severity="error" if certain else "warning",
        suggestion=instead if certain else "",
    )


def _without_arguments(
    clause: CallProcedure, signature: Signature | None, standalone: bool, checker: Checker
) -> None:
    """`CALL name` without parentheses takes its arguments from the parameters of those names."""
    if not standalone:
        checker.problem(
            "InvalidArgumentPassingMode",
            f"a call inside a query needs parentheses: {clause.name.text}(…)",
            clause.name,
        )
    elif signature is not None and checker.parameters is not None:
        for argument in signature.arguments:
            if not argument.optional and argument.name not in checker.parameters:
                checker.problem(
                    "MissingParameter",
                    f"{clause.name.text} takes ${argument.name}, which is not declared",
                    clause.name,
                )


def _check_arguments(
    clause: CallProcedure, signature: Signature | None, checker: Checker, scope: Scope
) -> None:
    arguments = clause.arguments or ()
    given = [type_of(argument, checker, scope) for argument in arguments]
    if signature is None:
        return
    if not signature.minimum <= len(arguments) <= signature.maximum:
        names = ", ".join(each.name for each in signature.arguments)
        checker.problem(
            "InvalidNumberOfArguments",
            f"{signature.name}({names}) does not take {len(arguments)} "
            f"argument{'s' * (len(arguments) != 1)}",
            clause.name,
        )
        return
    for index, actual in enumerate(given):
        expected = signature.argument(index).type
        if not actual & expected:
            checker.mismatch(describe(expected), actual, arguments[index])


def _check_yield(
    clause: CallProcedure,
    signature: Signature | None,
    standalone: bool,
    checker: Checker,
    scope: Scope,
) -> None:
    if clause.star and not standalone:
        checker.problem(
            "UnexpectedSyntax", "YIELD * is only for a call that is the whole query", clause
        )
        return
    columns = dict(signature.columns) if signature and signature.columns is not None else None
    if columns is not None and clause.star:
        for name, type_ in columns.items():
            checker.declare(Variable(name, start=clause.start, end=clause.end), type_, scope)
    for item in clause.yields or ():
        name = item.column.name
        if columns is not None and name not in columns:
            listed = ", ".join(columns) or "nothing"
            checker.problem(
                "UnknownYieldColumn",
                f"{clause.name.text} yields {listed}, no `{name}`",
                item.column,
                suggestion=checker.nearest(name, columns),
            )
        checker.declare(item.alias or item.column, (columns or {}).get(name, ANY), scope)

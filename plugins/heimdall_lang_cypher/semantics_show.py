"""SHOW and TERMINATE: the columns that they have."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from heimdall_lang_cypher.ast import Show, Variable
from heimdall_lang_cypher.semantics_projection import project
from heimdall_lang_cypher.semantics_scope import Checker, Scope, check_boolean, type_of
from heimdall_lang_cypher.value_types import ANY


@cache
def _columns() -> dict[str, tuple[str, ...]]:
    text = files("heimdall_lang_cypher").joinpath("data", "show.toml").read_text(encoding="utf-8")
    return {what: tuple(names.split()) for what, names in tomllib.loads(text).items()}


def check_show(clause: Show, checker: Checker, scope: Scope) -> None:
    """Checks the command and binds the columns that it yields."""
    columns = _columns().get(clause.what.rsplit(" ", 1)[-1])
    yields = clause.yields
    if yields is None or yields.star:
        if columns is None:
            # Without a list of columns, any name may be one.
            return
        for name in columns:
            checker.declare(Variable(name, start=clause.start, end=clause.end), ANY, scope)
    else:
        for item in yields.items:
            _check_column(item.column, columns, checker)
            checker.declare(item.alias or item.column, ANY, scope)
    predicates = [clause.where]
    if yields is not None:
        for sort in yields.order_by:
            type_of(sort.expression, checker, scope)
        predicates.append(yields.where)
    for predicate in predicates:
        if predicate is not None:
            check_boolean(predicate, checker, scope)
    if clause.returns is not None:
        project(clause.returns, checker, scope)


def _check_column(column: Variable, columns: tuple[str, ...] | None, checker: Checker) -> None:
    if columns is not None and column.name not in columns:
        checker.problem(
            "UnknownYieldColumn",
            f"there is no column `{column.name}`",
            column,
            suggestion=checker.nearest(column.name, columns),
        )

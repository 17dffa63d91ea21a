"""The meaning of a statement: variables, types, aggregation, the order of clauses.

`analyse` runs the checks of the `semantics_*` files over one statement. They go over the tree once;
what they learn of patterns and properties on the way is what the check against a schema works on.
"""

from __future__ import annotations

# These register their checks and are not called by name.
import heimdall_lang_cypher.semantics_expressions
import heimdall_lang_cypher.semantics_operators
import heimdall_lang_cypher.semantics_subqueries  # noqa: F401
from heimdall_lang_cypher.ast import (
    CreateConstraint,
    CreateIndex,
    DropConstraint,
    PropertyAccess,
    Query,
    Statement,
    Variable,
)
from heimdall_lang_cypher.semantics_queries import check_query
from heimdall_lang_cypher.semantics_schema import check_constraint, check_index
from heimdall_lang_cypher.semantics_scope import Checker, Symbol, type_of
from heimdall_lang_cypher.value_types import NODE, RELATIONSHIP


def analyse(statement: Statement, checker: Checker) -> None:
    """Checks a statement; what is found is in `checker.problems`."""
    body = statement.body
    if isinstance(body, Query):
        check_query(body, checker, {})
    elif isinstance(body, CreateIndex):
        check_index(body, checker)
        if body.variable is not None:
            _check_schema_properties(
                body.variable, (*body.properties, *body.with_properties), body.entity, checker
            )
        if body.options is not None:
            type_of(body.options, checker, {})
    elif isinstance(body, CreateConstraint):
        check_constraint(body, checker)
        _check_schema_properties(body.variable, body.properties, body.entity, checker)
        if body.options is not None:
            type_of(body.options, checker, {})
    elif isinstance(body, DropConstraint) and body.legacy is not None:
        legacy = body.legacy
        _check_schema_properties(legacy.variable, legacy.properties, legacy.entity, checker)


def _check_schema_properties(
    variable: Variable, properties: tuple[PropertyAccess, ...], entity: str, checker: Checker
) -> None:
    """The properties of an index or constraint belong to the variable of its pattern."""
    symbol = Symbol(NODE if entity == "NODE" else RELATIONSHIP)
    for each in properties:
        if isinstance(each.subject, Variable):
            checker.resolve(each.subject, {variable.name: symbol})

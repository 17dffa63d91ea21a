"""Statements about indexes and constraints: what each kind of them takes."""

from __future__ import annotations

from heimdall_lang_cypher.ast import (
    CreateConstraint,
    CreateIndex,
    ListType,
    TypeExpression,
    TypeName,
    UnionType,
    VectorType,
)
from heimdall_lang_cypher.semantics_scope import Checker

#: Kinds of indexes that take one property, and those that take several labels.
_ONE_PROPERTY = ("TEXT", "POINT", "VECTOR")
_SEVERAL_LABELS = ("FULLTEXT", "VECTOR")
#: Types that a property cannot have.
_NO_PROPERTY_TYPES = frozenset(
    ("ANY", "MAP", "NODE", "RELATIONSHIP", "PATH", "NULL", "NOTHING", "PROPERTY VALUE")
)


def check_index(node: CreateIndex, checker: Checker) -> None:
    """Checks `CREATE INDEX`: how many labels and properties its kind takes."""
    kind = f"{node.kind} index".lower() if node.kind else "index"
    if node.or_replace:
        _replaced(node, checker)
    if len(node.labels) > 1 and node.kind not in _SEVERAL_LABELS:
        checker.problem("UnexpectedSyntax", f"a {kind} takes one label or type", node.labels[1])
    if len(node.properties) > 1 and node.kind in _ONE_PROPERTY:
        checker.problem("UnexpectedSyntax", f"a {kind} takes one property", node.properties[1])
    if node.function is not None:
        function = "labels" if node.entity == "NODE" else "type"
        if node.function.name.lower() != function:
            checker.problem(
                "UnexpectedSyntax",
                f"this lookup index takes {function}(…)",
                node.function,
                suggestion=function,
            )


def check_constraint(node: CreateConstraint, checker: Checker) -> None:
    """Checks `CREATE CONSTRAINT`: how many properties its kind takes, and of which type."""
    if node.or_replace:
        _replaced(node, checker)
    if len(node.properties) > 1 and node.kind in ("NOT NULL", "TYPED", "EXISTS"):
        checker.problem(
            "UnexpectedSyntax", "this constraint takes one property", node.properties[1]
        )
    if node.qualifier not in ("", node.entity):
        checker.problem(
            "UnexpectedSyntax",
            f"a constraint of a {node.entity.lower()} is no {node.qualifier} constraint",
            node,
            suggestion=node.entity,
        )
    if node.type is not None:
        problem = _type_problem(node.type)
        if problem:
            checker.problem("InvalidPropertyType", problem, node.type)


def _replaced(node: CreateIndex | CreateConstraint, checker: Checker) -> None:
    what = "an index" if isinstance(node, CreateIndex) else "a constraint"
    checker.problem(
        "UnexpectedSyntax",
        f"OR REPLACE cannot be used for {what}",
        node,
        suggestion="IF NOT EXISTS",
    )


def _type_problem(type_: TypeExpression) -> str:
    """Why a property cannot be held to a type; empty where it can."""
    if isinstance(type_, UnionType):
        return next(filter(None, map(_type_problem, type_.members)), "")
    if isinstance(type_, ListType):
        element = type_.element
        if not isinstance(element, TypeName):
            return "a property cannot be a list of such a type"
        if not element.not_null:
            return f"the elements of a list must be NOT NULL: LIST<{element.name} NOT NULL>"
        if element.name in _NO_PROPERTY_TYPES:
            return f"a property cannot be a list of {element.name}"
    if isinstance(type_, TypeName) and type_.name in _NO_PROPERTY_TYPES:
        return f"a property cannot be of the type {type_.name}"
    if isinstance(type_, TypeName | ListType | VectorType) and type_.not_null:
        return "NOT NULL is a constraint of its own"
    return ""

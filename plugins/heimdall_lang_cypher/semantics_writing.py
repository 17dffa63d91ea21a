"""Clauses that write: CREATE, MERGE, SET, REMOVE, DELETE."""

from __future__ import annotations

from collections.abc import Iterable

from heimdall_lang_cypher.ast import (
    Create,
    Delete,
    DynamicLabel,
    Expression,
    LabelAnd,
    LabelName,
    LabelPredicate,
    Merge,
    PatternPart,
    PropertyAccess,
    Remove,
    RemoveItem,
    RemoveLabels,
    RemoveProperty,
    SetItem,
    SetLabels,
    SetProperties,
    SetProperty,
    Subscript,
    Variable,
)
from heimdall_lang_cypher.semantics_pattern_rules import check_dynamic_label
from heimdall_lang_cypher.semantics_patterns import check_patterns
from heimdall_lang_cypher.semantics_scope import Checker, Scope, type_of
from heimdall_lang_cypher.value_types import (
    ENTITY,
    KINDS,
    MAP,
    NODE,
    NULL,
    PATH,
    RELATIONSHIP,
    SCALAR,
    SHIFT,
    describe,
)
from heimdall_lang_cypher.visitor import walk

#: Kinds that no property can hold, alone or in a list.
_NO_PROPERTY = MAP | ENTITY | PATH


def check_create(clause: Create, checker: Checker, scope: Scope) -> None:
    """Checks CREATE and binds its variables."""
    for part in clause.patterns:
        if part.selector is not None:
            checker.problem("UnexpectedSyntax", "CREATE takes no path selector", part.selector)
        if clause.keyword == "INSERT":
            _check_insert(part, checker)
    check_patterns(clause.patterns, "create", checker, scope)


def _check_insert(part: PatternPart, checker: Checker) -> None:
    for each in walk(part):
        if isinstance(each, LabelAnd) and each.colons:
            checker.problem(
                "UnexpectedSyntax",
                "INSERT joins labels by &",
                each,
                suggestion=checker.source(each).replace(":", "&"),
            )


def check_merge(clause: Merge, checker: Checker, scope: Scope) -> None:
    """Checks MERGE with its actions and binds its variables."""
    check_patterns((clause.pattern,), "merge", checker, scope)
    for action in clause.actions:
        check_set_items(action.items, checker, scope)


def check_set_items(items: Iterable[SetItem], checker: Checker, scope: Scope) -> None:
    """Checks the assignments of SET, ON CREATE SET and ON MATCH SET."""
    for item in items:
        if isinstance(item, SetProperty):
            _check_target(item.target, checker, scope)
            actual = type_of(item.value, checker, scope)
            if _never_property(actual):
                checker.problem(
                    "InvalidPropertyType",
                    f"a property cannot hold {describe(actual)}",
                    item.value,
                    severity="warning",
                )
        elif isinstance(item, SetProperties):
            _check_entity(item.variable, ENTITY, "Node or Relationship", checker, scope)
            actual = type_of(item.value, checker, scope)
            if not actual & (MAP | ENTITY | NULL):
                checker.mismatch("Map, Node or Relationship", actual, item.value)
            elif checker.version == 25 and not actual & ~ENTITY:
                source = checker.source(item.value)
                checker.problem(
                    "InvalidArgumentType",
                    "Cypher 25 takes a map here, no node or relationship",
                    item.value,
                    severity="warning",
                    suggestion=f"properties({source})",
                )
        elif isinstance(item, SetLabels):
            _check_entity(item.variable, NODE, "Node", checker, scope)
            _check_dynamic(item.labels, checker, scope)
            if item.keyword and len(item.labels) > 1:
                sources = map(checker.source, item.labels)
                checker.problem(
                    "UnexpectedSyntax",
                    "SET with the keyword IS takes one label",
                    item,
                    suggestion=", ".join(f"{item.variable.name} IS {each}" for each in sources),
                )


def _never_property(type_: int) -> bool:
    kinds = type_ & KINDS
    if kinds & (SCALAR | NULL):
        return False
    if kinds & _NO_PROPERTY:
        return True
    element = type_ >> SHIFT
    return bool(element & _NO_PROPERTY) and not element & (SCALAR | NULL)


def check_remove(clause: Remove, checker: Checker, scope: Scope) -> None:
    """Checks REMOVE."""
    item: RemoveItem
    for item in clause.items:
        if isinstance(item, RemoveProperty):
            _check_target(item.target, checker, scope)
        elif isinstance(item, RemoveLabels):
            _check_entity(item.variable, NODE, "Node", checker, scope)
            _check_dynamic(item.labels, checker, scope)


def check_delete(clause: Delete, checker: Checker, scope: Scope) -> None:
    """Checks DELETE: nodes, relationships and paths can be deleted, nothing else."""
    expression: Expression
    for expression in clause.expressions:
        if isinstance(expression, LabelPredicate):
            type_of(expression.operand, checker, scope)
            checker.problem(
                "InvalidDelete",
                "DELETE takes no labels",
                expression,
                suggestion=f"REMOVE {checker.source(expression)}",
            )
            continue
        actual = type_of(expression, checker, scope)
        if not actual & (NODE | RELATIONSHIP | PATH | NULL):
            checker.mismatch("Node, Path or Relationship", actual, expression)


def _check_target(target: PropertyAccess | Subscript, checker: Checker, scope: Scope) -> None:
    """Checks what a property is set on or removed from. The property need not exist yet, so that
    it is kept apart from those that are read."""
    subject = target.subject
    actual = type_of(subject, checker, scope)
    if not actual & (ENTITY | NULL):
        checker.mismatch("Node or Relationship", actual, subject)
    elif isinstance(target, Subscript):
        type_of(target.index, checker, scope)
    elif checker.record and isinstance(subject, Variable) and subject.name in scope:
        checker.written.append((scope[subject.name], target.key))


def _check_entity(
    variable: Variable, kinds: int, expected: str, checker: Checker, scope: Scope
) -> None:
    symbol = checker.resolve(variable, scope)
    if not symbol.type & (kinds | NULL):
        checker.mismatch(expected, symbol.type, variable)


def _check_dynamic(
    labels: Iterable[LabelName | DynamicLabel], checker: Checker, scope: Scope
) -> None:
    for label in labels:
        if isinstance(label, DynamicLabel):
            check_dynamic_label(label, checker, scope)

"""Types of operators: truth, comparison, arithmetic."""

from __future__ import annotations

from itertools import pairwise

from attrs import evolve

from heimdall_lang_cypher.ast import (
    And,
    Arithmetic,
    BinaryPredicate,
    BooleanLiteral,
    Comparison,
    Expression,
    FloatLiteral,
    IntegerLiteral,
    LabelPredicate,
    NormalisedPredicate,
    Not,
    NullPredicate,
    Or,
    PropertyAccess,
    Sign,
    StringLiteral,
    TypePredicate,
    Variable,
    Xor,
)
from heimdall_lang_cypher.semantics_pattern_rules import check_label_expression
from heimdall_lang_cypher.semantics_scope import (
    Checker,
    Scope,
    check_boolean,
    handles,
    type_of,
)
from heimdall_lang_cypher.value_types import (
    ANY,
    ANY_LIST,
    BOOLEAN,
    DURATION,
    ENTITY,
    FLOAT,
    INTEGER,
    KINDS,
    MAP,
    NULL,
    NUMBER,
    PATH,
    STRING,
    TEMPORAL,
    describe,
)

#: The largest integer of 64 bits.
LARGEST_INTEGER = 2**63 - 1

# --- truth ---------------------------------------------------------------------------------------


@handles(And, Or, Xor)
def _connective(node: And | Or | Xor, checker: Checker, scope: Scope) -> int:
    for operand in node.operands:
        check_boolean(operand, checker, scope)
    return BOOLEAN


@handles(Not)
def _not(node: Not, checker: Checker, scope: Scope) -> int:
    check_boolean(node.operand, checker, scope)
    return BOOLEAN


@handles(Comparison)
def _comparison(node: Comparison, checker: Checker, scope: Scope) -> int:
    operands = node.operands
    for operand in operands:
        type_of(operand, checker, scope)
    if "<>" in node.operators and checker.version != 9:
        _check_unequal(node, checker)
    if checker.record and len(operands) == 2:
        _record_comparison(operands[0], operands[1], checker, scope)
        _record_comparison(operands[1], operands[0], checker, scope)
    return BOOLEAN


def _check_unequal(node: Comparison, checker: Checker) -> None:
    """`!=` is understood, for it is plain what is meant, and is no operator of Cypher."""
    for left, right in pairwise(node.operands):
        between = checker.text[left.end : right.start]
        if "!=" in between:
            start = left.end + between.index("!=")
            checker.problem(
                "UnexpectedSyntax",
                "`!=` is no operator of Cypher",
                evolve(node, start=start, end=start + 2),
                suggestion="<>",
            )


_LITERALS = (IntegerLiteral, FloatLiteral, StringLiteral, BooleanLiteral)


def _record_comparison(left: Expression, right: Expression, checker: Checker, scope: Scope) -> None:
    """Keeps `variable.key = literal` for the check of property types."""
    if (
        isinstance(right, _LITERALS)
        and isinstance(left, PropertyAccess)
        and isinstance(left.subject, Variable)
        and (symbol := scope.get(left.subject.name)) is not None
    ):
        checker.comparisons.append((symbol, left.key, right))


@handles(BinaryPredicate)
def _binary_predicate(node: BinaryPredicate, checker: Checker, scope: Scope) -> int:
    left = type_of(node.left, checker, scope)
    right = type_of(node.right, checker, scope)
    if node.operator == "IN":
        if not right & (ANY_LIST | NULL):
            checker.mismatch("List", right, node.right)
        return BOOLEAN
    for operand, actual in ((node.left, left), (node.right, right)):
        if actual & (STRING | NULL):
            continue
        if node.operator == "=~":
            checker.mismatch("String", actual, operand)
        else:
            checker.problem(
                "AlwaysNull",
                f"{node.operator} compares strings; with {describe(actual)} it is always null",
                operand,
                severity="warning",
            )
    if checker.record:
        _record_comparison(node.left, node.right, checker, scope)
    return BOOLEAN


@handles(NullPredicate, TypePredicate, NormalisedPredicate)
def _postfix_predicate(
    node: NullPredicate | TypePredicate | NormalisedPredicate, checker: Checker, scope: Scope
) -> int:
    type_of(node.operand, checker, scope)
    return BOOLEAN


@handles(LabelPredicate)
def _label_predicate(node: LabelPredicate, checker: Checker, scope: Scope) -> int:
    actual = type_of(node.operand, checker, scope)
    check_label_expression(node.labels, checker, scope, node.keyword)
    if not actual & (ENTITY | NULL):
        checker.mismatch("Node or Relationship", actual, node.operand)
    elif checker.record and isinstance(node.operand, Variable):
        symbol = scope.get(node.operand.name)
        if symbol is not None:
            checker.tests.append((symbol, node.labels))
    return BOOLEAN


# --- arithmetic ----------------------------------------------------------------------------------

#: Kinds that the operands of an operator may have, and what it yields of them.
_OPERANDS = {
    "-": NUMBER | TEMPORAL,
    "*": NUMBER | DURATION,
    "/": NUMBER | DURATION,
    "%": NUMBER,
    "^": NUMBER,
}
_EXPECTED = {
    "-": "Integer, Float, Duration or a temporal instant",
    "*": "Integer, Float or Duration",
    "/": "Integer, Float or Duration",
    "%": "Integer or Float",
    "^": "Integer or Float",
}


@handles(Arithmetic)
def _arithmetic(node: Arithmetic, checker: Checker, scope: Scope) -> int:
    operands = node.operands
    left_node = operands[0]
    left = type_of(left_node, checker, scope)
    for operator, right_node in zip(node.operators, operands[1:], strict=True):
        right = type_of(right_node, checker, scope)
        if operator == "+":
            left = _add(left, right, left_node, right_node, checker)
        elif operator == "||":
            left = _concatenate(left, right, left_node, right_node, checker)
        else:
            accepted = _OPERANDS[operator]
            for operand, actual in ((left_node, left), (right_node, right)):
                if not actual & (accepted | NULL):
                    checker.mismatch(_EXPECTED[operator], actual, operand)
            if operator == "^":
                left = FLOAT
            elif left | right == INTEGER:
                left = INTEGER
            else:
                left = (left | right) & accepted & (NUMBER | TEMPORAL) or accepted
        left_node = right_node
    return left


def _add(
    left: int, right: int, left_node: Expression, right_node: Expression, checker: Checker
) -> int:
    """The type of `left + right`: a number, a longer list, a longer string, a later time."""
    both = left | right
    if both & NUMBER == both:
        return both
    if left == NULL or right == NULL:
        return ANY
    lists = ANY_LIST
    if not left & ~lists & KINDS or not right & ~lists & KINDS:
        # A list and anything else is a longer list.
        return ANY_LIST
    if both & (ANY_LIST | NULL):
        return BOOLEAN | NUMBER | STRING | TEMPORAL | ANY_LIST
    if both & STRING and not both & (ENTITY | PATH | MAP):
        return STRING if left == STRING or right == STRING else NUMBER | STRING | TEMPORAL
    adds = NUMBER | TEMPORAL | STRING
    for operand, actual in ((left_node, left), (right_node, right)):
        if not actual & adds:
            checker.mismatch("Integer, Float, String, List or a temporal value", actual, operand)
            break
    return both & (NUMBER | TEMPORAL) or ANY


def _concatenate(
    left: int, right: int, left_node: Expression, right_node: Expression, checker: Checker
) -> int:
    for operand, actual in ((left_node, left), (right_node, right)):
        if not actual & (STRING | ANY_LIST | NULL):
            checker.mismatch("String or List", actual, operand)
            return ANY
    for kind, name in ((STRING, "String"), (ANY_LIST, "List")):
        if not left & (ANY ^ kind) and not right & (kind | NULL):
            checker.mismatch(name, right, right_node)
    return left if left == right else ANY


@handles(Sign)
def _sign(node: Sign, checker: Checker, scope: Scope) -> int:
    operand = node.operand
    if type(operand) is IntegerLiteral:
        # The smallest integer has no positive counterpart.
        if operand.value > LARGEST_INTEGER + (node.operator == "-"):
            checker.problem(
                "IntegerOverflow", f"{node.operator}{operand.value} does not fit 64 bits", node
            )
        return INTEGER
    actual = type_of(operand, checker, scope)
    if not actual & (NUMBER | DURATION | NULL):
        checker.mismatch("Integer, Float or Duration", actual, operand)
    return actual & (NUMBER | DURATION) or NUMBER

"""Types of expressions: literals, operators, properties, comprehensions.

Types are only refused where no value could be right: `NOT 1`, `[1].name`, `1 IN 'abc'`. What may be
right at run time (a property, a parameter, an element of a mixed list) passes.
"""

from __future__ import annotations

import math

from heimdall_lang_cypher.ast import (
    AllReduce,
    BooleanLiteral,
    Case,
    CaseSubject,
    ConstantLiteral,
    Expression,
    FloatLiteral,
    IntegerLiteral,
    InterpolatedString,
    Keyword,
    ListComprehension,
    ListLiteral,
    ListPredicate,
    MapEntry,
    MapLiteral,
    MapProjection,
    NullLiteral,
    Parameter,
    PatternExpression,
    PropertyAccess,
    PropertyExists,
    PropertySelector,
    Reduce,
    Slice,
    StringLiteral,
    Subscript,
    Trim,
    Variable,
    VariableSelector,
)
from heimdall_lang_cypher.semantics_operators import LARGEST_INTEGER
from heimdall_lang_cypher.semantics_scope import (
    LOCAL,
    Checker,
    Scope,
    Symbol,
    check_boolean,
    handles,
    type_of,
)
from heimdall_lang_cypher.value_types import (
    ANY,
    ANY_LIST,
    BOOLEAN,
    ENTITY,
    FLOAT,
    INTEGER,
    KINDS,
    MAP,
    NULL,
    NUMBER,
    POINT,
    PROPERTY,
    STRING,
    TEMPORAL,
    VECTOR,
    describe,
    element_of,
    join,
    list_of,
)

_HAS_PROPERTIES = MAP | ENTITY | TEMPORAL | POINT | NULL

# --- literals ------------------------------------------------------------------------------------


@handles(IntegerLiteral)
def _integer(node: IntegerLiteral, checker: Checker, scope: Scope) -> int:
    if node.value > LARGEST_INTEGER:
        checker.problem("IntegerOverflow", f"{node.value} does not fit 64 bits", node)
    return INTEGER


@handles(FloatLiteral)
def _float(node: FloatLiteral, checker: Checker, scope: Scope) -> int:
    if math.isinf(node.value):
        checker.problem("FloatingPointOverflow", f"{node.text} is too large for a float", node)
    return FLOAT


@handles(StringLiteral, Keyword)
def _string(node: StringLiteral | Keyword, checker: Checker, scope: Scope) -> int:
    return STRING


@handles(ConstantLiteral)
def _constant(node: ConstantLiteral, checker: Checker, scope: Scope) -> int:
    return FLOAT


@handles(BooleanLiteral)
def _boolean(node: BooleanLiteral, checker: Checker, scope: Scope) -> int:
    return BOOLEAN


@handles(NullLiteral)
def _null(node: NullLiteral, checker: Checker, scope: Scope) -> int:
    return NULL


@handles(CaseSubject)
def _case_subject(node: CaseSubject, checker: Checker, scope: Scope) -> int:
    return ANY


@handles(InterpolatedString)
def _interpolated(node: InterpolatedString, checker: Checker, scope: Scope) -> int:
    for part in node.parts:
        type_of(part, checker, scope)
    return STRING


@handles(ListLiteral)
def _list(node: ListLiteral, checker: Checker, scope: Scope) -> int:
    element = 0
    for index, item in enumerate(node.items):
        actual = type_of(item, checker, scope)
        # A list with a null may hold anything, as in Neo4j.
        element = ANY if actual == NULL else actual if index == 0 else join(element, actual)
    return list_of(element)


@handles(MapLiteral)
def _map(node: MapLiteral, checker: Checker, scope: Scope) -> int:
    for entry in node.entries:
        checker.testing = checker.version != 9 and isinstance(entry.value, PatternExpression)
        type_of(entry.value, checker, scope)
    return MAP


# --- names ---------------------------------------------------------------------------------------


@handles(Variable)
def _variable(node: Variable, checker: Checker, scope: Scope) -> int:
    symbol = scope.get(node.name)
    return symbol.type if symbol is not None else checker.resolve(node, scope).type


@handles(Parameter)
def _parameter(node: Parameter, checker: Checker, scope: Scope) -> int:
    if checker.parameters is not None and node.name not in checker.parameters:
        checker.problem(
            "ParameterNotProvided",
            f"parameter ${node.name} is not among the declared ones",
            node,
            severity="warning",
        )
    return ANY


@handles(PropertyAccess)
def _property(node: PropertyAccess, checker: Checker, scope: Scope) -> int:
    subject = node.subject
    if type(subject) is Variable:
        symbol = scope.get(subject.name) or checker.resolve(subject, scope)
        actual = symbol.type
        if checker.record:
            checker.accesses.append((symbol, node.key))
    else:
        actual = type_of(subject, checker, scope)
    if not actual & _HAS_PROPERTIES:
        checker.mismatch("Map, Node or Relationship", actual, subject)
        return ANY
    return PROPERTY if not actual & ~(ENTITY | NULL) else ANY


@handles(PropertyExists)
def _property_exists(node: PropertyExists, checker: Checker, scope: Scope) -> int:
    checker.resolve(node.variable, scope)
    return BOOLEAN


@handles(MapProjection)
def _map_projection(node: MapProjection, checker: Checker, scope: Scope) -> int:
    symbol = checker.resolve(node.variable, scope)
    if not symbol.type & (MAP | ENTITY | NULL):
        checker.mismatch("Map, Node or Relationship", symbol.type, node.variable)
    for item in node.items:
        if isinstance(item, MapEntry):
            type_of(item.value, checker, scope)
        elif isinstance(item, VariableSelector):
            checker.resolve(item.variable, scope)
        elif checker.record and isinstance(item, PropertySelector):
            checker.accesses.append((symbol, item.key))
    return MAP


# --- parts of lists and maps ---------------------------------------------------------------------


@handles(Subscript)
def _subscript(node: Subscript, checker: Checker, scope: Scope) -> int:
    actual = type_of(node.subject, checker, scope)
    index = type_of(node.index, checker, scope)
    if not actual & (ANY_LIST | MAP | ENTITY | VECTOR | NULL):
        checker.mismatch("List, Map, Node or Relationship", actual, node.subject)
        return ANY
    if not actual & (MAP | ENTITY | NULL):
        if not index & (INTEGER | NULL):
            checker.mismatch("Integer", index, node.index)
        return element_of(actual)
    if not actual & (ANY_LIST | NULL) and not index & (STRING | NULL):
        checker.mismatch("String", index, node.index)
    return ANY


@handles(Slice)
def _slice(node: Slice, checker: Checker, scope: Scope) -> int:
    actual = type_of(node.subject, checker, scope)
    if not actual & (ANY_LIST | NULL):
        checker.mismatch("List", actual, node.subject)
    if node.lower is None and node.upper is None and checker.version != 9:
        checker.problem("UnexpectedSyntax", "a slice needs its start, its end or both", node)
    for bound in (node.lower, node.upper):
        if bound is not None:
            index = type_of(bound, checker, scope)
            if not index & (INTEGER | NULL):
                checker.mismatch("Integer", index, bound)
    return actual if actual & ANY_LIST else ANY


@handles(Case)
def _case(node: Case, checker: Checker, scope: Scope) -> int:
    if node.subject is not None:
        type_of(node.subject, checker, scope)
    result = NULL if node.default is None else type_of(node.default, checker, scope)
    for alternative in node.alternatives:
        for condition in alternative.conditions:
            if node.subject is None:
                check_boolean(condition, checker, scope)
            else:
                type_of(condition, checker, scope)
        # Neo4j lets a pattern stand for its truth here, and as a value in a map.
        checker.testing = checker.version != 9 and isinstance(alternative.result, PatternExpression)
        result = join(result, type_of(alternative.result, checker, scope))
    return result


@handles(Trim)
def _trim(node: Trim, checker: Checker, scope: Scope) -> int:
    for part in (node.character, node.source):
        if part is not None:
            actual = type_of(part, checker, scope)
            if not actual & (STRING | NULL):
                checker.mismatch("String", actual, part)
    return STRING


# --- expressions with variables of their own -----------------------------------------------------


def _source(node: Expression, checker: Checker, scope: Scope) -> int:
    """The type of the elements of the list that a comprehension runs over."""
    actual = type_of(node, checker, scope)
    if not actual & (ANY_LIST | NULL):
        checker.mismatch("List", actual, node)
    return element_of(actual)


class _Local:
    """`with _Local(variable, type, checker, scope):` binds a variable, which may hide another
    one, and forbids aggregation inside."""

    __slots__ = ("checker", "hidden", "mode", "name", "scope")

    def __init__(self, variable: Variable, type_: int, checker: Checker, scope: Scope) -> None:
        self.checker, self.scope, self.name = checker, scope, variable.name
        self.hidden = scope.get(variable.name)
        self.mode = checker.aggregation
        scope[variable.name] = Symbol(type_)
        checker.aggregation = LOCAL

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_error: object) -> None:
        self.checker.aggregation = self.mode
        if self.hidden is None:
            del self.scope[self.name]
        else:
            self.scope[self.name] = self.hidden


@handles(ListComprehension)
def _list_comprehension(node: ListComprehension, checker: Checker, scope: Scope) -> int:
    element = _source(node.source, checker, scope)
    with _Local(node.variable, element, checker, scope):
        if node.predicate is not None:
            check_boolean(node.predicate, checker, scope)
        if node.projection is not None:
            element = type_of(node.projection, checker, scope)
    return list_of(element)


@handles(ListPredicate)
def _list_predicate(node: ListPredicate, checker: Checker, scope: Scope) -> int:
    element = _source(node.source, checker, scope)
    if node.predicate is None:
        name = node.quantifier.lower()
        checker.problem(
            "UnexpectedSyntax",
            f"{name}(…) requires a WHERE predicate",
            node,
            suggestion=f"{name}({node.variable.name} IN {checker.source(node.source)} WHERE …)",
        )
        return BOOLEAN
    with _Local(node.variable, element, checker, scope):
        check_boolean(node.predicate, checker, scope)
    return BOOLEAN


@handles(Reduce, AllReduce)
def _reduce(node: Reduce | AllReduce, checker: Checker, scope: Scope) -> int:
    initial = type_of(node.initial, checker, scope)
    if initial & NUMBER:
        initial |= NUMBER
    if initial & ANY_LIST:
        initial |= ANY_LIST
    if initial & NULL:
        initial = ANY
    element = _source(node.source, checker, scope)
    with (
        _Local(node.accumulator, initial, checker, scope),
        _Local(node.variable, element, checker, scope),
    ):
        actual = type_of(node.expression, checker, scope)
        if not actual & ((initial & KINDS) | NULL):
            checker.mismatch(
                f"{describe(initial)}, as the accumulator is,", actual, node.expression
            )
        if isinstance(node, AllReduce):
            check_boolean(node.predicate, checker, scope)
            return BOOLEAN
    return initial

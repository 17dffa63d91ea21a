"""Calls of functions: names, argument counts and types, aggregation."""

from __future__ import annotations

from heimdall_lang_cypher.ast import (
    CountStar,
    FunctionCall,
    Node,
    PatternExpression,
    QualifiedName,
    ShortestPath,
)
from heimdall_lang_cypher.semantics_scope import (
    GROUPED,
    LOCAL,
    NESTED,
    SORTED,
    Checker,
    Scope,
    Severity,
    handles,
    type_of,
)
from heimdall_lang_cypher.signatures import (
    Signature,
    aggregating_functions,
    checked_at_run_time,
    instead_of_function,
)
from heimdall_lang_cypher.value_types import ANY, INTEGER, describe
from heimdall_lang_cypher.visitor import walk

_AGGREGATING = aggregating_functions()
_AT_RUN_TIME = checked_at_run_time()


def lowered(name: QualifiedName) -> str:
    """The name that a function or procedure is found under."""
    parts = name.parts
    return parts[0].lower() if len(parts) == 1 else ".".join(parts).lower()


def is_aggregation(node: Node) -> bool:
    """Whether `node` is a call of an aggregating function."""
    if isinstance(node, FunctionCall):
        return lowered(node.name) in _AGGREGATING
    return isinstance(node, CountStar)


@handles(CountStar)
def _count_star(node: CountStar, checker: Checker, scope: Scope) -> int:
    _enter_aggregation(node, "count(*)", checker)
    return INTEGER


@handles(FunctionCall)
def _call(node: FunctionCall, checker: Checker, scope: Scope) -> int:
    name = lowered(node.name)
    signature = checker.functions.get(name)
    if signature is None:
        return _unknown(node, name, checker, scope)
    if name in _AGGREGATING:
        mode = _enter_aggregation(node, f"{node.name.text}(…)", checker)
        given = _arguments(node, signature, checker, scope)
        checker.aggregation = mode
        if checker.version == 9:
            _check_repeatable(node, checker)
    else:
        if name == "exists" and _is_pattern(node):
            checker.testing = True
        elif name == "size" and _is_pattern(node):
            return _size_of_pattern(node, checker, scope)
        if node.distinct:
            checker.problem(
                "UnexpectedSyntax",
                f"DISTINCT is only for aggregating functions, not for {node.name.text}()",
                node,
            )
        given = _arguments(node, signature, checker, scope)
    return signature.result_type(given) if signature.follows else signature.result


def _check_repeatable(node: FunctionCall, checker: Checker) -> None:
    """openCypher aggregates nothing that differs from one evaluation to the next."""
    for each in walk(node):
        if isinstance(each, FunctionCall) and lowered(each.name) == "rand":
            checker.problem(
                "NonConstantExpression",
                "rand() cannot be aggregated: it differs at every evaluation",
                each,
                suggestion="WITH rand() AS r",
            )


def _enter_aggregation(node: Node, name: str, checker: Checker) -> int:
    """Checks that an aggregation may stand here. Returns the mode to go back to after it."""
    mode = checker.aggregation
    checker.aggregates += 1
    if mode == NESTED:
        checker.problem(
            "NestedAggregation", f"{name} stands inside another aggregating function", node
        )
    elif mode != GROUPED:
        where = "inside a comprehension" if mode == LOCAL else "here"
        checker.problem(
            "InvalidAggregation",
            f"{name} cannot be used {where}; aggregate in a WITH before",
            node,
            severity="warning" if mode == SORTED else "error",
        )
    if type(node) is FunctionCall:
        checker.aggregation = NESTED
    return mode


def _arguments(
    node: FunctionCall, signature: Signature, checker: Checker, scope: Scope
) -> list[int]:
    """Checks the arguments of a call of a known function; returns their types."""
    arguments = node.arguments
    given = [type_of(argument, checker, scope) for argument in arguments]
    if not signature.minimum <= len(arguments) <= signature.maximum:
        checker.problem(
            "InvalidNumberOfArguments",
            f"{signature.name}() takes {_count(signature)}, not {len(arguments)}",
            node,
        )
        return given
    for index, actual in enumerate(given):
        expected = signature.argument(index).type
        if not actual & expected:
            # The functions for lists and strings are called `length` in other languages.
            hint = "size(…)" if signature.name == "length" else ""
            at_run_time = signature.name.lower() in _AT_RUN_TIME
            checker.mismatch(
                describe(expected),
                actual,
                arguments[index],
                severity="warning" if at_run_time else "error",
                suggestion=hint,
            )
    return given


def _count(signature: Signature) -> str:
    """`no argument`, `1 argument`, `1 to 3 arguments`, `at least 1 argument`."""
    least, most = signature.minimum, signature.maximum
    if signature.variadic:
        return f"at least {least} argument{'s' * (least != 1)}"
    if least == most:
        return f"{least or 'no'} argument{'s' * (least > 1)}"
    return f"{least} to {most} arguments"


# --- patterns as arguments -----------------------------------------------------------------------


def _is_pattern(node: FunctionCall) -> bool:
    return (
        len(node.arguments) == 1
        and isinstance(node.arguments[0], PatternExpression)
        and not isinstance(node.arguments[0].pattern, ShortestPath)
    )


def _size_of_pattern(node: FunctionCall, checker: Checker, scope: Scope) -> int:
    """`size((a)-->())`: counted patterns before Neo4j 5."""
    pattern = node.arguments[0]
    checker.testing = True
    type_of(pattern, checker, scope)
    checker.problem(
        "UnexpectedSyntax",
        "size() takes no pattern (any more); a pattern can only be tested for existence",
        pattern,
        suggestion=f"COUNT {{ {checker.source(pattern)} }}",
    )
    return INTEGER


# --- unknown functions ---------------------------------------------------------------------------


def _unknown(node: FunctionCall, name: str, checker: Checker, scope: Scope) -> int:
    """A function that is not in the table of the dialect."""
    for argument in node.arguments:
        type_of(argument, checker, scope)
    namespace, dot, _ = name.partition(".")
    if dot and namespace in checker.namespaces:
        return ANY
    mark = checker.extensions.get(name)
    if mark is not None:
        _extension(node, mark, checker)
        return ANY
    severity = checker.unknown_function
    instead = instead_of_function(name)
    if instead or namespace in _COMPLETE:
        # Taken away, or never there.
        severity = "error"
    elif dot and not any(each.startswith(f"{namespace}.") for each in checker.extensions):
        # Users may write functions of their own, in namespaces of their own.
        severity = "warning"
    if not instead:
        known = [*(each.name for each in checker.functions.values()), *checker.extensions]
        instead = checker.nearest(name, known)
    checker.problem(
        "UnknownFunction",
        f"there is no function {node.name.text}()",
        node.name,
        severity=severity,
        suggestion=instead,
    )
    return ANY


#: Namespaces in which all functions are known.
_COMPLETE = frozenset(
    ("date", "datetime", "duration", "localdatetime", "localtime", "point", "time", "vector")
)

_MARKS: dict[str, tuple[Severity, str]] = {
    "plugin": ("info", "needs the database's APOC plugin"),
    "differs": ("warning", "runs, and gives something else than its documented example"),
    "unverified": ("warning", "is registered, but was not seen to work"),
}


def _extension(node: FunctionCall, mark: str, checker: Checker) -> None:
    """A function of an extension that is known to work in part."""
    if mark in _MARKS:
        severity, message = _MARKS[mark]
        checker.problem(
            "ExtensionFunction",
            f"{node.name.text}() {message}",
            node.name,
            severity=severity,
            kind="dialect",
        )

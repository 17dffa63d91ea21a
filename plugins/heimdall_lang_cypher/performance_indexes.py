"""Rules about indexes: whether one answers the tests of a pattern, and what keeps it from it."""

from __future__ import annotations

from typing import Final

from heimdall_lang_cypher import ast
from heimdall_lang_cypher import printer_names as names
from heimdall_lang_cypher.performance_report import (
    Component,
    Filter,
    Report,
    conjuncts,
    labels_of,
    names_in,
    property_of,
)

#: Functions whose result no index on their argument knows.
_CONVERSIONS: Final = frozenset(
    """
    abs ceil date datetime floor left localdatetime localtime lower ltrim replace reverse right
    round rtrim split substring time toboolean tofloat tointeger tolower tostring toupper trim upper
    """.split()  # noqa: SIM905 (reads better than thirty quoted words)
)


def check_index(
    group: Component,
    labels: dict[str, frozenset[str]],
    tests: list[Filter],
    report: Report,
) -> None:
    """Whether any test of the group can be answered by an index of the schema."""
    schema = report.schema
    if schema is None or not report.knows_indexes:
        return
    own = [
        (test, label)
        for test in tests
        for label in sorted(labels.get(test.variable, ()))
        if label in schema.nodes or label in schema.relationships
    ]
    if not own:
        return
    for test, label in own:
        kinds = ("TEXT",) if test.kind == "substring" else ()
        if schema.indexed(label, test.key, kinds):
            return
    order = ("equality", "prefix", "range", "substring")
    test, label = min(own, key=lambda pair: order.index(pair[0].kind))
    sort = "TEXT " if test.kind == "substring" else ""
    is_node = label in schema.nodes
    pattern = f"(n:{names.key(label)})" if is_node else f"()-[n:{names.key(label)}]-()"
    report.add(
        "NoApplicableIndex",
        "warning",
        test.node,
        f"no {sort}index on {test.key} of {label}: every {label} is looked at",
        f"CREATE {sort}INDEX FOR {pattern} ON (n.{names.key(test.key)})",
    )


def check_conversions(
    where: ast.Expression | None, groups: list[Component], report: Report
) -> None:
    """`toLower(n.name) = 'x'`, `n.age + 1 > 5`, `n[$key] = 1`: no index on the property helps."""
    labels: dict[str, frozenset[str]] = {}
    for group in groups:
        labels |= labels_of(group, where)
    for predicate in conjuncts(where):
        if isinstance(predicate, ast.Comparison):
            sides = predicate.operands
        elif isinstance(predicate, ast.BinaryPredicate):
            sides = (predicate.left,)
        else:
            continue
        for side in sides:
            if isinstance(side, ast.Subscript) and isinstance(side.subject, ast.Variable):
                _check_dynamic(side, side.subject.name, labels, report)
            tested = _converted(side)
            if tested is None or not labels.get(tested[0]):
                continue
            if report.knows_indexes and not _is_indexed(labels[tested[0]], tested[1], report):
                continue
            report.add(
                "IndexDefeated",
                "warning" if report.knows_indexes else "info",
                side,
                f"{tested[1]} is changed before it is compared: an index on it is of no use",
                f"compare {names.variable(tested[0])}.{names.key(tested[1])} as it is stored",
            )


def _is_indexed(labels: frozenset[str], key: str, report: Report) -> bool:
    schema = report.schema
    return schema is not None and any(schema.indexed(label, key) for label in labels)


def _converted(expression: ast.Expression) -> tuple[str, str] | None:
    """Variable and key of a property that stands in a conversion or calculation."""
    if isinstance(expression, ast.FunctionCall):
        if expression.name.text.lower() not in _CONVERSIONS or not expression.arguments:
            return None
        inner = expression.arguments[0]
        return property_of(inner) or _converted(inner)
    if isinstance(expression, ast.Arithmetic):
        found = [each for each in map(property_of, expression.operands) if each is not None]
        # `n.a / n.b > 2` and `n.a % 2 = 0` cannot be turned round to compare `n.a` alone.
        can_be_turned = len(found) == 1 and "%" not in expression.operators
        if can_be_turned and names_in(expression) == {found[0][0]}:
            return found[0]
    return None


def _check_dynamic(
    node: ast.Subscript, variable: str, labels: dict[str, frozenset[str]], report: Report
) -> None:
    if labels.get(variable) and not isinstance(node.index, ast.IntegerLiteral):
        report.add(
            "DynamicProperty",
            "info",
            node,
            "the property is chosen while the query runs, so that no index can be used",
        )

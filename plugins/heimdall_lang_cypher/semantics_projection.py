"""WITH and RETURN: columns, grouping, ORDER BY, SKIP, LIMIT, WHERE."""

from __future__ import annotations

from heimdall_lang_cypher.ast import (
    Expression,
    IntegerLiteral,
    MapProjection,
    Node,
    OrderLimit,
    Parameter,
    Projection,
    ProjectionItem,
    PropertyAccess,
    Return,
    Sign,
    SortItem,
    Variable,
    With,
)
from heimdall_lang_cypher.semantics_calls import is_aggregation
from heimdall_lang_cypher.semantics_grouping import (
    check_after_grouping,
    check_grouped_item,
    free_variables,
    subqueries,
)
from heimdall_lang_cypher.semantics_scope import (
    GROUPED,
    SORTED,
    UNGROUPED,
    Checker,
    Scope,
    Symbol,
    check_boolean,
    type_of,
)
from heimdall_lang_cypher.value_types import INTEGER
from heimdall_lang_cypher.visitor import walk


def project(clause: Projection, checker: Checker, scope: Scope) -> Scope:
    """Checks WITH or RETURN. Returns its columns, in order."""
    mode = checker.aggregation
    columns: Scope = {}
    if clause.star:
        columns.update(scope)
        if isinstance(clause, Return) and not scope:
            checker.problem("NoVariablesInScope", "RETURN * with nothing in scope", clause)
    first = checker.aggregates
    mixed: list[Expression] = []
    named: set[str] = set()
    checker.aggregation = GROUPED
    for item in clause.items:
        before = checker.aggregates
        symbol = _column(item, checker, scope)
        if checker.aggregates > before:
            mixed.append(item.expression)
        name = _column_name(item, clause, checker)
        if name in named:
            checker.problem(
                "ColumnNameConflict", f"two columns are called `{name}`", item.alias or item
            )
        named.add(name)
        if checker.outer:
            _check_hidden(name, symbol, item, checker)
        columns[name] = symbol
    grouped = checker.aggregates > first
    if mixed and clause.group_by is None:
        _check_grouping(clause, mixed, checker, scope)
    checker.aggregation = UNGROUPED
    if clause.order_by or clause.group_by is not None or getattr(clause, "where", None) is not None:
        _after(clause, grouped, checker, scope, columns)
    for limit in (clause.skip, clause.limit):
        if limit is not None:
            check_row_count(limit, checker)
    checker.aggregation = mode
    return columns


def _column(item: ProjectionItem, checker: Checker, scope: Scope) -> Symbol:
    """The symbol that an item gives: the same as before for a variable."""
    expression = item.expression
    if isinstance(expression, Variable):
        return checker.resolve(expression, scope)
    return Symbol(type_of(expression, checker, scope))


def _column_name(item: ProjectionItem, clause: Projection, checker: Checker) -> str:
    """The name of the column that an item gives: its alias, a variable's name, or its text."""
    expression = item.expression
    if item.alias is not None:
        return item.alias.name
    if isinstance(expression, Variable):
        return expression.name
    if isinstance(expression, MapProjection):
        return expression.variable.name
    name = checker.source(expression)
    if isinstance(clause, With):
        checker.problem(
            "NoExpressionAlias",
            f"`{name}` needs an alias in WITH",
            expression,
            suggestion=f"{name} AS …",
        )
    return name


def _check_hidden(name: str, symbol: Symbol, item: ProjectionItem, checker: Checker) -> None:
    """A column of a subquery cannot take the name of a variable that the subquery sees."""
    outer = checker.outer.get(name)
    if outer is not None and outer is not symbol:
        checker.problem(
            "VariableAlreadyBound",
            f"`{name}` is already defined outside of the subquery",
            item.alias or item,
        )


def _check_grouping(
    clause: Projection, mixed: list[Expression], checker: Checker, scope: Scope
) -> None:
    """Checks the items with an aggregation against those without."""
    keys: set[Expression] = set()
    names: set[str] = set(scope) if clause.star else set()
    for item in clause.items:
        if isinstance(item.expression, Variable):
            names.add(item.expression.name)
        elif isinstance(item.expression, PropertyAccess):
            keys.add(item.expression)
    for expression in mixed:
        check_grouped_item(expression, keys, names, scope, checker)


def _after(
    clause: Projection, grouped: bool, checker: Checker, scope: Scope, columns: Scope
) -> None:
    """Checks ORDER BY, WHERE and GROUP BY."""
    both = {**scope, **columns}
    if clause.group_by is not None:
        for key in clause.group_by.keys:
            type_of(key, checker, both)
        if not clause.group_by.all:
            _check_group_keys(clause, clause.group_by.keys, checker)
    expressions = [item.expression for item in clause.order_by]
    where = clause.where if isinstance(clause, With) else None
    if not grouped and not clause.distinct:
        checker.aggregation = SORTED if checker.version == 5 else UNGROUPED
        for expression in expressions:
            type_of(expression, checker, both)
        checker.aggregation = UNGROUPED
        if where is not None:
            check_boolean(where, checker, both)
        return
    projected = frozenset(item.expression for item in clause.items)
    visible = {**checker.outer, **columns}
    # Aggregations that are left are items of the projection: checked, and allowed.
    checker.aggregation = GROUPED
    for expression in expressions:
        if check_after_grouping(expression, projected, visible, scope, grouped, checker):
            type_of(expression, checker, both)
    if where is not None and check_after_grouping(
        where, projected, visible, scope, grouped, checker
    ):
        check_boolean(where, checker, both)
    checker.aggregation = UNGROUPED


def _check_group_keys(clause: Projection, keys: tuple[Expression, ...], checker: Checker) -> None:
    """With GROUP BY, what is not aggregated must be one of the keys."""
    names = {key.name for key in keys if isinstance(key, Variable)}
    for item in clause.items:
        expression = item.expression
        if (
            expression in keys
            or (item.alias is not None and item.alias.name in names)
            or not any(isinstance(each, Variable) for each in walk(expression))
            or any(is_aggregation(each) for each in walk(expression))
        ):
            continue
        text = checker.source(expression)
        checker.problem(
            "AmbiguousAggregationExpression",
            f"`{text}` is no key of GROUP BY",
            expression,
            suggestion=f"GROUP BY …, {text}",
        )


def check_row_count(node: Node, checker: Checker, least: int = 0) -> None:
    """Checks what stands after SKIP or LIMIT: a number that no row decides, `least` or more."""
    if isinstance(node, IntegerLiteral | Parameter):
        type_of(node, checker, {})
        if isinstance(node, IntegerLiteral) and node.value < least:
            checker.problem(
                "NegativeIntegerArgument", f"a number of rows must be {least} or more", node
            )
        return
    if isinstance(node, Sign) and isinstance(node.operand, IntegerLiteral):
        if node.operator == "-" and node.operand.value:
            checker.problem("NegativeIntegerArgument", "a number of rows cannot be negative", node)
        return
    varying = next(free_variables(node), None) or next(subqueries(node), None)
    if varying is not None:
        checker.problem(
            "NonConstantExpression",
            f"a number of rows cannot depend on `{checker.source(varying)}`",
            varying,
            suggestion="a literal or a parameter",
        )
        return
    actual = type_of(node, checker, {})
    if not actual & INTEGER:
        checker.mismatch("Integer", actual, node)


def check_order_limit(clause: OrderLimit, checker: Checker, scope: Scope) -> None:
    """Checks ORDER BY, SKIP and LIMIT that stand for themselves (Cypher 25)."""
    item: SortItem
    for item in clause.order_by:
        type_of(item.expression, checker, scope)
    for limit in (clause.skip, clause.limit):
        if limit is not None:
            check_row_count(limit, checker)

"""One spelling for each meaning, as far as no order is concerned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

from attrs import evolve

from heimdall_lang_cypher import ast
from heimdall_lang_cypher.normalise_patterns import Decomposer
from heimdall_lang_cypher.normalise_scopes import keep_aliases, rename_locals
from heimdall_lang_cypher.normalise_tree import (
    KEPT,
    LOCAL,
    has_star,
    is_literal,
    is_value,
    rebuild,
    volatile,
)
from heimdall_lang_cypher.visitor import walk

N = TypeVar("N", bound=ast.Node)

_MIRRORED: dict[str, ast.ComparisonOperator] = {">": "<", ">=": "<=", "<": ">", "<=": ">="}
_OPPOSITE: dict[str, ast.ComparisonOperator] = {"=": "<>", "<>": "="}
#: Expressions of a `RETURN` that change nothing about how many rows there are.
_PLAIN = (ast.Variable, ast.PropertyAccess, ast.IntegerLiteral, ast.BooleanLiteral)


def rewrite(statement: ast.Statement) -> ast.Statement:
    """The statement in the spelling that the canonical form has, in whatever order it was."""
    plain = keep_aliases(statement)
    if has_star(statement):
        # What has no name must get none, for `*` stands for all names.
        return _Rewriter(None).simplify(plain)
    plain = rename_locals(plain)
    if any(isinstance(node, ast.Show) for node in walk(plain)):
        return _Rewriter(None).simplify(plain)  # Names matter there too.
    names = Counter(node.name for node in walk(plain) if isinstance(node, ast.Variable))
    # A variable that is named once is as good as none.
    used = frozenset(name for name, count in names.items() if count > 1)
    return _Rewriter(Decomposer(used)).simplify(plain)


class _Rewriter:
    """Applies the rules of each class, from the leaves up. Without a decomposer, patterns stay as
    they are."""

    def __init__(self, decomposer: Decomposer | None) -> None:
        self._decomposer = decomposer
        self._rules: dict[type, Callable[[Any], Any]] = {
            ast.And: self._connective,
            ast.Or: self._connective,
            ast.Xor: self._connective,
            ast.Not: self._not,
            ast.Comparison: _comparison,
            ast.BinaryPredicate: _binary_predicate,
            ast.LabelPredicate: _label_predicate,
            ast.LabelAnd: _flat_labels,
            ast.LabelOr: _flat_labels,
            ast.FunctionCall: self._call,
            ast.Parameter: lambda node: ast.Parameter(node.name),
            ast.ExistsSubquery: self._subquery,
            ast.CountSubquery: self._subquery,
            ast.MapProjection: _map_projection,
            ast.PathLength: _path_length,
            ast.RelationshipPattern: _relationship,
            ast.YieldItem: _yield_item,
            ast.With: self._with,
            ast.Match: self._match,
            ast.Create: self._create,
        }

    def simplify(self, node: N) -> N:
        rebuilt: N = rebuild(node, self.simplify)
        rule = self._rules.get(type(rebuilt))
        return rule(rebuilt) if rule is not None else rebuilt

    def _predicate(self, node: Any) -> Any:
        """A pattern where a truth value is wanted asks whether there is one."""
        if isinstance(node, ast.PatternExpression) and isinstance(node.pattern, ast.PathPattern):
            clause = self._match(ast.Match((ast.PatternPart(node.pattern),)))
            return ast.ExistsSubquery(ast.SingleQuery((clause,)))
        return node

    def _connective(self, node: ast.And | ast.Or | ast.Xor) -> ast.Expression:
        kind = type(node)
        operands: list[ast.Expression] = []
        for operand in node.operands:
            operands += (
                operand.operands if isinstance(operand, kind) else [self._predicate(operand)]
            )
        return kind(tuple(operands))

    def _not(self, node: ast.Not) -> ast.Expression:
        operand = self._predicate(node.operand)
        if isinstance(operand, ast.Comparison) and len(operand.operators) == 1:
            opposite = _OPPOSITE.get(operand.operators[0])
            if opposite:
                return ast.Comparison(operand.operands, (opposite,))
        if isinstance(operand, ast.NullPredicate):
            return ast.NullPredicate(operand.operand, not operand.negated)
        return ast.Not(operand)

    def _call(self, node: ast.FunctionCall) -> ast.Expression:
        if len(node.name.parts) > 1:
            return node
        name = node.name.text.lower()
        if name == "exists" and len(node.arguments) == 1:
            argument = node.arguments[0]
            if isinstance(argument, ast.PropertyAccess):
                return ast.NullPredicate(argument, negated=True)
            if isinstance(argument, ast.PatternExpression):
                return self._predicate(argument)  # type: ignore[no-any-return]
        return evolve(node, name=ast.QualifiedName((name,)))

    def _subquery(self, node: ast.ExistsSubquery | ast.CountSubquery) -> ast.Expression:
        """A body of clauses, without a `RETURN` that changes nothing."""
        query = node.query
        if isinstance(query, ast.PatternQuery):
            clause = ast.Match(query.patterns, where=query.where, mode=query.mode)
            return evolve(node, query=ast.SingleQuery((self._match(clause),)))
        if isinstance(query, ast.SingleQuery) and len(query.clauses) > 1:
            last = query.clauses[-1]
            if (
                isinstance(last, ast.Return)
                # After another RETURN it is a mistake, which stays.
                and not isinstance(query.clauses[-2], ast.Return)
                and not (last.distinct or last.star or last.skip or last.limit or last.group_by)
                and all(isinstance(item.expression, _PLAIN) for item in last.items)
            ):
                return evolve(node, query=ast.SingleQuery(query.clauses[:-1]))
        return node

    def _match(self, node: ast.Match) -> ast.Match:
        clause = evolve(node, where=self._predicate(node.where))
        return clause if self._decomposer is None else self._decomposer.match(clause)

    def _create(self, node: ast.Create) -> ast.Create:
        clause = ast.Create(node.patterns)
        return clause if self._decomposer is None else self._decomposer.create(clause)

    def _with(self, node: ast.With) -> ast.With:
        items = tuple(
            ast.ProjectionItem(item.expression) if item.expression == item.alias else item
            for item in node.items
        )
        return evolve(node, items=items, where=self._predicate(node.where))


def _comparison(node: ast.Comparison) -> ast.Expression:
    if any(isinstance(operand, ast.CaseSubject) for operand in node.operands):
        return node
    if len(node.operators) > 1:
        if any(volatile(operand) for operand in node.operands[1:-1]):
            return node
        pairs = zip(node.operands, node.operands[1:], strict=False)
        return ast.And(
            tuple(
                _comparison(ast.Comparison(pair, (operator,)))
                for pair, operator in zip(pairs, node.operators, strict=True)
            )
        )
    operator = node.operators[0]
    left, right = map(is_value, node.operands)
    # A value stands at the right; between two values, or none, the smaller one stands left.
    if (operator in _MIRRORED and left > right) or (operator[0] == ">" and left == right):
        return ast.Comparison(node.operands[::-1], (_MIRRORED[operator],))
    return node


def _binary_predicate(node: ast.BinaryPredicate) -> ast.Expression:
    """`x IN [2, 1]`: a list of values is a set there."""
    right = node.right
    if node.operator != "IN" or not isinstance(right, ast.ListLiteral):
        return node
    if not all(map(is_literal, right.items)):
        return node
    items = tuple(sorted(dict.fromkeys(right.items), key=repr))
    return evolve(node, right=ast.ListLiteral(items))


def _label_predicate(node: ast.LabelPredicate) -> ast.Expression:
    plain = ast.LabelPredicate(node.operand, node.labels)
    return ast.Not(plain) if node.negated else plain


def _flat_labels(node: ast.LabelAnd | ast.LabelOr) -> ast.LabelExpression:
    kind = type(node)
    operands: list[ast.LabelExpression] = []
    for operand in node.operands:
        operands += operand.operands if isinstance(operand, kind) else [operand]
    return kind(tuple(operands))


def _map_projection(node: ast.MapProjection) -> ast.MapProjection:
    """An entry that is named after its variable keeps that name when the variable loses it."""
    items = tuple(
        ast.MapEntry(ast.Name(item.variable.name.split(LOCAL)[0]), item.variable)
        if isinstance(item, ast.VariableSelector)
        else item
        for item in node.items
    )
    return evolve(node, items=items)


def _yield_item(node: ast.YieldItem) -> ast.YieldItem:
    """The name of a procedure's column is not ours to choose; the variable's is."""
    return ast.YieldItem(ast.Variable(KEPT + node.column.name), node.alias or node.column)


def _path_length(node: ast.PathLength) -> ast.PathLength:
    return evolve(node, lower=1) if node.lower is None else node


def _relationship(node: ast.RelationshipPattern) -> ast.RelationshipPattern:
    return evolve(node, direction="--") if node.direction == "<->" else node

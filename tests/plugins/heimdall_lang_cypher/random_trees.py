"""Random syntax trees, for round trips: valid to the parser, mostly nonsense to a database."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, TypeVar

from heimdall_lang_cypher import ast

T = TypeVar("T")

NAMES = [
    "n",
    "m",
    "order",
    "RETURN",
    "a b",
    "x`y",
    "count",
    "null",
    "é",
    "in",
    "Case",
    "exists",
    "s",
]
LETTERS = "ab \\'\"\n\t`{}$é\u0001\U0001f600"
COMPARISONS = ["=", "<>", "<", "<=", ">", ">="]
PREDICATES = ["=~", "STARTS WITH", "ENDS WITH", "CONTAINS", "IN"]


class TreeBuilder:
    """Makes trees up to a depth, from one seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    # --- choices --------------------------------------------------------------------------------

    def pick(self, values: Any) -> Any:
        return self.random.choice(values)

    def flip(self) -> bool:
        return self.random.random() < 0.5

    def maybe(self, make: Callable[..., T], *arguments: Any) -> T | None:
        return make(*arguments) if self.flip() else None

    def several(
        self, make: Callable[..., T], *arguments: Any, least: int = 1, most: int = 3
    ) -> tuple[T, ...]:
        return tuple(make(*arguments) for _ in range(self.random.randint(least, most)))

    # --- names ----------------------------------------------------------------------------------

    def variable(self) -> ast.Variable:
        return ast.Variable(self.pick(NAMES))

    def name(self) -> ast.Name:
        return ast.Name(self.pick(NAMES))

    def qualified(self) -> ast.QualifiedName:
        return ast.QualifiedName(self.several(self.pick, NAMES, most=2))

    # --- expressions ----------------------------------------------------------------------------

    def leaf(self) -> ast.Expression:
        return self.pick(
            [
                self.variable(),
                ast.Parameter(self.pick(NAMES)),
                ast.IntegerLiteral(self.random.choice([0, 7, 10**30])),
                ast.FloatLiteral(self.random.choice([0.0, 1.5, 1e22, 5e-324, 0.1])),
                ast.StringLiteral("".join(self.several(self.pick, LETTERS, least=0, most=6))),
                ast.BooleanLiteral(self.flip()),
                ast.NullLiteral(),
                ast.CountStar(),
                ast.ConstantLiteral("INF"),
            ]
        )

    def expression(self, depth: int) -> ast.Expression:
        """An expression of up to about `depth` levels."""
        if depth <= 0 or self.random.random() < 0.15:
            return self.leaf()
        make = self.pick(
            [
                self.operator,
                self.operator,
                self.operator,
                self.predicate,
                self.postfix,
                self.call,
                self.collection,
                self.case,
                self.subquery,
                self.pattern_value,
            ]
        )
        return make(depth - 1)

    def operator(self, depth: int) -> ast.Expression:
        kind = self.pick([ast.And, ast.Or, ast.Xor, ast.Not, ast.Sign, ast.Comparison, "a", "a"])
        if kind is ast.Not:
            return ast.Not(self.expression(depth))
        if kind is ast.Sign:
            return ast.Sign(self.pick("+-"), self.expression(depth))
        operands = self.several(self.expression, depth, least=2)
        if kind is ast.Comparison:
            return ast.Comparison(operands, tuple(self.pick(COMPARISONS) for _ in operands[1:]))
        if kind == "a":
            level = self.pick([["+", "-", "||"], ["*", "/", "%"], ["^"]])
            return ast.Arithmetic(operands, tuple(self.pick(level) for _ in operands[1:]))
        return kind(operands)

    def predicate(self, depth: int) -> ast.Expression:
        inner = self.expression(depth)
        return self.predicate_on(inner, depth)

    def predicate_on(self, subject: ast.Expression, depth: int) -> ast.Expression:
        kind = self.random.randrange(5)
        if kind == 0:
            return ast.NullPredicate(subject, self.flip())
        if kind == 1:
            return ast.TypePredicate(subject, self.type(1), self.flip())
        if kind == 2:
            return ast.NormalisedPredicate(subject, self.pick(["", "NFC"]), self.flip())
        if kind == 3:
            return ast.LabelPredicate(subject, self.labels(depth), self.flip())
        return ast.BinaryPredicate(self.pick(PREDICATES), subject, self.expression(depth))

    def postfix(self, depth: int) -> ast.Expression:
        subject = self.expression(depth)
        kind = self.random.randrange(4)
        if kind == 0:
            return ast.Subscript(subject, self.expression(depth))
        if kind == 1:
            lower, upper = self.maybe(self.expression, depth), self.maybe(self.expression, depth)
            return ast.Slice(subject, lower, upper)
        return ast.PropertyAccess(subject, self.name())

    def call(self, depth: int) -> ast.Expression:
        kind = self.random.randrange(5)
        e = self.expression
        if kind == 0:
            return ast.Reduce(self.variable(), e(depth), self.variable(), e(depth), e(depth))
        if kind == 1:
            quantifier = self.pick(["ALL", "ANY", "NONE", "SINGLE"])
            return ast.ListPredicate(quantifier, self.variable(), e(depth), self.maybe(e, depth))
        distinct = kind == 2
        arguments = self.several(e, depth, least=int(distinct))
        return ast.FunctionCall(self.qualified(), arguments, distinct)

    def collection(self, depth: int) -> ast.Expression:
        kind = self.random.randrange(4)
        if kind == 0:
            return ast.ListLiteral(self.several(self.expression, depth, least=0))
        if kind == 1:
            return self.map(depth)
        if kind == 2:
            items = self.several(self.projection_entry, depth, least=0)
            return ast.MapProjection(self.variable(), items)
        return ast.ListComprehension(
            self.variable(),
            self.expression(depth),
            self.maybe(self.expression, depth),
            self.maybe(self.expression, depth),
        )

    def map(self, depth: int) -> ast.MapLiteral:
        return ast.MapLiteral(self.several(self.entry, depth, least=0))

    def entry(self, depth: int) -> ast.MapEntry:
        return ast.MapEntry(self.name(), self.expression(depth))

    def projection_entry(self, depth: int) -> Any:
        kind = self.random.randrange(4)
        if kind == 0:
            return self.entry(depth)
        if kind == 1:
            return ast.VariableSelector(self.variable())
        return ast.AllPropertiesSelector() if kind == 2 else ast.PropertySelector(self.name())

    def case(self, depth: int) -> ast.Expression:
        subject = self.maybe(self.expression, depth)
        alternatives = self.several(self.alternative, depth, subject is not None)
        return ast.Case(subject, alternatives, self.maybe(self.expression, depth))

    def alternative(self, depth: int, has_subject: bool) -> ast.CaseAlternative:
        most = 2 if has_subject else 1
        conditions = self.several(self.condition, depth, has_subject, most=most)
        return ast.CaseAlternative(conditions, self.expression(depth))

    def condition(self, depth: int, has_subject: bool) -> ast.Expression:
        kind = self.random.randrange(3) if has_subject else 0
        if kind == 1:
            operands = (ast.CaseSubject(), self.expression(depth))
            return ast.Comparison(operands, (self.pick(COMPARISONS),))
        if kind == 2:
            return self.predicate_on(ast.CaseSubject(), depth)
        return self.expression(depth)

    def subquery(self, depth: int) -> ast.Expression:
        kind = self.pick([ast.ExistsSubquery, ast.CountSubquery, ast.CollectSubquery])
        if kind is ast.CollectSubquery or self.flip():
            return kind(self.query(depth - 1))
        patterns = self.several(self.part, depth - 1, most=2)
        return kind(ast.PatternQuery(patterns, self.maybe(self.expression, depth - 1)))

    def pattern_value(self, depth: int) -> ast.Expression:
        path = self.path(depth - 1, least=1, quantified=False)
        if self.flip():
            return ast.PatternExpression(path)
        return ast.PatternComprehension(
            path,
            self.expression(depth),
            self.maybe(self.variable),
            self.maybe(self.expression, depth),
        )

    def type(self, depth: int) -> ast.TypeExpression:
        kind = self.random.randrange(4) if depth else 3
        if kind == 0:
            members = self.several(self.type, 0, least=2)
            return ast.UnionType(members)
        if kind == 1:
            return ast.ListType(self.type(depth - 1), self.flip())
        if kind == 2:
            dimension = self.maybe(self.random.randint, 1, 9)
            return ast.VectorType(self.pick(["", "FLOAT32"]), dimension, self.flip())
        names = ["INTEGER", "STRING", "ZONED DATETIME", "ANY", "PROPERTY VALUE", "LOCAL TIME"]
        return ast.TypeName(self.pick(names), self.flip())

    # --- patterns -------------------------------------------------------------------------------

    def labels(self, depth: int) -> ast.LabelExpression:
        kind = self.random.randrange(4) if depth > 0 else 3
        if kind == 0:
            return self.pick([ast.LabelAnd, ast.LabelOr])(
                self.several(self.labels, depth - 1, least=2)
            )
        if kind == 1:
            return ast.LabelNot(self.labels(depth - 1))
        if kind == 2:
            quantifier = self.pick(["", "ALL", "ANY"])
            return ast.DynamicLabel(self.expression(depth - 2), quantifier)
        return (
            ast.LabelWildcard() if self.random.random() < 0.2 else ast.LabelName(self.pick(NAMES))
        )

    def node(self, depth: int) -> ast.NodePattern:
        return ast.NodePattern(
            self.maybe(self.variable),
            self.maybe(self.labels, depth - 1),
            self.maybe(self.map, depth - 1),
            self.maybe(self.expression, depth - 1),
        )

    def relationship(self, depth: int, quantified: bool) -> ast.RelationshipPattern:
        number = self.random.randint
        length = ast.PathLength(self.maybe(number, 0, 3), self.maybe(number, 0, 3))
        return ast.RelationshipPattern(
            self.pick(["->", "<-", "--", "<->"]),
            self.maybe(self.variable),
            self.maybe(self.labels, depth - 1),
            self.pick([None, length]),
            self.maybe(self.map, depth - 1),
            self.maybe(self.expression, depth - 1),
            self.maybe(self.quantifier) if quantified else None,
        )

    def quantifier(self) -> ast.Quantifier:
        return ast.Quantifier(self.random.randint(0, 3), self.maybe(self.random.randint, 0, 3))

    def path(self, depth: int, least: int = 0, quantified: bool = True) -> ast.PathPattern:
        elements: list[Any] = [self.node(depth)]
        for _ in range(self.random.randint(least, 2)):
            elements += [self.relationship(depth, quantified), self.node(depth)]
        return ast.PathPattern(tuple(elements))

    def part(self, depth: int) -> ast.PatternPart:
        kind = self.random.randrange(5)
        if kind == 0:
            shortest = ast.ShortestPath(self.path(depth, least=1), self.flip())
            return ast.PatternPart(shortest, self.maybe(self.variable))
        if kind == 1:
            inner = self.several(self.parenthesised, depth, most=2)
            return ast.PatternPart(ast.PathPattern(inner))
        selector = self.selector() if kind == 2 else None
        return ast.PatternPart(self.path(depth), self.maybe(self.variable), selector)

    def parenthesised(self, depth: int) -> ast.ParenthesisedPath:
        pattern = ast.PatternPart(self.path(depth, least=1))
        where = self.maybe(self.expression, depth - 1)
        return ast.ParenthesisedPath(pattern, where, self.maybe(self.quantifier))

    def selector(self) -> ast.PathSelector:
        kind = self.pick(
            ["ALL", "ANY", "ANY SHORTEST", "ALL SHORTEST", "SHORTEST", "SHORTEST GROUPS"]
        )
        count = 2 if kind == "SHORTEST" else None
        if kind in ("ANY", "SHORTEST GROUPS"):
            count = self.maybe(self.random.randint, 1, 3)
        return ast.PathSelector(kind, count, self.pick(["", "WALK", "TRAIL", "ACYCLIC"]))

    # --- queries --------------------------------------------------------------------------------

    def query(self, depth: int) -> ast.SingleQuery:
        """Clauses in any order."""
        return ast.SingleQuery(self.several(self.clause, depth))

    def clause(self, depth: int) -> ast.Clause:
        e = self.expression
        kind = self.random.randrange(12)
        if kind < 3:
            patterns = self.several(self.part, depth, most=2)
            return ast.Match(patterns, self.maybe(e, depth), self.flip())
        if kind < 5:
            return ast.Return(*self.projection(depth))
        if kind == 5:
            return ast.With(*self.projection(depth), self.maybe(e, depth))
        if kind == 6:
            return ast.Unwind(e(depth), self.variable())
        if kind == 7:
            actions = self.several(self.merge_action, depth, least=0, most=2)
            return ast.Merge(self.part(depth), actions)
        if kind == 8:
            return ast.Set(self.several(self.set_item, depth))
        if kind == 9:
            return ast.Delete(self.several(e, depth), self.pick(["", "DETACH", "NODETACH"]))
        if kind == 10:
            scope = ast.SubqueryScope(self.several(self.variable, least=0))
            transactions = ast.InTransactions(True, self.maybe(e, depth), self.maybe(e, depth))
            return ast.CallSubquery(
                self.query(depth - 1), self.pick([None, scope]), self.pick([None, transactions])
            )
        arguments = self.maybe(self.several, e, depth)
        return ast.CallProcedure(self.qualified(), arguments)

    def projection(self, depth: int) -> tuple[Any, ...]:
        e = self.expression
        return (
            self.several(lambda: ast.ProjectionItem(e(depth), self.maybe(self.variable))),
            self.flip(),
            self.flip(),
            None,
            self.several(lambda: ast.SortItem(e(depth), self.flip()), least=0),
            self.maybe(e, depth),
            self.maybe(e, depth),
        )

    def set_item(self, depth: int) -> ast.SetItem:
        kind = self.random.randrange(3)
        if kind == 0:
            labels = self.several(lambda: ast.LabelName(self.pick(NAMES)))
            return ast.SetLabels(self.variable(), labels)
        if kind == 1:
            return ast.SetProperties(self.variable(), self.expression(depth), self.flip())
        target = ast.PropertyAccess(self.variable(), self.name())
        return ast.SetProperty(target, self.expression(depth))

    def merge_action(self, depth: int) -> ast.MergeAction:
        return ast.MergeAction(self.pick(["CREATE", "MATCH"]), self.several(self.set_item, depth))

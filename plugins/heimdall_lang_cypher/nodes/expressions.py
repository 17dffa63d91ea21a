"""Literals and operators. From loosest to tightest: Or, Xor, And, Not, Comparison, the predicates,
Arithmetic (one node per level: `+ - ||`, `* / %`, `^`), Sign, postfix (`.key`, `[i]`, `[i..j]`),
atoms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import field, frozen

from heimdall_lang_cypher.nodes.base import (
    Expression,
    Name,
    Node,
    TypeExpression,
)

if TYPE_CHECKING:
    from heimdall_lang_cypher.nodes.patterns import LabelExpression

# --- literals ------------------------------------------------------------------------------------


@frozen
class IntegerLiteral(Expression):
    """`42`, `0x2A`, `0o52`, `1_000`. Never negative: `-1` is `Sign("-", IntegerLiteral(1))`.
    Not limited to 64 bits, so that a check can say what overflows."""

    value: int


@frozen
class FloatLiteral(Expression):
    """`1.5`, `.5`, `6e-3`. Infinite where it overflows."""

    value: float
    text: str = field(default="", eq=False, repr=False)
    """As written."""


@frozen
class StringLiteral(Expression):
    """`'…'` or `"…"`."""

    value: str
    """Escapes resolved."""


@frozen
class InterpolatedString(Expression):
    """`s'Hello {name}'` (Cypher 25)."""

    parts: tuple[Expression, ...]
    """`StringLiteral`s for the text, other expressions for what stands in braces."""


@frozen
class BooleanLiteral(Expression):
    """`true` or `false`."""

    value: bool


@frozen
class NullLiteral(Expression):
    """`null`."""


@frozen
class ConstantLiteral(Expression):
    """`INF` (also `INFINITY`) or `NAN`."""

    name: Literal["INF", "NAN"]


@frozen
class ListLiteral(Expression):
    """`[1, 2]`."""

    items: tuple[Expression, ...]


@frozen
class MapEntry(Node):
    """`key: value` in a map or a map projection."""

    key: Name
    value: Expression


@frozen
class MapLiteral(Expression):
    """`{a: 1, b: 2}`."""

    entries: tuple[MapEntry, ...]


# --- operators -----------------------------------------------------------------------------------


@frozen
class Or(Expression):
    """`a OR b OR c`: at least two operands; `(a OR b) OR c` keeps its inner node."""

    operands: tuple[Expression, ...]


@frozen
class Xor(Expression):
    """`a XOR b`: at least two operands."""

    operands: tuple[Expression, ...]


@frozen
class And(Expression):
    """`a AND b`: at least two operands."""

    operands: tuple[Expression, ...]


@frozen
class Not(Expression):
    """`NOT a`."""

    operand: Expression


ComparisonOperator = Literal["=", "<>", "<", "<=", ">", ">="]


@frozen
class Comparison(Expression):
    """`a < b <= c`: means `a < b AND b <= c`."""

    operands: tuple[Expression, ...]
    operators: tuple[ComparisonOperator, ...]
    """One fewer than the operands. `!=` is read as `<>`."""


PredicateOperator = Literal["=~", "STARTS WITH", "ENDS WITH", "CONTAINS", "IN"]


@frozen
class BinaryPredicate(Expression):
    """`name STARTS WITH 'A'`, `x IN list`, `name =~ 'A.*'`."""

    operator: PredicateOperator
    left: Expression
    right: Expression


@frozen
class NullPredicate(Expression):
    """`x IS [NOT] NULL`."""

    operand: Expression
    negated: bool = False


@frozen
class TypePredicate(Expression):
    """`x IS [NOT] :: INTEGER`, also spelt `x IS TYPED INTEGER` or `x :: INTEGER`."""

    operand: Expression
    type: TypeExpression
    negated: bool = False


@frozen
class NormalisedPredicate(Expression):
    """`s IS [NOT] [NFC] NORMALIZED`."""

    operand: Expression
    form: Literal["", "NFC", "NFD", "NFKC", "NFKD"] = ""
    negated: bool = False


@frozen
class LabelPredicate(Expression):
    """`n:Person`, `r:KNOWS|LIKES`, `n IS [NOT] [LABELED] Person`."""

    operand: Expression
    labels: LabelExpression
    negated: bool = False
    keyword: bool = field(default=False, eq=False)
    """Whether it is spelt with `IS`. Spelling only where `negated` is false."""


ArithmeticOperator = Literal["+", "-", "||", "*", "/", "%", "^"]


@frozen
class Arithmetic(Expression):
    """`a + b - c`: one level of precedence, evaluated from the left (`^` too, as in Neo4j)."""

    operands: tuple[Expression, ...]
    operators: tuple[ArithmeticOperator, ...]
    """One fewer than the operands, all of one level: `+ - ||`, or `* / %`, or `^`."""


@frozen
class Sign(Expression):
    """`-a` or `+a`. Binds tighter than `^`."""

    operator: Literal["-", "+"]
    operand: Expression


@frozen
class PropertyAccess(Expression):
    """`subject.key`."""

    subject: Expression
    key: Name


@frozen
class Subscript(Expression):
    """`subject[index]`: an item of a list, a value of a map, a property by its computed name."""

    subject: Expression
    index: Expression


@frozen
class Slice(Expression):
    """`subject[lower..upper]`."""

    subject: Expression
    lower: Expression | None = None
    upper: Expression | None = None

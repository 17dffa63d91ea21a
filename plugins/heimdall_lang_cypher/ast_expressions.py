"""Expressions. From loosest to tightest: Or, Xor, And, Not, Comparison, the predicates,
Arithmetic (one node per level: `+ - ||`, `* / %`, `^`), Sign, postfix (`.key`, `[i]`, `[i..j]`),
atoms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import field, frozen

from heimdall_lang_cypher.ast_base import (
    Expression,
    Name,
    Node,
    QualifiedName,
    TypeExpression,
    Variable,
)

if TYPE_CHECKING:
    from heimdall_lang_cypher.ast_clauses import Query
    from heimdall_lang_cypher.ast_patterns import (
        LabelExpression,
        PathPattern,
        PatternPart,
        ShortestPath,
    )

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


# --- calls ---------------------------------------------------------------------------------------


@frozen
class FunctionCall(Expression):
    """`name([DISTINCT] arguments)`, aggregations included; `count(*)` is `CountStar`."""

    name: QualifiedName
    """As written; functions are found without regard to case."""
    arguments: tuple[Expression, ...] = ()
    distinct: bool = False


@frozen
class CountStar(Expression):
    """`count(*)`."""


@frozen
class Keyword(Expression):
    """A word that is an argument by itself: `NFC` in `normalize(s, NFC)`, `EUCLIDEAN`,
    `FLOAT32`."""

    name: str
    """In capitals."""


@frozen
class Trim(Expression):
    """`trim([BOTH|LEADING|TRAILING] [character] FROM source)`; the plain `trim(source)` is a
    `FunctionCall`."""

    mode: Literal["", "BOTH", "LEADING", "TRAILING"]
    character: Expression | None
    source: Expression


@frozen
class PropertyExists(Expression):
    """`property_exists(variable, key)` (GQL)."""

    variable: Variable
    key: Name


# --- CASE ----------------------------------------------------------------------------------------


@frozen
class CaseSubject(Expression):
    """Stands for the subject of a simple `CASE` in an alternative that names only the rest of a
    predicate: `WHEN > 5` is `Comparison((CaseSubject(), 5), (">",))`. Has no text."""


@frozen
class CaseAlternative(Node):
    """`WHEN conditions THEN result`. Several conditions only in a `CASE` with a subject."""

    conditions: tuple[Expression, ...]
    """With a subject: a value to compare it with, or a predicate over `CaseSubject`."""
    result: Expression


@frozen
class Case(Expression):
    """`CASE [subject] WHEN … THEN … [ELSE default] END`."""

    subject: Expression | None
    alternatives: tuple[CaseAlternative, ...]
    default: Expression | None = None


# --- maps, lists and patterns as values ----------------------------------------------------------


@frozen
class PropertySelector(Node):
    """`.key` in a map projection."""

    key: Name


@frozen
class VariableSelector(Node):
    """`variable` in a map projection: an entry by its name."""

    variable: Variable


@frozen
class AllPropertiesSelector(Node):
    """`.*` in a map projection."""


@frozen
class MapProjection(Expression):
    """`person {.name, age: 2, friends, .*}`."""

    variable: Variable
    items: tuple[MapEntry | PropertySelector | VariableSelector | AllPropertiesSelector, ...]


@frozen
class ListComprehension(Expression):
    """`[variable IN source WHERE predicate | projection]`."""

    variable: Variable
    source: Expression
    predicate: Expression | None = None
    projection: Expression | None = None


@frozen
class PatternComprehension(Expression):
    """`[variable = pattern WHERE predicate | projection]`."""

    pattern: PathPattern
    projection: Expression
    variable: Variable | None = None
    predicate: Expression | None = None


@frozen
class Reduce(Expression):
    """`reduce(accumulator = initial, variable IN source | expression)`."""

    accumulator: Variable
    initial: Expression
    variable: Variable
    source: Expression
    expression: Expression


@frozen
class AllReduce(Expression):
    """`allReduce(accumulator = initial, variable IN source | expression, predicate)`."""

    accumulator: Variable
    initial: Expression
    variable: Variable
    source: Expression
    expression: Expression
    predicate: Expression


@frozen
class ListPredicate(Expression):
    """`all(variable IN source WHERE predicate)`."""

    quantifier: Literal["ALL", "ANY", "NONE", "SINGLE"]
    variable: Variable
    source: Expression
    predicate: Expression | None = None
    """Missing only in text that Neo4j refuses later."""


@frozen
class PatternExpression(Expression):
    """A pattern where a value stands: `WHERE (a)-->(b)`, `shortestPath((a)-[*]->(b))`,
    `size((a)-->())` (which parses, and is refused later)."""

    pattern: PathPattern | ShortestPath


# --- subqueries as values ------------------------------------------------------------------------


@frozen
class PatternQuery(Node):
    """`[MATCH] patterns [WHERE predicate]` as the whole body of `EXISTS {}` or `COUNT {}`, in the
    short form without `MATCH`. With `MATCH` and no `RETURN` it is a `SingleQuery`."""

    patterns: tuple[PatternPart, ...]
    where: Expression | None = None
    mode: Literal["", "REPEATABLE ELEMENTS", "DIFFERENT RELATIONSHIPS"] = ""


@frozen
class ExistsSubquery(Expression):
    """`EXISTS { … }`."""

    query: PatternQuery | Query


@frozen
class CountSubquery(Expression):
    """`COUNT { … }`."""

    query: PatternQuery | Query


@frozen
class CollectSubquery(Expression):
    """`COLLECT { … }`."""

    query: Query

"""Expressions with a form of their own: calls, `CASE`, comprehensions, subqueries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import frozen

from heimdall_lang_cypher.nodes.base import Expression, Name, Node, QualifiedName, Variable
from heimdall_lang_cypher.nodes.expressions import MapEntry
from heimdall_lang_cypher.nodes.patterns import PathPattern, PatternPart, ShortestPath

if TYPE_CHECKING:
    from heimdall_lang_cypher.nodes.queries import Query

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

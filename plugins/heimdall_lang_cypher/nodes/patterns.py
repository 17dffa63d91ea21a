"""Graph patterns and label expressions."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen

from heimdall_lang_cypher.nodes.base import Expression, Node, Parameter, Variable
from heimdall_lang_cypher.nodes.expressions import MapLiteral

# --- labels and relationship types ---------------------------------------------------------------


@frozen
class LabelExpression(Node):
    """What stands after the colon of a node or relationship, or in a `LabelPredicate`."""


@frozen
class LabelName(LabelExpression):
    """A label, or a relationship type."""

    name: str


@frozen
class LabelWildcard(LabelExpression):
    """`%`: any label."""


@frozen
class DynamicLabel(LabelExpression):
    """`$(expression)`, `$all(expression)`, `$any(expression)`."""

    expression: Expression
    quantifier: Literal["", "ALL", "ANY"] = ""


@frozen
class LabelNot(LabelExpression):
    """`!A`."""

    operand: LabelExpression


@frozen
class LabelAnd(LabelExpression):
    """`A&B` or `:A:B`: at least two operands."""

    operands: tuple[LabelExpression, ...]
    colons: bool = field(default=False, eq=False)
    """Whether it is spelt `:A:B`."""


@frozen
class LabelOr(LabelExpression):
    """`A|B`: at least two operands."""

    operands: tuple[LabelExpression, ...]
    colons: bool = field(default=False, eq=False)
    """Whether it is spelt `A|:B`, as before Neo4j 5."""


# --- elements ------------------------------------------------------------------------------------


@frozen
class NodePattern(Node):
    """`(variable:labels {properties} WHERE predicate)`."""

    variable: Variable | None = None
    labels: LabelExpression | None = None
    properties: MapLiteral | Parameter | None = None
    where: Expression | None = None
    keyword: bool = field(default=False, eq=False)
    """Whether the labels follow `IS` instead of a colon."""


@frozen
class PathLength(Node):
    """`*`, `*2`, `*1..3` in a relationship. `None` where that side is open; `*2` is (2, 2)."""

    lower: int | None = None
    upper: int | None = None


@frozen
class Quantifier(Node):
    """`{n}`, `{n,m}`, `+` (1 or more), `*` (0 or more) after a relationship or path."""

    lower: int
    upper: int | None
    """None where open."""


Direction = Literal["->", "<-", "--", "<->"]


@frozen
class RelationshipPattern(Node):
    """`-[variable:types*1..3 {properties} WHERE predicate]->{quantifier}`."""

    direction: Direction
    """`->` points at the node after it. `--` and `<->` both match either direction."""
    variable: Variable | None = None
    types: LabelExpression | None = None
    length: PathLength | None = None
    properties: MapLiteral | Parameter | None = None
    where: Expression | None = None
    quantifier: Quantifier | None = None
    keyword: bool = field(default=False, eq=False)
    """Whether the types follow `IS` instead of a colon."""


# --- paths ---------------------------------------------------------------------------------------


@frozen
class PathPattern(Node):
    """A path: `(a)-[r]->(b)-->(c)`. Nodes and relationships alternate, except next to a
    `ParenthesisedPath`."""

    elements: tuple[NodePattern | RelationshipPattern | ParenthesisedPath, ...]


@frozen
class ShortestPath(Node):
    """`shortestPath(path)` or `allShortestPaths(path)`."""

    path: PathPattern
    all: bool = False


@frozen
class PathSelector(Node):
    """`SHORTEST 2 TRAIL PATHS`, `ANY SHORTEST`, `ACYCLIC` … before a path."""

    kind: Literal["ALL", "ANY", "ANY SHORTEST", "ALL SHORTEST", "SHORTEST", "SHORTEST GROUPS"]
    """`ALL` where only a mode is written."""
    count: int | Parameter | None = None
    """Of `ANY k`, `SHORTEST k`, `SHORTEST k GROUPS`; None where missing."""
    mode: Literal["", "WALK", "TRAIL", "ACYCLIC"] = ""


@frozen
class PatternPart(Node):
    """One of the patterns of a clause, separated by commas: `variable = selector path`."""

    path: PathPattern | ShortestPath
    variable: Variable | None = None
    selector: PathSelector | None = None


@frozen
class ParenthesisedPath(Node):
    """`(variable = (a)-->(b) WHERE predicate){1,3}`: a quantified path pattern, or a plain one in
    parentheses."""

    pattern: PatternPart
    where: Expression | None = None
    quantifier: Quantifier | None = None

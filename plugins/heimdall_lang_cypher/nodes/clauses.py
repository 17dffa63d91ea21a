"""Clauses that read, project and call procedures."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen

from heimdall_lang_cypher.nodes.base import (
    Expression,
    Name,
    Node,
    Parameter,
    QualifiedName,
    Variable,
)
from heimdall_lang_cypher.nodes.expressions import StringLiteral
from heimdall_lang_cypher.nodes.patterns import LabelName, PatternPart


@frozen
class Clause(Node):
    """A clause of a query."""


# --- reading -------------------------------------------------------------------------------------


@frozen
class Hint(Node):
    """`USING …` after a `MATCH`."""


@frozen
class IndexHint(Hint):
    """`USING [TEXT|RANGE|POINT] INDEX [SEEK] variable:label(properties)`."""

    variable: Variable
    label: LabelName
    properties: tuple[Name, ...]
    kind: Literal["", "TEXT", "RANGE", "POINT"] = ""
    seek: bool = False


@frozen
class ScanHint(Hint):
    """`USING SCAN variable:label`."""

    variable: Variable
    label: LabelName


@frozen
class JoinHint(Hint):
    """`USING JOIN ON variables`."""

    variables: tuple[Variable, ...]


@frozen
class Search(Node):
    """`SEARCH variable IN (VECTOR INDEX index FOR query WHERE … LIMIT n) SCORE AS score`
    (Cypher 25)."""

    variable: Variable
    kind: Literal["FULLTEXT", "VECTOR"]
    index: Name | Parameter
    query: Expression
    limit: Expression
    analyzer: Expression | None = None
    where: Expression | None = None
    skip: Expression | None = None
    score: Variable | None = None


@frozen
class Match(Clause):
    """`[OPTIONAL] MATCH patterns [USING …] [WHERE predicate]`."""

    patterns: tuple[PatternPart, ...]
    where: Expression | None = None
    optional: bool = False
    hints: tuple[Hint, ...] = ()
    mode: Literal["", "REPEATABLE ELEMENTS", "DIFFERENT RELATIONSHIPS"] = ""
    search: Search | None = None


@frozen
class Unwind(Clause):
    """`UNWIND expression AS variable`, or `FOR variable IN expression` (Cypher 25)."""

    expression: Expression
    variable: Variable
    keyword: Literal["UNWIND", "FOR"] = field(default="UNWIND", eq=False)


@frozen
class LoadCsv(Clause):
    """`LOAD CSV [WITH HEADERS] FROM source AS variable [FIELDTERMINATOR text]`."""

    source: Expression
    variable: Variable
    headers: bool = False
    field_terminator: StringLiteral | None = None


@frozen
class LetItem(Node):
    """`variable = expression`."""

    variable: Variable
    expression: Expression


@frozen
class Let(Clause):
    """`LET x = 1, y = 2` (Cypher 25)."""

    items: tuple[LetItem, ...]


@frozen
class Filter(Clause):
    """`FILTER [WHERE] predicate` (Cypher 25)."""

    predicate: Expression


@frozen
class Use(Clause):
    """`USE graph`, `USE graph.byName('x')`."""

    graph: QualifiedName | Expression
    """A name, or a call."""


# --- projecting ----------------------------------------------------------------------------------


@frozen
class ProjectionItem(Node):
    """`expression [AS alias]`."""

    expression: Expression
    alias: Variable | None = None


@frozen
class SortItem(Node):
    """`expression [DESC]`."""

    expression: Expression
    descending: bool = False


@frozen
class GroupBy(Node):
    """`GROUP BY keys`, `GROUP BY ALL`, `GROUP BY ()` (Cypher 25)."""

    keys: tuple[Expression, ...] = ()
    all: bool = False


@frozen
class Projection(Clause):
    """What `RETURN` and `WITH` share."""

    items: tuple[ProjectionItem, ...] = ()
    star: bool = False
    """Whether `*` stands before the items."""
    distinct: bool = False
    group_by: GroupBy | None = None
    order_by: tuple[SortItem, ...] = ()
    skip: Expression | None = None
    limit: Expression | None = None


@frozen
class Return(Projection):
    """`RETURN [DISTINCT] items [ORDER BY …] [SKIP …] [LIMIT …]`."""


@frozen
class With(Projection):
    """`WITH [DISTINCT] items [ORDER BY …] [SKIP …] [LIMIT …] [WHERE predicate]`."""

    where: Expression | None = None


@frozen
class OrderLimit(Clause):
    """`ORDER BY`, `SKIP` and `LIMIT` as a clause of their own (Cypher 25)."""

    order_by: tuple[SortItem, ...] = ()
    skip: Expression | None = None
    limit: Expression | None = None


@frozen
class Finish(Clause):
    """`FINISH`."""


# --- calling -------------------------------------------------------------------------------------


@frozen
class YieldItem(Node):
    """`column [AS alias]`."""

    column: Variable
    alias: Variable | None = None


@frozen
class CallProcedure(Clause):
    """`[OPTIONAL] CALL name(arguments) [YIELD items [WHERE predicate]]`."""

    name: QualifiedName
    arguments: tuple[Expression, ...] | None = None
    """None where the parentheses are missing."""
    yields: tuple[YieldItem, ...] | None = None
    """None without `YIELD`; empty for `YIELD *` (and `YIELD -`)."""
    star: bool = False
    """Whether it is `YIELD *`."""
    where: Expression | None = None
    optional: bool = False

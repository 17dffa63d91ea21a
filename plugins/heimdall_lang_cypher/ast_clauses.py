"""Clauses, queries and statements."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen

from heimdall_lang_cypher.ast_base import (
    Expression,
    Name,
    Node,
    Parameter,
    QualifiedName,
    Variable,
)
from heimdall_lang_cypher.ast_expressions import PropertyAccess, StringLiteral, Subscript
from heimdall_lang_cypher.ast_patterns import DynamicLabel, LabelName, PatternPart


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


# --- writing -------------------------------------------------------------------------------------


@frozen
class Create(Clause):
    """`CREATE patterns`, or `INSERT patterns`."""

    patterns: tuple[PatternPart, ...]
    keyword: Literal["CREATE", "INSERT"] = "CREATE"


@frozen
class SetItem(Node):
    """One assignment of `SET`."""


@frozen
class SetProperty(SetItem):
    """`SET target = value`."""

    target: PropertyAccess | Subscript
    value: Expression


@frozen
class SetProperties(SetItem):
    """`SET variable = map` (replaces all properties), `SET variable += map` (adds)."""

    variable: Variable
    value: Expression
    add: bool = False


@frozen
class SetLabels(SetItem):
    """`SET variable:A:B`, `SET variable IS A`."""

    variable: Variable
    labels: tuple[LabelName | DynamicLabel, ...]
    keyword: bool = field(default=False, eq=False)
    """Whether it is spelt with `IS`."""


@frozen
class Set(Clause):
    """`SET items`."""

    items: tuple[SetItem, ...]


@frozen
class RemoveItem(Node):
    """One item of `REMOVE`."""


@frozen
class RemoveProperty(RemoveItem):
    """`REMOVE target`."""

    target: PropertyAccess | Subscript


@frozen
class RemoveLabels(RemoveItem):
    """`REMOVE variable:A:B`."""

    variable: Variable
    labels: tuple[LabelName | DynamicLabel, ...]
    keyword: bool = field(default=False, eq=False)
    """Whether it is spelt with `IS`."""


@frozen
class Remove(Clause):
    """`REMOVE items`."""

    items: tuple[RemoveItem, ...]


@frozen
class MergeAction(Node):
    """`ON CREATE SET items`, `ON MATCH SET items`."""

    on: Literal["CREATE", "MATCH"]
    items: tuple[SetItem, ...]


@frozen
class Merge(Clause):
    """`MERGE pattern actions`."""

    pattern: PatternPart
    actions: tuple[MergeAction, ...] = ()


@frozen
class Delete(Clause):
    """`[DETACH|NODETACH] DELETE expressions`."""

    expressions: tuple[Expression, ...]
    mode: Literal["", "DETACH", "NODETACH"] = ""


@frozen
class Foreach(Clause):
    """`FOREACH (variable IN source | clauses)`."""

    variable: Variable
    source: Expression
    clauses: tuple[Clause, ...]


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


@frozen
class SubqueryScope(Node):
    """`(variables)` or `(*)` after `CALL`."""

    variables: tuple[Variable, ...] = ()
    star: bool = False


@frozen
class InTransactions(Node):
    """`IN [n CONCURRENT] TRANSACTIONS …`."""

    concurrent: bool = False
    concurrency: Expression | None = None
    rows: Expression | None = None
    """Of `OF n ROWS`."""
    on_error: Literal["", "CONTINUE", "BREAK", "FAIL", "RETRY"] = ""
    retry_seconds: Expression | None = None
    """Of `ON ERROR RETRY FOR n SECONDS`."""
    retry_then: Literal["", "CONTINUE", "BREAK", "FAIL"] = ""
    report: Variable | None = None
    """Of `REPORT STATUS AS variable`."""
    disjoint_by: Literal["", "AUTO", "NONE"] | tuple[Expression, ...] = ""


@frozen
class CallSubquery(Clause):
    """`[OPTIONAL] CALL [scope] { query } [IN TRANSACTIONS …]`."""

    query: Query
    scope: SubqueryScope | None = None
    """None where it is missing: variables come in by a leading `WITH`."""
    transactions: InTransactions | None = None
    optional: bool = False


# --- queries -------------------------------------------------------------------------------------


@frozen
class Query(Node):
    """A query: `SingleQuery`, `Union`, `Conditional`, `Sequence` or `BracedQuery`."""


@frozen
class SingleQuery(Query):
    """Clauses, one after the other."""

    clauses: tuple[Clause, ...]


@frozen
class Union(Query):
    """`query UNION [ALL] query …`: at least two queries."""

    queries: tuple[Query, ...]
    """Each a `SingleQuery` or a `BracedQuery`."""
    all: tuple[bool, ...]
    """One fewer than the queries: whether `UNION ALL` stands before the next one."""


@frozen
class ConditionalBranch(Node):
    """`WHEN condition THEN query`."""

    condition: Expression
    query: Query


@frozen
class Conditional(Query):
    """`WHEN … THEN … ELSE …` (Cypher 25)."""

    branches: tuple[ConditionalBranch, ...]
    default: Query | None = None


@frozen
class Sequence(Query):
    """`query NEXT query` (Cypher 25): at least two queries."""

    queries: tuple[Query, ...]


@frozen
class BracedQuery(Query):
    """`[USE graph] { query }` (Cypher 25)."""

    query: Query
    use: Use | None = None


# --- statements ----------------------------------------------------------------------------------


@frozen
class Command(Node):
    """A statement that is no query: schema, administration, transactions."""


@frozen
class Setting(Node):
    """`runtime=parallel` among the options of `CYPHER`."""

    name: str
    value: str


@frozen
class PreparserOption(Node):
    """`EXPLAIN`, `PROFILE`, or `CYPHER 25 runtime=parallel` before a statement."""

    kind: Literal["EXPLAIN", "PROFILE", "CYPHER"]
    version: str = ""
    settings: tuple[Setting, ...] = ()


@frozen
class Statement(Node):
    """A query or command with what stands before it."""

    body: Query | Command
    options: tuple[PreparserOption, ...] = ()


@frozen
class Script(Node):
    """Statements separated by semicolons."""

    statements: tuple[Statement, ...]

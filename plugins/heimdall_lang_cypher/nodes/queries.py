"""How clauses make queries, subqueries and statements."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from heimdall_lang_cypher.nodes.base import Expression, Node, Variable
from heimdall_lang_cypher.nodes.clauses import Clause, Use

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


# --- subqueries as clauses ------------------------------------------------------------------------


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

"""Statements that are no queries, and `SHOW`, which is a clause in Cypher 25."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from heimdall_lang_cypher.nodes.base import (
    Expression,
    Name,
    Node,
    Parameter,
    QualifiedName,
    TypeExpression,
    Variable,
)
from heimdall_lang_cypher.nodes.clauses import Clause, Return, SortItem, Use, YieldItem
from heimdall_lang_cypher.nodes.expressions import MapLiteral, PropertyAccess, StringLiteral
from heimdall_lang_cypher.nodes.patterns import Direction, LabelName
from heimdall_lang_cypher.nodes.queries import Command

Entity = Literal["NODE", "RELATIONSHIP"]
IndexKind = Literal["", "RANGE", "TEXT", "POINT", "LOOKUP", "FULLTEXT", "VECTOR"]
ConstraintKind = Literal["UNIQUE", "KEY", "NOT NULL", "TYPED", "EXISTS"]

# --- schema --------------------------------------------------------------------------------------


@frozen
class CreateIndex(Command):
    """`CREATE [OR REPLACE] [kind] INDEX [name] [IF NOT EXISTS] FOR (n:L) ON (n.p, …) [OPTIONS …]`
    or, before Neo4j 4.1, `CREATE INDEX ON :L(p)`."""

    labels: tuple[LabelName, ...]
    """Empty for a lookup index."""
    properties: tuple[PropertyAccess, ...]
    """Of the legacy form too, as `n.p` on a variable without a name. Empty for a lookup index."""
    kind: IndexKind = ""
    name: Name | Parameter | None = None
    entity: Entity = "NODE"
    variable: Variable | None = None
    """None in the legacy form."""
    function: Name | None = None
    """Of a lookup index: `labels` or `type`."""
    with_properties: tuple[PropertyAccess, ...] = ()
    """Of a vector index: `WITH [n.year]`."""
    options: MapLiteral | Parameter | None = None
    or_replace: bool = False
    if_not_exists: bool = False
    direction: Direction = "--"
    """Of the relationship pattern, as written."""
    each: bool = True
    """Whether a lookup index on relationships says `ON EACH` instead of `ON`."""
    legacy: bool = False
    use: Use | None = None


@frozen
class DropIndex(Command):
    """`DROP INDEX name [IF EXISTS]` or, before Neo4j 5, `DROP INDEX ON :L(p)`."""

    name: Name | Parameter | None = None
    """None in the legacy form."""
    if_exists: bool = False
    label: LabelName | None = None
    properties: tuple[Name, ...] = ()
    use: Use | None = None


@frozen
class CreateConstraint(Command):
    """`CREATE [OR REPLACE] CONSTRAINT [name] [IF NOT EXISTS] FOR (n:L) REQUIRE n.p IS UNIQUE
    [OPTIONS …]` or, before Neo4j 5, `CREATE CONSTRAINT ON (n:L) ASSERT n.p IS UNIQUE`."""

    kind: ConstraintKind
    """`EXISTS` is the legacy `ASSERT exists(n.p)`."""
    label: LabelName
    variable: Variable
    properties: tuple[PropertyAccess, ...]
    name: Name | Parameter | None = None
    entity: Entity = "NODE"
    qualifier: Literal["", "NODE", "RELATIONSHIP"] = ""
    """Of `IS NODE KEY`, `IS RELATIONSHIP UNIQUE`."""
    type: TypeExpression | None = None
    """Of a `TYPED` one."""
    options: MapLiteral | Parameter | None = None
    or_replace: bool = False
    if_not_exists: bool = False
    direction: Direction = "--"
    legacy: bool = False
    """Whether it is spelt with `ON … ASSERT`."""
    use: Use | None = None


@frozen
class DropConstraint(Command):
    """`DROP CONSTRAINT name [IF EXISTS]` or, before Neo4j 5,
    `DROP CONSTRAINT ON (n:L) ASSERT n.p IS UNIQUE`."""

    name: Name | Parameter | None = None
    """None in the legacy form."""
    if_exists: bool = False
    legacy: CreateConstraint | None = None
    """The constraint that the legacy form describes."""
    use: Use | None = None


# --- SHOW and TERMINATE --------------------------------------------------------------------------


@frozen
class YieldClause(Node):
    """`YIELD items [ORDER BY …] [SKIP …] [LIMIT …] [WHERE predicate]` of `SHOW`."""

    items: tuple[YieldItem, ...] = ()
    star: bool = False
    order_by: tuple[SortItem, ...] = ()
    skip: Expression | None = None
    limit: Expression | None = None
    where: Expression | None = None


@frozen
class Word(Node):
    """A word or sign of an `SHOW` or an administration statement."""

    text: str
    """In capitals where it was an unquoted word of the command."""


@frozen
class Show(Clause):
    """`SHOW what [arguments] [YIELD … | WHERE …]`, `TERMINATE TRANSACTIONS …`."""

    what: str
    """The words after `SHOW`, in capitals, one space apart, in the plural where there is one:
    `INDEXES`, `NODE KEY CONSTRAINTS`, `BUILT IN FUNCTIONS`, `USER PRIVILEGES`."""
    verb: Literal["SHOW", "TERMINATE"] = "SHOW"
    arguments: tuple[Expression | Name | QualifiedName | Word, ...] = ()
    """Names, ids or expressions that follow, and words between and after them."""
    yields: YieldClause | None = None
    where: Expression | None = None
    returns: Return | None = None


# --- administration ------------------------------------------------------------------------------


@frozen
class AdministrationCommand(Command):
    """`CREATE|DROP|ALTER|RENAME|START|STOP DATABASE|USER|ROLE|ALIAS|SERVER …`,
    `GRANT|DENY|REVOKE …`: the verb, what it is about, and the rest as it stands."""

    verb: str
    """In capitals: `CREATE`, `GRANT` …"""
    subject: str
    """In capitals: `DATABASE`, `COMPOSITE DATABASE`, `USER`, `CURRENT USER`, `ROLE`, `ALIAS`,
    `SERVER`, `PRIVILEGE` …"""
    names: tuple[QualifiedName | StringLiteral | Parameter, ...] = ()
    """What is created, dropped or altered."""
    arguments: tuple[Word | Name | Expression, ...] = ()
    """Everything after the names."""
    or_replace: bool = False
    if_exists: bool = False
    if_not_exists: bool = False
    use: Use | None = None


# --- transactions and the console ----------------------------------------------------------------


@frozen
class TransactionCommand(Command):
    """`BEGIN`, `COMMIT` or `ROLLBACK` `[TRANSACTION]` (NornicDB, consoles)."""

    action: Literal["BEGIN", "COMMIT", "ROLLBACK"]


@frozen
class ConsoleCommand(Command):
    """`:use db`, `:param x => 1`: what a console reads, one line each."""

    name: str
    """In small letters, without the colon."""
    argument: str = ""
    """The rest of the line, as written."""

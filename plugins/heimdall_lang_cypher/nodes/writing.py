"""Clauses that write."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen

from heimdall_lang_cypher.nodes.base import Expression, Node, Variable
from heimdall_lang_cypher.nodes.clauses import Clause
from heimdall_lang_cypher.nodes.expressions import PropertyAccess, Subscript
from heimdall_lang_cypher.nodes.patterns import DynamicLabel, LabelName, PatternPart


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

"""The base of every node of the Cypher syntax tree, and the nodes that the other files share.

Nodes are frozen attrs classes. Two nodes are equal when they say the same: positions and the
spelling of synonyms (`ASCENDING`/`ASC`, `:A:B`/`:A&B`) do not count, so that
`parse(print(tree)) == tree`. Sequences are tuples. A chain of one operator is one flat node
(`And(operands)`), never a tree as deep as the chain is long.
"""

from __future__ import annotations

from attrs import field, frozen


@frozen
class Node:
    """Anything in the tree. `text[node.start:node.end]` is its source."""

    start: int = field(default=0, eq=False, repr=False, kw_only=True)
    """Offset of the first character in the text that was parsed; 0 in a tree made by hand."""
    end: int = field(default=0, eq=False, repr=False, kw_only=True)
    """Offset after the last character; 0 in a tree made by hand."""


@frozen
class Expression(Node):
    """Anything that has a value."""


@frozen
class Name(Node):
    """A property key, an index name and the like: a name that binds and reads no variable."""

    name: str
    """Without backticks."""


@frozen
class QualifiedName(Node):
    """The name of a function, a procedure, a graph: `db.index.fulltext.queryNodes`."""

    parts: tuple[str, ...]

    @property
    def text(self) -> str:
        """The parts joined by dots, as written."""
        return ".".join(self.parts)


@frozen
class Variable(Expression):
    """A variable, where it is bound as well as where it is read."""

    name: str


@frozen
class Parameter(Expression):
    """`$name`, or `{name}` as before Neo4j 4."""

    name: str
    legacy: bool = False
    """Whether it is spelt `{name}`."""


# --- types, as in `x IS :: LIST<INTEGER NOT NULL>` -----------------------------------------------


@frozen
class TypeExpression(Node):
    """A type of values."""


@frozen
class TypeName(TypeExpression):
    """A type without parts."""

    name: str
    """In capitals, in one spelling of Neo4j's: `INTEGER` for `INT` and `SIGNED INTEGER`,
    `ZONED DATETIME` for `TIMESTAMP WITH TIME ZONE`, `ANY` for `ANY VALUE`."""
    not_null: bool = False


@frozen
class ListType(TypeExpression):
    """`LIST<element>`, also spelt `ARRAY<element>` or `element LIST`."""

    element: TypeExpression
    not_null: bool = False


@frozen
class VectorType(TypeExpression):
    """`VECTOR<FLOAT32>(1024)`; either part may be missing."""

    coordinate: str = ""
    dimension: int | None = None
    not_null: bool = False


@frozen
class UnionType(TypeExpression):
    """`INTEGER | FLOAT`, also spelt `ANY<INTEGER | FLOAT>`: at least two members."""

    members: tuple[TypeExpression, ...]

"""The plan of a reading query: a chain of nodes, conditions, what is asked of it, in which order.

A `Reading` holds no words and no Cypher; `query` writes it as Cypher, `speech` as a question.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from attrs import frozen

from heimdall_gen_cypher.plans.predicates import Predicate
from heimdall_gen_cypher.schema import Node, Property, Relationship

#: How the next node is asked for. `a`: one row per match; `some`: whether there is one (EXISTS);
#: `no`: whether there is none (NOT EXISTS); `more`: how many there are (a count that is compared).
Quantifier = Literal["a", "some", "no", "more"]


Glue = Literal["and", "or", "mixed"]


@frozen(eq=False)
class Spot:
    """A node of the chain."""

    node: Node
    predicates: tuple[Predicate, ...] = ()
    glue: Glue = "and"
    """How the predicates join; `mixed` is `(first or second) and third`."""


@frozen(eq=False)
class Hop:
    """The way from one node of the chain to the next."""

    types: tuple[Relationship, ...]
    forward: bool
    """Whether it follows the relationship's own direction."""
    quantifier: Quantifier = "a"
    number: int = 0
    """For `more`."""
    predicate: Predicate | None = None
    """A condition on the relationship."""
    undirected: bool = False

    @property
    def type(self) -> Relationship:
        return self.types[0]


@frozen(eq=False)
class Item:
    """A column or a sort key: a property of a node of the chain, of a hop's relationship, or a
    node as a whole."""

    spot: int
    """The node's place in the chain; with `hop`, the hop's."""
    of: Property | None
    hop: bool = False


@frozen(eq=False)
class Measure:
    """An aggregate over what was matched."""

    function: Literal["count", "sum", "avg", "min", "max", "collect"]
    item: Item
    distinct: bool = False
    alias: str = ""


@frozen(eq=False)
class Sort:
    """A sort key: an item, or the measure with that place."""

    item: Item | None
    descending: bool
    measure: int = 0


@frozen(eq=False)
class Reading:
    """A whole reading query."""

    spots: tuple[Spot, ...]
    hops: tuple[Hop, ...] = ()
    columns: tuple[Item, ...] = ()
    measures: tuple[Measure, ...] = ()
    distinct: bool = False
    sorts: tuple[Sort, ...] = ()
    skip: int = 0
    limit: int = 0
    total: str = ""
    """Name of the count that `more` compares, where it is returned too."""
    prefix: Literal["", "EXPLAIN", "PROFILE"] = ""

    @property
    def joined(self) -> int:
        """How many nodes of the chain are matched, so that each match is a row; the others are
        only tested."""
        for place, hop in enumerate(self.hops):
            if hop.quantifier in ("some", "no"):
                return place + 1
        return len(self.spots)

    def twice(self, spot: int) -> bool:
        """Whether the chain has another node with the label of this one."""
        node = self.spots[spot].node
        return sum(each.node is node for each in self.spots) > 1


def variables(reading: Reading, needed: Sequence[int]) -> dict[int, str]:
    """Variables for nodes of the chain: a label's first letter, numbered where it is taken."""
    names: dict[int, str] = {}
    taken: dict[str, int] = {}
    for spot in sorted(needed):
        letter = reading.spots[spot].node.label[0].lower()
        taken[letter] = taken.get(letter, 0) + 1
        names[spot] = letter if taken[letter] == 1 else f"{letter}{taken[letter]}"
    return names

"""A small graph for a schema: seeded, connected where the schema allows it, skewed.

Every label gets a few nodes, some labels many; every relationship type joins its labels, with a few
nodes that hold most of the relationships; values repeat, properties are missing here and there.
That is what makes a wrong query give other rows than the right one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from attrs import frozen

from heimdall_core.types import Json
from heimdall_lang_cypher.populate_schema import (
    GraphShape,
    Property,
    RelationshipShape,
    read_shape,
)
from heimdall_lang_cypher.populate_values import literal
from heimdall_lang_cypher.printer_names import key

#: Nodes of all labels together, but for the few that every label has at least.
_NODES = 72
_FEWEST, _MOST = 4, 16
#: Relationships per node of the label that a type leaves.
_DEGREE = 1.6
#: Share of values that are missing, except of a label's first property.
_MISSING = 0.1


@frozen
class _Edge:
    start: int
    end: int
    shape: RelationshipShape


def populate(schema: Json, seed: int) -> Sequence[str]:
    """Statements that fill an empty engine with data of `schema`; the same seed, the same data.

    `schema` has one of the forms of `schema.read_schema`. A property given as an object may carry
    `values`, `min` and `max`, from which its values are then taken. Points are left out: not every
    engine stores them. Raises `HeimdallError` for a schema without labels.
    """
    random = Random(seed)  # noqa: S311 - test data, no secret
    shape = read_shape(schema)
    labels = _label_of_each_node(shape, random)
    edges = _edges(shape, labels, random)
    nodes = [
        f"(n{number}:{key(label)}{_properties(shape.nodes[label], number, random)})"
        for number, label in enumerate(labels)
    ]
    links = [
        f"(n{edge.start})-[:{key(edge.shape.type)}"
        f"{_properties(edge.shape.properties, number, random)}]->(n{edge.end})"
        for number, edge in enumerate(edges)
    ]
    return [f"CREATE {', '.join(nodes + links)}"] if nodes else []


def _label_of_each_node(shape: GraphShape, random: Random) -> list[str]:
    """The labels, most of the nodes with the first few of them in a random order."""
    order = list(shape.nodes)
    random.shuffle(order)
    weights = [1 / (rank + 1) for rank in range(len(order))]
    counts = {
        label: min(_MOST, max(_FEWEST, round(_NODES * weight / sum(weights))))
        for label, weight in zip(order, weights, strict=True)
    }
    return [label for label in shape.nodes for _ in range(counts[label])]


def _edges(shape: GraphShape, labels: Sequence[str], random: Random) -> list[_Edge]:
    members: dict[str, list[int]] = {}
    for number, label in enumerate(labels):
        members.setdefault(label, []).append(number)
    edges = [
        edge
        for relationship in shape.relationships
        for edge in _skewed(relationship, members, random)
    ]
    return edges + _bridges(shape, edges, members, len(labels), random)


def _skewed(
    shape: RelationshipShape, members: Mapping[str, Sequence[int]], random: Random
) -> list[_Edge]:
    """Relationships whose ends are drawn so that the k-th node is taken 1/k as often."""
    starts, ends = list(members[shape.start]), list(members[shape.end])
    random.shuffle(starts)
    random.shuffle(ends)
    pairs = {
        (_early(starts, random), _early(ends, random)) for _ in range(round(_DEGREE * len(starts)))
    }
    return [_Edge(start, end, shape) for start, end in sorted(pairs) if start != end]


def _early(numbers: Sequence[int], random: Random) -> int:
    weights = [1 / (rank + 1) for rank in range(len(numbers))]
    return random.choices(numbers, weights)[0]


def _bridges(
    shape: GraphShape,
    edges: Sequence[_Edge],
    members: Mapping[str, Sequence[int]],
    count: int,
    random: Random,
) -> list[_Edge]:
    """One relationship more wherever it joins two parts of the graph that hang apart."""
    part = list(range(count))

    def root(number: int) -> int:
        while part[number] != number:
            part[number] = part[part[number]]
            number = part[number]
        return number

    for edge in edges:
        part[root(edge.start)] = root(edge.end)
    bridges = []
    for relationship in shape.relationships:
        starts, ends = members[relationship.start], members[relationship.end]
        # From each start to one node, then from one node to each end: joins all that can be.
        tries = [(start, random.choice(ends)) for start in starts]
        tries += [(random.choice(starts), end) for end in ends]
        for start, end in tries:
            if root(start) != root(end):
                part[root(start)] = root(end)
                bridges.append(_Edge(start, end, relationship))
    return bridges


def _properties(wanted: Sequence[Property], number: int, random: Random) -> str:
    """` {name: value, …}` for one node or relationship; '' where it has none."""
    entries = []
    for position, each in enumerate(wanted):
        value = literal(each, number, random)
        if value and (position == 0 or random.random() >= _MISSING):
            entries.append(f"{key(each.name)}: {value}")
    return f" {{{', '.join(entries)}}}" if entries else ""

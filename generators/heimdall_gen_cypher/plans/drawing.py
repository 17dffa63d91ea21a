"""Drawing plans: chains over a schema, conditions on their nodes, columns, order."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from random import Random
from typing import TypeVar

from attrs import evolve, frozen

from heimdall_gen_cypher.plans import predicates
from heimdall_gen_cypher.plans.predicates import Predicate
from heimdall_gen_cypher.plans.reading import Glue, Hop, Item, Measure, Reading, Sort, Spot
from heimdall_gen_cypher.schema import Node, Property, Relationship, Schema

T = TypeVar("T")

#: What a number may be called where a question names it.
ALIASES = (
    "total",
    "amount",
    "cnt",
    "howMany",
    "frequency",
    "tally",
    "size_of_group",
    "occurrences",
    "num",
)


@frozen(eq=False)
class Draw:
    """What a plan is drawn from."""

    rng: Random
    schema: Schema
    dialect: str

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def one(self, items: Sequence[T]) -> T:
        return items[int(self.rng.random() * len(items))]


@cache
def ways(schema: Schema) -> dict[str, tuple[tuple[Relationship, bool], ...]]:
    """By label, the relationships that leave (forward) or enter it."""
    found: dict[str, list[tuple[Relationship, bool]]] = {n.label: [] for n in schema.nodes}
    for relationship in schema.relationships:
        found[relationship.start].append((relationship, True))
        found[relationship.end].append((relationship, False))
    return {label: tuple(each) for label, each in found.items()}


def chain(draw: Draw, length: int) -> tuple[tuple[Spot, ...], tuple[Hop, ...]] | None:
    """A random way of `length` hops, without conditions; None where it goes round in circles."""
    schema = draw.schema
    start = draw.one(schema.nodes)
    nodes = [start]
    hops: list[Hop] = []
    for _ in range(length):
        options = ways(schema)[nodes[-1].label]
        if not options:
            return None
        relationship, forward = draw.one(options)
        back = hops and hops[-1].type is relationship and hops[-1].forward is not forward
        if back and draw.chance(0.6):  # there and back again is asked now and then
            return None
        end = schema.by_label[relationship.end if forward else relationship.start]
        if sum(node is end for node in nodes) > 1:
            return None
        hops.append(Hop((relationship,), forward))
        nodes.append(end)
    return tuple(Spot(node) for node in nodes), tuple(hops)


def key(node: Node) -> Property:
    """The property that tells the label's nodes apart."""
    return next(p for p in node.properties if p.key)


def shown(node: Node) -> list[Property]:
    """Properties that a question can ask for."""
    return [p for p in node.properties if p.type != "LIST<FLOAT>"]


def with_conditions(
    draw: Draw, spot: Spot, count: int, *, inside: bool = False, avoid: Sequence[Property] = ()
) -> Spot:
    """The node with `count` conditions on different properties; with `inside`, only such as stand
    in a pattern."""
    found: list[Predicate] = []
    left = [p for p in shown(spot.node) if p not in avoid]
    for _ in range(count):
        predicate = predicates.draw(draw.rng, left, ops=("eq",) if inside else ())
        if predicate is None:
            break
        if predicate.of.key and predicate.plain:
            found = [predicate]  # who names one node needs no other condition
            break
        found.append(predicate)
        left = [p for p in left if p is not predicate.of]
    glue: Glue = "and"
    if len(found) == 2 and not inside and draw.chance(0.3):
        glue = "or"
    elif len(found) == 3 and not inside and draw.chance(0.6):
        glue = "mixed"
    if glue != "and" and any(p.op in ("in", "between") for p in found):
        glue = "and"
    return evolve(spot, predicates=tuple(found), glue=glue)


def conditioned(draw: Draw, spots: Sequence[Spot], least: int = 0) -> tuple[Spot, ...]:
    """Conditions strewn over the nodes, at least `least` of them in all."""
    result = [
        with_conditions(draw, spot, draw.rng.choices((0, 1, 2), (5, 4, 1))[0]) for spot in spots
    ]
    if sum(len(spot.predicates) for spot in result) < least:
        at = int(draw.rng.random() * len(result))
        result[at] = with_conditions(draw, result[at], least)
    return tuple(result)


def columns_of(draw: Draw, spots: Sequence[Spot], count: int) -> tuple[Item, ...]:
    """Different properties of the nodes, in the order of the chain."""
    options = [
        Item(place, of)
        for place, spot in enumerate(spots)
        for of in shown(spot.node)
        if not any(p.of is of and p.op == "eq" and spot.glue == "and" for p in spot.predicates)
    ]
    chosen = sorted(draw.rng.sample(range(len(options)), min(count, len(options))))
    return tuple(options[i] for i in chosen)


def both_ends(draw: Draw, spots: Sequence[Spot]) -> tuple[Item, ...]:
    """One or two columns of the first and of the last node, and now and then of one between."""
    places = {0, len(spots) - 1}
    if len(spots) > 2 and draw.chance(0.4):
        places.add(1)
    items: list[Item] = []
    for place in sorted(places):
        found = columns_of(draw, spots[place : place + 1], 2 if draw.chance(0.2) else 1)
        items += [evolve(item, spot=place) for item in found]
    return tuple(items)


def sorts_of(draw: Draw, reading: Reading) -> tuple[Sort, ...]:
    """One or two sort keys. Rows without duplicates are sorted by what they show alone."""
    if reading.distinct:
        options = [c for c in reading.columns if c.of is not None and c.of.type != "BOOLEAN"]
    else:
        places = range(reading.joined) if len(reading.spots) > 1 else (0,)
        options = [
            Item(place, of)
            for place in places
            for of in shown(reading.spots[place].node)
            if of.type != "BOOLEAN"
        ]
        if any(hop.quantifier == "more" for hop in reading.hops):
            options = [item for item in options if item.spot == 0]
    if not options:
        return ()
    count = min(len(options), 2 if draw.chance(0.25) else 1)
    chosen = draw.rng.sample(options, count)
    return tuple(Sort(item, draw.chance(0.5)) for item in chosen)


def bounded(draw: Draw, reading: Reading, *, page: bool = False) -> Reading:
    """The reading with LIMIT, and with SKIP for a page."""
    limit = draw.one((1, 2, 3, 5, 10, 15, 20, 25, 50, 100))
    skip = draw.one((1, 2, 3, 5, 10)) if page else 0
    return evolve(reading, limit=limit, skip=skip)


def numeric(node: Node, *, additive: bool = False) -> list[Property]:
    """Numbers of a label; with `additive`, those whose sum means something."""
    return [
        p
        for p in node.properties
        if p.type in ("INTEGER", "FLOAT") and (p.additive or not additive)
    ]


def measure_of(draw: Draw, place: int, spot: Spot, alias: str = "") -> Measure | None:
    """A random aggregate over a property of a node that no condition has fixed already."""
    node = spot.node
    fixed = {p.of for p in spot.predicates}
    function = draw.one(("avg", "avg", "min", "max", "sum", "collect"))
    if function == "collect":
        free = [p for p in shown(node) if p not in fixed]
        if not free:
            return None
        of = draw.one(free)
        return Measure("collect", Item(place, of), draw.chance(0.5), alias)
    options = [p for p in numeric(node, additive=function == "sum") if p not in fixed]
    if not options:
        return None
    return Measure(function, Item(place, draw.one(options)), alias=alias)  # type: ignore[arg-type]


def groupable(node: Node) -> list[Property]:
    """Properties that many nodes share."""
    return [p for p in node.properties if p.type in ("STRING", "BOOLEAN") and not p.key]

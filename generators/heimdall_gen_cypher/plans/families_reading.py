"""Families of reading plans: each function draws one plan, or None where the schema has none."""

from __future__ import annotations

from attrs import evolve

from heimdall_gen_cypher.plans import predicates
from heimdall_gen_cypher.plans.drawing import (
    ALIASES,
    Draw,
    both_ends,
    bounded,
    chain,
    columns_of,
    conditioned,
    groupable,
    key,
    measure_of,
    shown,
    sorts_of,
    with_conditions,
)
from heimdall_gen_cypher.plans.reading import Hop, Item, Measure, Quantifier, Reading, Sort, Spot


def filtered(draw: Draw) -> Reading | None:
    """One label under one to three conditions."""
    spot = with_conditions(
        draw, Spot(draw.one(draw.schema.nodes)), draw.rng.choices((1, 2, 3), (3, 4, 2))[0]
    )
    columns = columns_of(draw, (spot,), draw.rng.choices((1, 2, 3), (4, 3, 1))[0])
    if not spot.predicates or not columns:
        return None
    distinct = len(columns) == 1 and not columns[0].of.key and draw.chance(0.4)  # type: ignore[union-attr]
    return Reading((spot,), columns=columns, distinct=distinct)


def sorted_(draw: Draw) -> Reading | None:
    """One label, or one hop, in an order, cut off or paged."""
    if draw.chance(0.6):
        reading = filtered(draw)
        alone = reading is not None and any(
            p.of.key for p in reading.spots[0].predicates if p.plain
        )
        if reading is not None and (alone or draw.chance(0.4)):
            spot = evolve(reading.spots[0], predicates=(), glue="and")
            reading = evolve(reading, spots=(spot,))
    else:
        reading = joined(draw, 1)
    if reading is None:
        return None
    reading = evolve(reading, sorts=sorts_of(draw, reading))
    if not reading.sorts:
        return None
    return bounded(draw, reading, page=draw.chance(0.25)) if draw.chance(0.7) else reading


def whole(draw: Draw) -> Reading | None:
    """Nodes as they are, under conditions."""
    spot = with_conditions(draw, Spot(draw.one(draw.schema.nodes)), draw.one((1, 1, 2)))
    if not spot.predicates:
        return None
    reading = Reading((spot,), columns=(Item(0, None),))
    return bounded(draw, reading) if draw.chance(0.4) else reading


def joined(draw: Draw, length: int) -> Reading | None:
    """A chain, one row per match or without duplicates."""
    found = chain(draw, length)
    if found is None:
        return None
    spots, hops = found
    spots = conditioned(draw, spots, least=1 if draw.chance(0.8) else 0)
    if draw.chance(0.45):
        columns = columns_of(draw, spots[:1], draw.one((1, 1, 2)))
        distinct = draw.chance(0.65)
    else:
        columns = both_ends(draw, spots)
        distinct = draw.chance(0.2)
    return Reading(spots, hops, columns, distinct=distinct) if columns else None


def one_hop(draw: Draw) -> Reading | None:
    return joined(draw, 1)


def two_hops(draw: Draw) -> Reading | None:
    return joined(draw, 2)


def three_hops(draw: Draw) -> Reading | None:
    return _maybe_sorted(draw, joined(draw, 3))


def four_hops(draw: Draw) -> Reading | None:
    return _maybe_sorted(draw, joined(draw, 4))


def _maybe_sorted(draw: Draw, reading: Reading | None) -> Reading | None:
    if reading is None or draw.chance(0.6):
        return reading
    reading = evolve(reading, sorts=sorts_of(draw, reading))
    return bounded(draw, reading) if reading.sorts and draw.chance(0.6) else reading


def tested(draw: Draw) -> Reading | None:
    """EXISTS and NOT EXISTS, behind none or one joined hop, over one or two hops."""
    before = 1 if draw.chance(0.25) else 0
    inside = 2 if draw.chance(0.3) else 1
    found = chain(draw, before + inside)
    if found is None:
        return None
    spots, hops = found
    if before and hops[0].type is hops[1].type and hops[0].forward is not hops[1].forward:
        return None  # what was followed there is followed back: always so, or never
    free = draw.dialect in ("neo4j", "neo4j5")
    tested_ = [
        with_conditions(draw, spot, draw.one((0, 1)), inside=not free)
        for spot in spots[before + 1 :]
    ]
    own = [with_conditions(draw, spot, draw.one((0, 0, 1))) for spot in spots[: before + 1]]
    quantifier: Quantifier = "some" if draw.chance(0.5) else "no"
    changed = list(hops)
    changed[before] = evolve(hops[before], quantifier=quantifier)
    columns = columns_of(draw, own[:1], draw.one((1, 1, 2)))
    if not columns:
        return None
    reading = Reading(
        (*own, *tested_), tuple(changed), columns, distinct=bool(before) and draw.chance(0.7)
    )
    return _maybe_sorted(draw, reading)


def compared(draw: Draw) -> Reading | None:
    """A count per node that is compared: WITH … WHERE total > n."""
    found = chain(draw, 1)
    if found is None:
        return None
    (first, second), (hop,) = found
    first = with_conditions(draw, first, draw.one((0, 0, 1)))
    second = with_conditions(draw, second, draw.one((0, 0, 1)))
    hop = evolve(hop, quantifier="more", number=draw.one((1, 1, 2, 2, 3, 4, 5, 10)))
    columns = columns_of(draw, (first,), draw.one((1, 1, 2)))
    if not columns:
        return None
    total = draw.one(ALIASES) if draw.chance(0.4) else ""
    reading = Reading((first, second), (hop,), columns, total=total)
    if total and draw.chance(0.5):
        reading = evolve(reading, sorts=(Sort(None, draw.chance(0.8)),))
    elif draw.chance(0.3):
        reading = evolve(reading, sorts=sorts_of(draw, reading))
    return bounded(draw, reading) if reading.sorts and draw.chance(0.5) else reading


def counted(draw: Draw) -> Reading | None:
    """How many nodes there are, behind none to two hops."""
    found = chain(draw, draw.rng.choices((0, 1, 2), (4, 5, 2))[0])
    if found is None:
        return None
    spots, hops = found
    spots = conditioned(draw, spots, least=1)
    measure = Measure("count", Item(0, None), distinct=bool(hops))
    return Reading(spots, hops, measures=(measure,))


def measured(draw: Draw) -> Reading | None:
    """One to three aggregates over a label."""
    node = draw.one(draw.schema.nodes)
    spot = with_conditions(draw, Spot(node), draw.one((0, 1, 1, 2)))
    if draw.chance(0.25):
        free = [p for p in shown(node) if all(p is not c.of for c in spot.predicates)]
        if not free:
            return None
        of = draw.one(free)
        return Reading((spot,), measures=(Measure("count", Item(0, of), True),))
    count = draw.rng.choices((1, 2, 3), (6, 2, 1))[0]
    found = [measure_of(draw, 0, spot) for _ in range(count)]
    measures = [m for m in found if m is not None]
    if not measures or len({(m.function, m.item.of) for m in measures}) < len(measures):
        return None
    return Reading((spot,), measures=tuple(measures))


def grouped(draw: Draw) -> Reading | None:
    """Aggregates per group, over none to two hops; often in the order of the aggregate."""
    found = chain(draw, draw.rng.choices((0, 1, 2), (4, 5, 2))[0])
    if found is None:
        return None
    spots, hops = found
    spots = conditioned(draw, spots)
    last = len(spots) - 1
    at = draw.one((0, last)) if last else 0
    other = last - at
    keys = groupable(spots[at].node) + ([key(spots[at].node)] if last else [])
    if not keys:
        return None
    columns: tuple[Item, ...] = (Item(at, draw.one(keys)),)
    if last and draw.chance(0.15):
        more = [p for p in groupable(spots[at].node) if p is not columns[0].of]
        columns += tuple(Item(at, p) for p in more[:1])
    alias = draw.one(ALIASES) if draw.chance(0.6) else ""
    if draw.chance(0.55):
        measure: Measure | None = Measure(
            "count", Item(other, None), bool(last) and draw.chance(0.4), alias
        )
    else:
        measure = measure_of(draw, other, spots[other], alias)
    if measure is None or measure.item.of in {c.of for c in columns}:
        return None
    measures = [measure]
    if draw.chance(0.15):
        second = measure_of(draw, other, spots[other])
        if second is not None and second.item.of is not measure.item.of:
            measures.append(second)
    reading = Reading(spots, hops, columns, tuple(measures))
    if alias and measure.function != "collect" and draw.chance(0.6):
        reading = evolve(reading, sorts=(Sort(None, draw.chance(0.8)),))
        return bounded(draw, reading) if draw.chance(0.6) else reading
    if draw.chance(0.25):
        reading = evolve(reading, sorts=(Sort(columns[0], draw.chance(0.4)),))
    return reading


def related(draw: Draw) -> Reading | None:
    """Conditions on a relationship, and its properties among the columns or aggregated."""
    found = chain(draw, 1)
    if found is None:
        return None
    spots, (hop,) = found
    if not hop.type.properties:
        return None
    if draw.chance(0.7):
        predicate = predicates.draw(draw.rng, hop.type.properties)
        hop = evolve(hop, predicate=predicate)
    spots = tuple(with_conditions(draw, spot, draw.one((0, 0, 1))) for spot in spots)
    of = draw.one(hop.type.properties)
    fixed = hop.predicate.of if hop.predicate is not None else None
    numbers = [p for p in hop.type.properties if p.type in ("INTEGER", "FLOAT") and p is not fixed]
    if numbers and draw.chance(0.25):
        number = draw.one(numbers)
        function = draw.one(("avg", "min", "max"))
        if number.additive and draw.chance(0.4):
            function = "sum"
        measure = Measure(function, Item(0, number, hop=True))  # type: ignore[arg-type]
        at = draw.one((0, 1))
        per: tuple[Item, ...] = (Item(at, key(spots[at].node)),) if draw.chance(0.5) else ()
        return Reading(spots, (hop,), per, (measure,))
    columns = both_ends(draw, spots)
    if draw.chance(0.6) and not (hop.predicate and hop.predicate.plain and hop.predicate.of is of):
        columns = (*columns, Item(0, of, hop=True))
    reading = Reading(spots, (hop,), columns)
    if any(c.hop for c in columns) and of.type != "BOOLEAN" and draw.chance(0.4):
        reading = evolve(reading, sorts=(Sort(Item(0, of, hop=True), draw.chance(0.6)),))
        return bounded(draw, reading) if draw.chance(0.5) else reading
    return reading


def typed(draw: Draw) -> Reading | None:
    """One of two types, or a relationship in either direction."""
    loops = [r for r in draw.schema.relationships if r.start == r.end]
    pairs = [
        (a, b)
        for i, a in enumerate(draw.schema.relationships)
        for b in draw.schema.relationships[i + 1 :]
        if (a.start, a.end) == (b.start, b.end)
    ]
    by_label = draw.schema.by_label
    if pairs and (not loops or draw.chance(0.6)):
        types = draw.one(pairs)
        if draw.chance(0.5):
            types = (types[1], types[0])
        forward = draw.chance(0.6)
        ends = (types[0].start, types[0].end) if forward else (types[0].end, types[0].start)
        spots: tuple[Spot, ...] = tuple(Spot(by_label[label]) for label in ends)
        hop = Hop(types, forward)
    elif loops:
        loop = draw.one(loops)
        spots = (Spot(by_label[loop.start]), Spot(by_label[loop.start]))
        hop = Hop((loop,), True, undirected=True)
    else:
        return None
    spots = conditioned(draw, spots, least=1)
    columns = both_ends(draw, spots)
    if draw.chance(0.4):
        columns = columns_of(draw, spots[:1], 1)
    if not columns:
        return None
    return Reading(spots, (hop,), columns, distinct=draw.chance(0.4))


def planned(draw: Draw) -> Reading | None:
    """EXPLAIN or PROFILE before another plan."""
    reading = draw.one((filtered, one_hop, grouped, two_hops))(draw)
    if reading is None:
        return None
    return evolve(reading, prefix=draw.one(("EXPLAIN", "PROFILE")))

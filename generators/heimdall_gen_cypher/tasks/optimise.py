"""Queries that are slower than they need be, with the checker's finding, and the better ones: the
finding is there before and gone after."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from heimdall_core.types import CheckRequest, Finding, lazy
from heimdall_gen_cypher.plans.drawing import (
    Draw,
    chain,
    columns_of,
    key,
    numeric,
    shown,
    with_conditions,
)
from heimdall_gen_cypher.plans.families_paths import keyed
from heimdall_gen_cypher.plans.plan import Plan
from heimdall_gen_cypher.plans.query import query as write
from heimdall_gen_cypher.plans.reading import Reading, Spot
from heimdall_gen_cypher.plans.voice import Voice
from heimdall_gen_cypher.terms import literal

#: Imported when it is first called, so that the plugin itself is there at once.
check = lazy("heimdall_lang_cypher.language:check")


@frozen
class Pair:
    """A query before and after, with what the prompt must add so that there is one answer."""

    code: str
    slow: str
    fast: str
    told: str = ""


def _joined(draw: Draw) -> Pair | None:
    """Two patterns that a third joins: a cartesian product."""
    found = chain(draw, 1)
    if found is None:
        return None
    spots, (hop,) = found
    spots = tuple(with_conditions(draw, s, draw.one((0, 1)), inside=True) for s in spots)
    first, second = (columns_of(draw, (s,), 1) for s in spots)
    if not first or not second:
        return None
    a, b = spots[0].node.label[0].lower(), spots[1].node.label[0].lower()
    b = f"{b}2" if a == b else b
    ends = []
    for name, spot in zip((a, b), spots, strict=True):
        entry = ", ".join(p.entry() for p in spot.predicates)
        ends.append(f"({name}:{spot.node.label}{f' {{{entry}}}' if entry else ''})")
    arrow = f"-[:{hop.type.type}]->" if hop.forward else f"<-[:{hop.type.type}]-"
    end = f"RETURN {a}.{first[0].of.name}, {b}.{second[0].of.name}"  # type: ignore[union-attr]
    slow = f"MATCH {ends[0]}, {ends[1]} MATCH ({a}){arrow}({b}) {end}"
    return Pair("CartesianProduct", slow, f"MATCH {ends[0]}{arrow}{ends[1]} {end}")


def _bounded(draw: Draw) -> Pair | None:
    """A path of any length."""
    loops = [r for r in draw.schema.relationships if r.start == r.end]
    if not loops:
        return None
    loop = draw.one(loops)
    node = draw.schema.by_label[loop.start]
    _, entry = keyed(draw, node, Voice(None))
    v, of, most = node.label[0].lower(), draw.one(shown(node)), draw.one((2, 3, 4, 5, 6, 8))
    text = (
        f"MATCH ({v}:{node.label} {entry})-[:{loop.type}*%s]->({v}2:{node.label}) "
        f"RETURN DISTINCT {v}2.{of.name}"
    )
    told = draw.one(
        (f"Paths of up to {most} relationships are enough.", f"Limit the length to {most}.")
    )
    return Pair("UnboundedVariableLengthPattern", text % "", text % f"1..{most}", told)


def _unwound(draw: Draw) -> Pair | None:
    """collect() only to be unwound again."""
    node = draw.one(draw.schema.nodes)
    spot = with_conditions(draw, Spot(node), 1)
    columns = columns_of(draw, (spot,), draw.one((1, 2)))
    if not spot.predicates or not columns:
        return None
    fast = write(Reading((spot,), columns=columns))
    v = node.label[0].lower()
    head, _, tail = fast.rpartition(" RETURN ")
    if not head.startswith(f"MATCH ({v}:"):
        return None
    name = draw.one(("items", "list", "nodes", "found"))
    slow = f"{head} WITH collect({v}) AS {name} UNWIND {name} AS {v} RETURN {tail}"
    return Pair("CollectThenUnwind", slow, fast)


def _untouched(draw: Draw) -> Pair | None:
    """A property that is changed before it is compared, so that no index helps."""
    node = draw.one(draw.schema.nodes)
    numbers = [p for p in numeric(node) if p.type == "INTEGER"]
    if not numbers:
        return None
    of, k, v = draw.one(numbers), key(node), node.label[0].lower()
    value = int(draw.one(of.values))
    form = draw.one(("text", "plus", "minus"))
    if form == "text":
        slow, fast = f"toString({v}.{of.name}) = '{value}'", f"{v}.{of.name} = {value}"
    else:
        by = draw.one((1, 5, 10, 100))
        sign = draw.one((">", "<", ">=", "<="))
        moved = f"{v}.{of.name} {'+' if form == 'plus' else '-'} {by} {sign} "
        slow = f"{moved}{value + by if form == 'plus' else value - by}"
        fast = f"{v}.{of.name} {sign} {value}"
    text = f"MATCH ({v}:{node.label}) WHERE %s RETURN {v}.{k.name}"
    return Pair("IndexDefeated", text % slow, text % fast)


def _limited(draw: Draw) -> Pair | None:
    """Everything there is, where a few rows are wanted."""
    found = chain(draw, draw.one((0, 1)))
    if found is None:
        return None
    spots, hops = found
    columns = columns_of(draw, spots, 2)
    if not columns:
        return None
    slow = write(Reading(spots, hops, columns))
    limit = draw.one((10, 20, 25, 50, 100, 500))
    told = draw.one((f"{limit} rows are enough.", f"Only {limit} rows are needed."))
    return Pair("MissingLimit", slow, f"{slow} LIMIT {limit}", told)


def _ordered(draw: Draw) -> Pair | None:
    """A page of rows that have no order."""
    node = draw.one(draw.schema.nodes)
    columns = columns_of(draw, (Spot(node),), draw.one((1, 2)))
    k, v = key(node), node.label[0].lower()
    skip, limit = draw.one((5, 10, 20, 50)), draw.one((5, 10, 20, 50))
    head = write(Reading((Spot(node),), columns=columns))
    told = draw.one((f"Pages go by {k.name}.", f"The order of the pages is that of {k.name}."))
    slow = f"{head} SKIP {skip} LIMIT {limit}"
    return Pair(
        "SkipWithoutOrder", slow, f"{head} ORDER BY {v}.{k.name} SKIP {skip} LIMIT {limit}", told
    )


def _parameter(draw: Draw) -> Pair | None:
    """A literal where a parameter lets the plan be used again."""
    node = draw.one(draw.schema.nodes)
    k, v = key(node), node.label[0].lower()
    columns = columns_of(draw, (Spot(node),), draw.one((1, 2)))
    name = draw.one((k.name, "value", "wanted", f"{v}{k.name[0].upper()}{k.name[1:]}"))
    returned = ", ".join(f"{v}.{c.of.name}" for c in columns if c.of is not None)
    text = f"MATCH ({v}:{node.label} {{{k.name}: %s}}) RETURN {returned}"
    told = f"Call the parameter {name}."
    slow = text % literal(draw.one(k.values))
    return Pair("LiteralInsteadOfParameter", slow, text % f"${name}", told)


_KINDS: tuple[Callable[[Draw], Pair | None], ...] = (
    _joined,
    _joined,
    _bounded,
    _unwound,
    _untouched,
    _untouched,
    _limited,
    _ordered,
    _parameter,
)
_ASKED = (
    "Make this query faster.",
    "Optimise this query.",
    "Rewrite this query so that it does less work.",
    "How should this query be written to run well?",
    "Improve the performance of this query.",
    "Improve the performance of this query without changing what it answers.",
)

#: Findings whose rewrite gives fewer rows than the query did.
_FEWER = ("MissingLimit", "UnboundedVariableLengthPattern")


def optimised(draw: Draw, voice: Voice) -> Plan | None:
    """A query with a performance finding, and the query without it."""
    pair = draw.one(_KINDS)(draw)
    if pair is None:
        return None
    found = _finding(pair.slow, pair.code, draw)
    if found is None or _finding(pair.fast, pair.code, draw) is not None:
        return None
    said = (
        f" The checker says: {found.message}." if draw.chance(0.7) else f" Finding: {found.code}."
    )
    told = f" {pair.told}" if pair.told else ""
    asked = draw.one(_ASKED[:-1] if pair.code in _FEWER else _ASKED)
    return Plan(f"{asked}{said}{told}", pair.fast, input=pair.slow)


def _finding(query: str, code: str, draw: Draw) -> Finding | None:
    request = CheckRequest(dialect=draw.dialect, schema=draw.schema.json)
    return next((f for f in check(query, request) if f.code == code), None)

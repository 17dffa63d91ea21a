"""Sample queries over a schema, in the part of Cypher that NornicDB answers right.

Each comes with the noun phrase that asks for it: "the plate of each Truck with mileage above 40".
The phrase names every label, property, type and value of the query, in the answer's own spelling,
so that the phrase alone determines the query.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from attrs import frozen

from heimdall_repo_nornicdb.rows.domains import (
    Domain,
    Edge,
    Label,
    Property,
    Value,
    literal,
    one,
    value,
)


@frozen
class Sample:
    """A query and what it is asked for."""

    ask: str
    cypher: str
    level: int
    """1 for one pattern, 2 with a condition or aggregation, 3 with relationships."""


def sample(domain: Domain, rng: random.Random) -> Sample:
    """A random query over the schema."""
    return rng.choice(_SHAPES)(domain, rng)


def reading(domain: Domain, rng: random.Random, most: int = 3) -> Sample:
    """A random query of at most a level."""
    while True:
        found = sample(domain, rng)
        if found.level <= most:
            return found


def variables(*labels: Label) -> list[str]:
    """One variable per node: the label's first letter, numbered where it is taken."""
    taken: dict[str, int] = {}
    names = []
    for label in labels:
        letter = label.variable
        taken[letter] = taken.get(letter, 0) + 1
        names.append(letter if taken[letter] == 1 else f"{letter}{taken[letter]}")
    return names


def comparison(of: Property, rng: random.Random) -> tuple[str, str, str]:
    """Words, operator and value of a condition on a property: `above`, `>`, `40`."""
    if of.is_number:
        words, operator = rng.choice(
            (
                ("above", ">"),
                ("below", "<"),
                ("at least", ">="),
                ("at most", "<="),
                ("equal to", "="),
            )
        )
        return words, operator, literal(value(of, rng))
    if of.kind == "flag":
        return "equal to", "=", literal(value(of, rng))
    return "equal to", "=", literal(value(of, rng))


def apart(of: Property, rng: random.Random) -> tuple[tuple[str, str, str], tuple[str, str, str]]:
    """Two conditions on one property, as `comparison` gives them, such that no value meets both
    and some meet neither."""
    low, high = sorted(distinct(of, rng, 2))
    below = [("equal to", "=")]
    above = [("equal to", "=")]
    if of.is_number:
        below += [("below", "<"), ("at most", "<=")]
        above += [("above", ">"), ("at least", ">=")]
    found = [(*rng.choice(below), literal(low)), (*rng.choice(above), literal(high))]
    rng.shuffle(found)
    return found[0], found[1]


def distinct(of: Property, rng: random.Random, count: int) -> list[Any]:
    """That many different values of a property, in the order in which they were drawn."""
    found: dict[Value, None] = {}
    while len(found) < count:
        found[value(of, rng)] = None
    return list(found)


def conditional(label: Label) -> list[Property]:
    """The properties that a condition can be about."""
    return [p for p in label.properties if p.is_text or p.is_number or p.kind == "flag"]


def _label(domain: Domain, rng: random.Random) -> Label:
    return rng.choice(domain.labels)


def _by_key(domain: Domain, rng: random.Random) -> Sample:
    label = _label(domain, rng)
    v, key = label.variable, literal(value(label.key, rng))
    shown = rng.choice([p for p in label.plain if p is not label.key])
    return Sample(
        f"the {shown.name} of the {label.name} whose {label.key.name} is {key}",
        f"MATCH ({v}:{label.name} {{{label.key.name}: {key}}}) RETURN {v}.{shown.name}",
        1,
    )


def _where(domain: Domain, rng: random.Random) -> Sample:
    label = _label(domain, rng)
    v = label.variable
    tested = rng.choice(conditional(label))
    shown = rng.choice([p for p in label.plain if p is not tested])
    words, operator, of = comparison(tested, rng)
    return Sample(
        f"the {shown.name} of each {label.name} with {tested.name} {words} {of}",
        f"MATCH ({v}:{label.name}) WHERE {v}.{tested.name} {operator} {of} RETURN {v}.{shown.name}",
        2,
    )


def _two_conditions(domain: Domain, rng: random.Random) -> Sample:
    label = _label(domain, rng)
    v = label.variable
    first, second = rng.sample(conditional(label), 2)
    one, other = comparison(first, rng), comparison(second, rng)
    joiner = rng.choice(("and", "or"))
    return Sample(
        f"the {label.key.name} of each {label.name} with {first.name} {one[0]} {one[2]} {joiner} "
        f"{second.name} {other[0]} {other[2]}",
        f"MATCH ({v}:{label.name}) WHERE {v}.{first.name} {one[1]} {one[2]} {joiner.upper()} "
        f"{v}.{second.name} {other[1]} {other[2]} RETURN {v}.{label.key.name}",
        2,
    )


def _count(domain: Domain, rng: random.Random) -> Sample:
    label = _label(domain, rng)
    v = label.variable
    tested = rng.choice(conditional(label))
    words, operator, of = comparison(tested, rng)
    return Sample(
        f"the number of {label.name} nodes with {tested.name} {words} {of}",
        f"MATCH ({v}:{label.name}) WHERE {v}.{tested.name} {operator} {of} "
        f"RETURN count({v}) AS total",
        2,
    )


def _aggregate(domain: Domain, rng: random.Random) -> Sample:
    label = rng.choice([each for each in domain.labels if each.numbers])
    v, of = label.variable, rng.choice(label.numbers)
    words, function = rng.choice(
        (("average", "avg"), ("lowest", "min"), ("highest", "max"), ("sum of the", "sum"))
    )
    return Sample(
        f"the {words} {of.name} over all {label.name} nodes",
        f"MATCH ({v}:{label.name}) RETURN {function}({v}.{of.name}) AS result",
        2,
    )


def _grouped(domain: Domain, rng: random.Random) -> Sample:
    labels = [each for each in domain.labels if len(each.texts) > 1]
    if not labels:
        return _count(domain, rng)
    label = rng.choice(labels)
    v = label.variable
    by = rng.choice([p for p in label.texts if p is not label.key])
    return Sample(
        f"the number of {label.name} nodes per {by.name}",
        f"MATCH ({v}:{label.name}) RETURN {v}.{by.name}, count({v}) AS total",
        2,
    )


def _top(domain: Domain, rng: random.Random) -> Sample:
    label = rng.choice([each for each in domain.labels if each.numbers])
    v, by = label.variable, rng.choice(label.numbers)
    count = rng.choice((3, 5, 8, 10, 15, 20, 25, 50))
    words, ending = rng.choice((("highest", " DESC"), ("lowest", "")))
    return Sample(
        f"the {label.key.name} of the {count} {label.name} nodes with the {words} {by.name}",
        f"MATCH ({v}:{label.name}) RETURN {v}.{label.key.name} ORDER BY {v}.{by.name}{ending} "
        f"LIMIT {count}",
        2,
    )


def _text_search(domain: Domain, rng: random.Random) -> Sample:
    label = rng.choice([each for each in domain.labels if each.texts])
    v, of = label.variable, rng.choice(label.texts)
    words, operator = rng.choice(
        (("starting with", "STARTS WITH"), ("ending in", "ENDS WITH"), ("containing", "CONTAINS"))
    )
    text = str(value(of, rng))
    size = rng.randrange(2, min(6, len(text)) + 1)
    piece = {"STARTS WITH": text[:size], "ENDS WITH": text[-size:], "CONTAINS": text[1 : size + 1]}
    of_value = literal(piece[operator].strip("' "))
    shown = rng.choice([p for p in label.plain if p is not of])
    return Sample(
        f"the {shown.name} of each {label.name} with {one(of.name)} {words} {of_value}",
        f"MATCH ({v}:{label.name}) WHERE {v}.{of.name} {operator} {of_value} RETURN "
        f"{v}.{shown.name}",
        2,
    )


def _in_list(domain: Domain, rng: random.Random) -> Sample:
    label = _label(domain, rng)
    v, of = label.variable, label.key
    values = ", ".join(map(literal, distinct(of, rng, rng.choice((2, 3)))))
    shown = rng.choice([p for p in label.plain if p is not of])
    return Sample(
        f"the {shown.name} of each {label.name} whose {of.name} is one of {values}",
        f"MATCH ({v}:{label.name}) WHERE {v}.{of.name} IN [{values}] RETURN {v}.{shown.name}",
        2,
    )


def _missing(domain: Domain, rng: random.Random) -> Sample:
    label = _label(domain, rng)
    v = label.variable
    of = rng.choice([p for p in label.plain if p is not label.key])
    words, test = rng.choice((("without", "IS NULL"), ("that have", "IS NOT NULL")))
    article = "" if words == "without" else "a value for "
    return Sample(
        f"the {label.key.name} of all {label.name} nodes {words} {article}{of.name}",
        f"MATCH ({v}:{label.name}) WHERE {v}.{of.name} {test} RETURN {v}.{label.key.name}",
        2,
    )


def _out(domain: Domain, rng: random.Random) -> Sample:
    edge = rng.choice(domain.edges)
    a, b = variables(edge.start, edge.end)
    key = literal(value(edge.start.key, rng))
    shown = rng.choice(edge.end.plain)
    return Sample(
        f"the {shown.name} of each {edge.end.name} that the {edge.start.name} with "
        f"{edge.start.key.name} {key} reaches by {edge.type}",
        f"MATCH ({a}:{edge.start.name} {{{edge.start.key.name}: {key}}})-[:{edge.type}]->"
        f"({b}:{edge.end.name}) RETURN {b}.{shown.name}",
        3,
    )


def _in(domain: Domain, rng: random.Random) -> Sample:
    edge = rng.choice(domain.edges)
    a, b = variables(edge.end, edge.start)
    key = literal(value(edge.end.key, rng))
    shown = rng.choice(edge.start.plain)
    return Sample(
        f"the {shown.name} of each {edge.start.name} with {one(edge.type)} relationship to the "
        f"{edge.end.name} with {edge.end.key.name} {key}",
        f"MATCH ({a}:{edge.end.name} {{{edge.end.key.name}: {key}}})<-[:{edge.type}]-"
        f"({b}:{edge.start.name}) RETURN {b}.{shown.name}",
        3,
    )


def _degree(domain: Domain, rng: random.Random) -> Sample:
    edge = rng.choice(domain.edges)
    a, b = variables(edge.start, edge.end)
    limit = rng.choice((3, 5, 10, 20, 25))
    return Sample(
        f"the {limit} values of {edge.start.key.name} of {edge.start.name} nodes with the most "
        f"{edge.type} relationships to {edge.end.name} nodes, and their number",
        f"MATCH ({a}:{edge.start.name})-[:{edge.type}]->({b}:{edge.end.name}) "
        f"RETURN {a}.{edge.start.key.name}, count({b}) AS total ORDER BY total DESC LIMIT {limit}",
        3,
    )


def _without(domain: Domain, rng: random.Random) -> Sample:
    edge = rng.choice(domain.edges)
    a, _ = variables(edge.start, edge.end)
    return Sample(
        f"the {edge.start.key.name} of each {edge.start.name} without any {edge.type} relationship "
        f"to {one(edge.end.name)}",
        f"MATCH ({a}:{edge.start.name}) WHERE NOT EXISTS {{ MATCH ({a})-[:{edge.type}]->"
        f"(:{edge.end.name}) }} RETURN {a}.{edge.start.key.name}",
        3,
    )


def _related_where(domain: Domain, rng: random.Random) -> Sample:
    edge = rng.choice(domain.edges)
    a, b = variables(edge.start, edge.end)
    tested = rng.choice(conditional(edge.end))
    words, operator, of = comparison(tested, rng)
    return Sample(
        f"the {edge.start.key.name} of each {edge.start.name} with {one(edge.type)} "
        "relationship to "
        f"{one(edge.end.name)} with {tested.name} {words} {of}",
        f"MATCH ({a}:{edge.start.name})-[:{edge.type}]->({b}:{edge.end.name}) "
        f"WHERE {b}.{tested.name} {operator} {of} RETURN {a}.{edge.start.key.name}",
        3,
    )


def _relationship_value(domain: Domain, rng: random.Random) -> Sample:
    edge = rng.choice([e for e in domain.edges if e.properties])
    a, b = variables(edge.start, edge.end)
    of = rng.choice(edge.properties)
    words, operator, bound = comparison(of, rng)
    return Sample(
        f"the {edge.start.key.name} of each {edge.start.name} and the {edge.end.key.name} of the "
        f"{edge.end.name} where {edge.type} has {of.name} {words} {bound}",
        f"MATCH ({a}:{edge.start.name})-[rel:{edge.type}]->({b}:{edge.end.name}) "
        f"WHERE rel.{of.name} {operator} {bound} "
        f"RETURN {a}.{edge.start.key.name}, {b}.{edge.end.key.name}",
        3,
    )


def _hops(domain: Domain, rng: random.Random) -> Sample:
    loops = [e for e in domain.edges if e.start is e.end]
    if not loops:
        return _out(domain, rng)
    edge = rng.choice(loops)
    a, b = variables(edge.start, edge.end)
    key, most = literal(value(edge.start.key, rng)), rng.choice((2, 3, 4, 5))
    return Sample(
        f"the {edge.end.key.name} of each {edge.end.name} within {most} {edge.type} steps of the "
        f"{edge.start.name} with {edge.start.key.name} {key}",
        f"MATCH ({a}:{edge.start.name} {{{edge.start.key.name}: {key}}})-[:{edge.type}*1..{most}]->"
        f"({b}:{edge.end.name}) RETURN DISTINCT {b}.{edge.end.key.name}",
        3,
    )


def edge_of(domain: Domain, rng: random.Random) -> Edge:
    """A random relationship type of the schema."""
    return rng.choice(domain.edges)


_SHAPES: Sequence[Callable[[Domain, random.Random], Sample]] = (
    _by_key,
    _where,
    _two_conditions,
    _count,
    _aggregate,
    _grouped,
    _top,
    _text_search,
    _in_list,
    _missing,
    _out,
    _in,
    _degree,
    _without,
    _related_where,
    _relationship_value,
    _hops,
)

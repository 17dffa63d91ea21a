"""Families over paths: variable length, shortest paths, and two ways from one node."""

from __future__ import annotations

from heimdall_gen_cypher.plans.drawing import Draw, columns_of, key, shown, ways
from heimdall_gen_cypher.plans.nouns import phrase
from heimdall_gen_cypher.plans.plan import Plan
from heimdall_gen_cypher.plans.predicates import Predicate
from heimdall_gen_cypher.plans.predicates import draw as draw_predicate
from heimdall_gen_cypher.plans.reading import Hop, Reading, Spot
from heimdall_gen_cypher.plans.voice import Voice, listed
from heimdall_gen_cypher.schema import Node, Relationship
from heimdall_gen_cypher.terms import literal


def keyed(draw: Draw, node: Node, voice: Voice) -> tuple[str, str]:
    """One node by its key: in the prompt (`film with title 'Jaws'`), and as a pattern's map."""
    of = key(node)
    value = draw.one(of.values)
    name = f"{voice.one(node)} with {voice.prop(of)} {voice.value(value)}"
    return name, f"{{{of.name}: {literal(value)}}}"


def _loop(draw: Draw) -> Relationship | None:
    loops = [r for r in draw.schema.relationships if r.start == r.end]
    return draw.one(loops) if loops else None


def reached(draw: Draw, voice: Voice) -> Plan | None:
    """Nodes that a number of hops leads to."""
    loop = _loop(draw)
    if loop is None:
        return None
    node = draw.schema.by_label[loop.start]
    start, entry = keyed(draw, node, voice)
    low = draw.one((1, 1, 1, 2))
    high = low + draw.one((1, 2, 3, 4))
    exact = draw.chance(0.25)
    span = f"*{high}" if exact else f"*{low}..{high}"
    times = f"exactly {high}" if exact else f"{low} to {high}"
    of = draw.one(shown(node))
    way = draw.one(("out", "in", "both"))
    first, second = node.label[0].lower(), f"{node.label[0].lower()}2"
    arrow = {
        "out": f"-[:{loop.type}{span}]->",
        "in": f"<-[:{loop.type}{span}]-",
        "both": f"-[:{loop.type}{span}]-",
    }[way]
    distinct = draw.chance(0.7)
    query = (
        f"MATCH ({first}:{node.label} {entry}){arrow}({second}:{node.label}) "
        f"RETURN {'DISTINCT ' if distinct else ''}{second}.{of.name}"
    )
    many, prop = voice.many(node), voice.column(of)
    copies = (
        voice.pick(("without duplicates", "each different value once", "distinct values only"))
        if distinct
        else voice.pick(("one row per path", "a row for every path"))
    )
    steps = {
        "out": f"following {times} {loop.type} relationships",
        "in": f"going back along {times} {loop.type} relationships",
        "both": f"following {times} {loop.type} relationships in either direction",
    }[way]
    prompt = voice.pick(
        (
            f"Which {many} can be reached from the {start} by {steps}? Show the {prop}, {copies}.",
            f"Starting at the {start} and {steps}, list the {prop} of the {many} you reach, "
            f"{copies}.",
            f"{prop} of {many} reached from the {start} by {steps}, {copies}",
            f"Show the {prop} of all {many} that you get to from the {start} by {steps}; {copies}.",
        )
    )
    plain = Voice(None)
    told = (
        f"Starting at the {plain.one(node)} with {entry[1:-1]}, it returns the {of.name} of the "
        f"{plain.many(node)} reached by {steps}"
        f"{', each different value once' if distinct else ', one row per path'}."
    )
    return Plan(prompt, query, told)


def shortest(draw: Draw, voice: Voice) -> Plan | None:
    """The shortest path between two nodes, or its length."""
    loop = _loop(draw)
    if loop is None:
        return None
    node = draw.schema.by_label[loop.start]
    first, one = keyed(draw, node, voice)
    second, other = keyed(draw, node, voice)
    if one == other:
        return None
    v = node.label[0].lower()
    most = draw.one((3, 4, 5, 6, 8, 10))
    every = draw.chance(0.3)
    function = "allShortestPaths" if every else "shortestPath"
    directed = draw.chance(0.5)
    arrow = f"-[:{loop.type}*..{most}]-{'>' if directed else ''}"
    length = draw.chance(0.6)
    query = (
        f"MATCH path = {function}(({v}:{node.label} {one}){arrow}({v}2:{node.label} {other})) "
        f"RETURN {'length(path)' if length else 'path'}"
    )
    hops = f"at most {most} {loop.type} relationships"
    hops += " followed forward" if directed else " in either direction"
    path = "all the shortest paths" if every else "the shortest path"
    what = f"{'the length of ' if length else ''}{path}"
    prompt = voice.pick(
        (
            f"Show {what} from the {first} to the {second}, using {hops}.",
            f"Return {what} between the {first} and the {second} over {hops}.",
            f"{what.removeprefix('the ')} from the {first} to the {second} along {hops}",
            f"Find {what} that leads from the {first} to the {second} through {hops}."
            if not every
            else f"Find {what} that lead from the {first} to the {second} through {hops}.",
        )
    )
    return Plan(prompt, query)


def branched(draw: Draw, voice: Voice) -> Plan | None:
    """A node with two ways out: `(a)-[:R]->(:B), (a)-[:S]->(:C)`."""
    schema = draw.schema
    node = draw.one(schema.nodes)
    options = ways(schema)[node.label]
    if len(options) < 1:
        return None
    arms = [draw.one(options), draw.one(options)]
    ends: list[Spot] = []
    for relationship, forward in arms:
        end = schema.by_label[relationship.end if forward else relationship.start]
        predicate = draw_predicate(draw.rng, shown(end), null=False)
        ends.append(Spot(end, (predicate,) if predicate else ()))
    if arms[0] == arms[1] and _same(ends):
        return None
    if any(not end.predicates for end in ends):
        return None
    columns = columns_of(draw, (Spot(node),), draw.one((1, 1, 2)))
    hops = [Hop((relationship,), forward) for relationship, forward in arms]
    used = 1
    letters = {node.label[0].lower(): 1}
    parts, conditions = [], []
    name = node.label[0].lower()
    for place, (spot, hop) in enumerate(zip(ends, hops, strict=True)):
        predicate = spot.predicates[0]
        variable = ""
        if not predicate.plain:
            letter = spot.node.label[0].lower()
            letters[letter] = letters.get(letter, 0) + 1
            variable = letter if letters[letter] == 1 else f"{letter}{letters[letter]}"
            conditions.append(predicate.code(variable))
            used += 1
        entry = f" {{{predicate.entry()}}}" if predicate.plain else ""
        arrow = f"-[:{hop.type.type}]->" if hop.forward else f"<-[:{hop.type.type}]-"
        start = f"({name}:{node.label})" if place == 0 else f"({name})"
        parts.append(f"{start}{arrow}({variable}:{spot.node.label}{entry})")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    returned = ", ".join(f"{name}.{item.of.name}" for item in columns if item.of)
    query = f"MATCH {', '.join(parts)}{where} RETURN DISTINCT {returned}"
    plain = Voice(None)
    told, told_plain = (
        " and ".join(
            phrase(Reading((Spot(node), end), (hop,)), each, "many").removeprefix(each.many(node))
            for end, hop in zip(ends, hops, strict=True)
        ).lstrip()
        for each in (voice, plain)
    )
    props = listed([voice.column(item.of) for item in columns if item.of])
    copies = voice.pick(("without duplicate rows", "each different row once", "distinct rows only"))
    prompt = voice.pick(
        (
            f"Show the {props} of {voice.many(node)} {told}, {copies}.",
            f"Find {voice.many(node)} {told}. Return the {props}, {copies}.",
            f"{props} of {voice.many(node)} {told}, {copies}",
        )
    )
    names = listed([item.of.name for item in columns if item.of])
    explanation = (
        f"It returns the {names} of {plain.many(node)} {told_plain}, without duplicate rows."
    )
    return Plan(prompt.replace("  ", " "), query, explanation.replace("  ", " "))


def _same(ends: list[Spot]) -> bool:
    one, two = (_text(end.predicates[0]) if end.predicates else "" for end in ends)
    return one == two


def _text(predicate: Predicate) -> str:
    return predicate.code("x")

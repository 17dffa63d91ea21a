"""Families that NornicDB answers wrong or lacks, and other dialects have."""

from __future__ import annotations

from heimdall_gen_cypher.plans.drawing import (
    ALIASES,
    Draw,
    chain,
    groupable,
    key,
    numeric,
    shown,
    with_conditions,
)
from heimdall_gen_cypher.plans.families_paths import keyed
from heimdall_gen_cypher.plans.nouns import phrase
from heimdall_gen_cypher.plans.plan import Plan
from heimdall_gen_cypher.plans.query import match_of
from heimdall_gen_cypher.plans.reading import Item, Reading, Spot
from heimdall_gen_cypher.plans.voice import Voice, listed
from heimdall_gen_cypher.schema import Node
from heimdall_gen_cypher.terms import literal


def _pair(draw: Draw) -> tuple[Reading, str, str, str, str] | None:
    """A conditioned node with a hop: the reading of the node alone, its variable, the hop as a
    pattern from that variable, the variable of the other node, and its label with map."""
    found = chain(draw, 1)
    if found is None:
        return None
    (first, second), (hop,) = found
    first = with_conditions(draw, first, draw.one((0, 1)))
    second = with_conditions(draw, second, draw.one((0, 1)), inside=True)
    reading = Reading((first, second), (hop,), columns=(Item(0, None), Item(1, None)))
    _, names, _ = match_of(reading)
    entry = ", ".join(p.entry() for p in second.predicates)
    inside = f"{names[1]}:{second.node.label}{f' {{{entry}}}' if entry else ''}"
    arrow = f"-[:{hop.type.type}]->" if hop.forward else f"<-[:{hop.type.type}]-"
    return reading, names[0], arrow, names[1], inside


def _alone(reading: Reading) -> Reading:
    return Reading(reading.spots[:1], columns=(Item(0, None),))


def _others(reading: Reading, voice: Voice) -> str:
    """The nodes at the other end of the hop, with how they are joined, said of each root."""
    spot, hop = reading.spots[1], reading.hops[0]
    way = "outgoing" if hop.forward else "incoming"
    many = phrase(Reading((spot,)), voice, "many")
    return f"{many} joined by {way} {hop.type.type}"


def counts(draw: Draw, voice: Voice) -> Plan | None:
    """COUNT { } with the nodes that have none."""
    found = _pair(draw)
    if found is None:
        return None
    reading, v, arrow, _, inside = found
    inside = inside.partition(":")[2]
    match, _, _ = match_of(_alone(reading))
    k = key(reading.spots[0].node)
    alias = draw.one(ALIASES)
    root, others = phrase(_alone(reading), voice, "each"), _others(reading, voice)
    name = voice.prop(k)
    if draw.chance(0.4):
        n = draw.one((1, 2, 3, 5))
        link = "AND" if " WHERE " in match else "WHERE"
        many = phrase(_alone(reading), voice, "many")
        query = f"{match} {link} COUNT {{ ({v}){arrow}(:{inside}) }} > {n} RETURN {v}.{k.name}"
        if " OR " in match:
            return None
        return Plan(
            f"With a COUNT subquery, show the {name} of {many} with more than {n} {others}.", query
        )
    query = f"{match} RETURN {v}.{k.name}, COUNT {{ ({v}){arrow}(:{inside}) }} AS {alias}"
    prompt = voice.pick(
        (
            f"For {root}, show the {name} and the number of {others} as {alias}, zero included.",
            f"{name} of {root} and the count (as {alias}, 0 where there are none) of {others}",
        )
    )
    return Plan(prompt, query)


def collected(draw: Draw, voice: Voice) -> Plan | None:
    """COLLECT { }, or a pattern comprehension."""
    found = _pair(draw)
    if found is None:
        return None
    reading, v, arrow, w, inside = found
    match, _, _ = match_of(_alone(reading))
    k, of = key(reading.spots[0].node), key(reading.spots[1].node)
    root, others = phrase(_alone(reading), voice, "each"), _others(reading, voice)
    alias = draw.one(("names", "list", "others", "found", "items"))
    subquery = draw.dialect != "opencypher9" and draw.chance(0.5)
    if subquery:
        value = f"COLLECT {{ MATCH ({v}){arrow}({inside}) RETURN {w}.{of.name} }}"
        how = "a COLLECT subquery"
    else:
        value = f"[({v}){arrow}({inside}) | {w}.{of.name}]"
        how = "a pattern comprehension"
    query = f"{match} RETURN {v}.{k.name}, {value} AS {alias}"
    name, other = voice.prop(k), voice.prop(of)
    prompt = voice.pick(
        (
            f"For {root}, return the {name} and, by {how}, the list of the {other} of all "
            f"{others} as {alias}.",
            f"Using {how}, show the {name} of {root} with the {other} of its {others} as {alias}.",
        )
    )
    return Plan(prompt, query)


def optional(draw: Draw, voice: Voice) -> Plan | None:
    """OPTIONAL MATCH, with null, a default or a count for what is not there."""
    found = _pair(draw)
    if found is None:
        return None
    reading, v, arrow, w, inside = found
    match, _, _ = match_of(_alone(reading))
    k = key(reading.spots[0].node)
    of = draw.one(shown(reading.spots[1].node))
    root, others = phrase(_alone(reading), voice, "each"), _others(reading, voice)
    name, other = voice.prop(k), voice.prop(of)
    form = draw.one(("null", "count", "coalesce"))
    lead = f"{match} OPTIONAL MATCH ({v}){arrow}({inside})"
    if form == "count":
        alias = draw.one(ALIASES)
        query = f"{lead} RETURN {v}.{k.name}, count({w}) AS {alias}"
        prompt = (
            f"With OPTIONAL MATCH, show the {name} of {root} and the number of {others} as "
            f"{alias}, 0 where there are none."
        )
    elif form == "coalesce" and of.type == "STRING":
        default = draw.one(("none", "unknown", "-", "n/a"))
        alias = draw.one(("other", "linked", "found", "partner"))
        query = (
            f"{lead} RETURN {v}.{k.name}, coalesce({w}.{of.name}, {literal(default)}) AS {alias}"
        )
        prompt = (
            f"Show the {name} of {root} and, as {alias}, the {other} of its {others}, or "
            f"'{default}' where there are none."
        )
    else:
        query = f"{lead} RETURN {v}.{k.name}, {w}.{of.name}"
        prompt = voice.pick(
            (
                f"Show the {name} of {root} and the {other} of its {others}, null where there are "
                "none.",
                f"For {root}, with or without {others}: the {name} and their {other} (null if "
                "missing).",
            )
        )
    return Plan(prompt, query)


def united(draw: Draw, voice: Voice) -> Plan | None:
    """UNION and UNION ALL of two labels' texts under one name."""
    nodes = draw.schema.nodes
    if len(nodes) < 2:
        return None
    one, two = draw.rng.sample(nodes, 2)
    alias = draw.one(("name", "value", "entry", "text"))
    every = draw.chance(0.5)
    parts, said = [], []
    for node in (one, two):
        spot = with_conditions(draw, Spot(node), draw.one((0, 1)))
        reading = Reading((spot,), columns=(Item(0, None),))
        match, names, _ = match_of(reading)
        parts.append(f"{match} RETURN {names[0]}.{key(node).name} AS {alias}")
        said.append(f"the {voice.prop(key(node))} of {phrase(reading, voice, 'many')}")
    query = f" UNION{' ALL' if every else ''} ".join(parts)
    end = "keeping duplicates" if every else "without duplicates"
    prompt = f"In one result column {alias}, {end}, return {said[0]} and then {said[1]}."
    return Plan(prompt, query)


def projected(draw: Draw, voice: Voice) -> Plan | None:
    """Map projection."""
    node = draw.one(draw.schema.nodes)
    spot = with_conditions(draw, Spot(node), draw.one((0, 1)))
    reading = Reading((spot,), columns=(Item(0, None),))
    options = shown(node)
    if len(options) < 2:
        return None
    chosen = draw.rng.sample(options, min(len(options), draw.one((2, 2, 3))))
    match, names, _ = match_of(reading)
    alias = draw.one(("entry", "record", "row", "item", "data"))
    query = f"{match} RETURN {names[0]} {{{', '.join(f'.{p.name}' for p in chosen)}}} AS {alias}"
    what, root = listed([voice.prop(p) for p in chosen]), phrase(reading, voice, "each")
    prompt = voice.pick(
        (
            f"For {root}, return a map with the {what} as {alias}.",
            f"Return {root} as a map projection of {what}, called {alias}.",
        )
    )
    return Plan(prompt, query)


def quantified(draw: Draw, voice: Voice) -> Plan | None:
    """Quantified relationships: `-[:R]->{1,3}`."""
    loops = [r for r in draw.schema.relationships if r.start == r.end]
    if not loops:
        return None
    loop = draw.one(loops)
    node: Node = draw.schema.by_label[loop.start]
    start, entry = keyed(draw, node, voice)
    low = draw.one((1, 1, 2))
    high = low + draw.one((1, 2, 3))
    of = draw.one(shown(node))
    v = node.label[0].lower()
    query = (
        f"MATCH ({v}:{node.label} {entry})-[:{loop.type}]->{{{low},{high}}}"
        f"({v}2:{node.label}) RETURN DISTINCT {v}2.{of.name}"
    )
    prompt = (
        f"With a quantified relationship, follow {loop.type} from the {start} {low} to "
        f"{high} times and show the {voice.column(of)} of each {voice.one(node)} at the end, "
        "without duplicates."
    )
    return Plan(prompt, query)


def labelled(draw: Draw, voice: Voice) -> Plan | None:
    """Label expressions, and WHERE inside a pattern."""
    nodes = draw.schema.nodes
    if draw.chance(0.5) and len(nodes) > 1:
        one, two = draw.rng.sample(nodes, 2)
        alias = draw.one(ALIASES)
        query = f"MATCH (n:{one.label}|{two.label}) RETURN count(n) AS {alias}"
        return Plan(
            voice.pick(
                (
                    f"Count the nodes labelled {one.label} or {two.label} together, as {alias}.",
                    f"How many nodes have the label {one.label} or {two.label}? Call it {alias}.",
                )
            ),
            query,
        )
    node = draw.one(nodes)
    numbers = numeric(node)
    if not numbers:
        return None
    of, k = draw.one(numbers), key(node)
    value, v = literal(draw.one(of.values)), node.label[0].lower()
    query = f"MATCH ({v}:{node.label} WHERE {v}.{of.name} > {value}) RETURN {v}.{k.name}"
    return Plan(
        f"With the condition inside the node pattern, show the {voice.prop(k)} of "
        f"{voice.many(node)} whose {voice.prop(of)} exceeds {value}.",
        query,
    )


def correlated(draw: Draw, voice: Voice) -> Plan | None:
    """CALL (x) { … } for every row."""
    found = _pair(draw)
    if found is None:
        return None
    reading, v, arrow, w, inside = found
    match, _, _ = match_of(_alone(reading))
    k, second = key(reading.spots[0].node), reading.spots[1].node
    fixed = {p.of for p in reading.spots[1].predicates}
    numbers = [p for p in numeric(second) if p not in fixed]
    if not numbers:
        return None
    of = draw.one(numbers)
    limit = draw.one((2, 3, 5, 10))
    query = (
        f"{match} CALL ({v}) {{ MATCH ({v}){arrow}({inside}) RETURN {w} "
        f"ORDER BY {w}.{of.name} DESC LIMIT {limit} }} RETURN {v}.{k.name}, {w}.{of.name}"
    )
    root, others = phrase(_alone(reading), voice, "each"), _others(reading, voice)
    p = voice.prop(of)
    return Plan(
        f"For {root}, use a CALL subquery to take the {limit} {others} with the highest {p}; "
        f"return the {voice.prop(k)} and the {p}.",
        query,
    )


def spread(draw: Draw, voice: Voice) -> Plan | None:
    """Percentiles and standard deviations."""
    node = draw.one(draw.schema.nodes)
    numbers, groups = numeric(node), groupable(node)
    if not numbers:
        return None
    of = draw.one(numbers)
    share = draw.one((0.25, 0.5, 0.75, 0.9, 0.95))
    v = node.label[0].lower()
    code, said = draw.one(
        (
            (f"percentileCont({v}.{of.name}, {share})", f"{share} percentile (interpolated)"),
            (f"percentileDisc({v}.{of.name}, {share})", f"{share} percentile (an actual value)"),
            (f"stDev({v}.{of.name})", "sample standard deviation"),
        )
    )
    p = voice.prop(of)
    if groups and draw.chance(0.5):
        group = draw.one(groups)
        query = f"MATCH ({v}:{node.label}) RETURN {v}.{group.name}, {code}"
        what = f"each {voice.column(group)} of {voice.many(node)} with the {said} of {p}"
        return Plan(f"Show {what}.", query)
    query = f"MATCH ({v}:{node.label}) RETURN {code}"
    return Plan(f"What is the {said} of {p} over all {voice.many(node)}?", query)


def batched(draw: Draw, voice: Voice) -> Plan | None:
    """Changes in batches, and from a list of maps in a parameter."""
    node = draw.one(draw.schema.nodes)
    k = key(node)
    v = node.label[0].lower()
    if draw.chance(0.5):
        options = [p for p in shown(node) if not p.key]
        if not options:
            return None
        of = draw.one(options)
        query = (
            f"UNWIND $rows AS row MERGE ({v}:{node.label} {{{k.name}: row.{k.name}}}) "
            f"SET {v}.{of.name} = row.{of.name}"
        )
        return Plan(
            f"From the parameter rows (a list of maps, one called row), merge one "
            f"{voice.one(node)} per map by its {k.name} and set its {of.name} from the map.",
            query,
            rows=False,
        )
    spot = with_conditions(draw, Spot(node), 1)
    if not spot.predicates:
        return None
    reading = Reading((spot,), columns=(Item(0, None),))
    match, names, _ = match_of(reading)
    size = draw.one((100, 500, 1000, 5000, 10000))
    query = (
        f"{match} CALL ({names[0]}) {{ DETACH DELETE {names[0]} }} IN TRANSACTIONS OF {size} ROWS"
    )
    return Plan(
        f"Delete {phrase(reading, voice, 'many')} with their relationships in transactions of "
        f"{size} rows.",
        query,
        rows=False,
    )


def indexed(draw: Draw, voice: Voice) -> Plan | None:
    """Indexes and constraints that NornicDB does not have."""
    node = draw.one(draw.schema.nodes)
    v = node.label[0].lower()
    of = draw.one([p for p in shown(node) if not p.key] or list(shown(node)))
    name = f"{node.label.lower()}_{of.name.lower()}"
    form = draw.one(("range", "text", "exists", "key", "type", "relationship"))
    if form == "text" and of.type != "STRING":
        form = "range"
    if form in ("range", "text"):
        query = f"CREATE {form.upper()} INDEX {name} FOR ({v}:{node.label}) ON ({v}.{of.name})"
        prompt = f"Create a {form} index called {name} on the {of.name} of {node.label} nodes."
    elif form == "relationship":
        edges = [r for r in draw.schema.relationships if r.properties]
        if not edges:
            return None
        edge = draw.one(edges)
        p = draw.one(edge.properties)
        name = f"{edge.type.lower()}_{p.name.lower()}"
        query = f"CREATE INDEX {name} FOR ()-[r:{edge.type}]-() ON (r.{p.name})"
        prompt = f"Create an index called {name} on the {p.name} of {edge.type} relationships."
    else:
        require = {
            "exists": f"{v}.{of.name} IS NOT NULL",
            "key": f"{v}.{of.name} IS NODE KEY",
            "type": f"{v}.{of.name} IS :: {of.type}",
        }[form]
        query = f"CREATE CONSTRAINT {name} FOR ({v}:{node.label}) REQUIRE {require}"
        said = {
            "exists": f"every {node.label} node has a {of.name}",
            "key": f"{of.name} is the node key of {node.label} nodes",
            "type": f"the {of.name} of {node.label} nodes is of type {of.type}",
        }[form]
        prompt = f"Create a constraint called {name} so that {said}."
    return Plan(prompt, query, rows=False)


def dated(draw: Draw, voice: Voice) -> Plan | None:
    """Dates compared, and their parts."""
    nodes = [n for n in draw.schema.nodes if any(p.type == "DATE" for p in n.properties)]
    if not nodes:
        return None
    node = draw.one(nodes)
    of = draw.one([p for p in node.properties if p.type == "DATE"])
    k, v = key(node), node.label[0].lower()
    p, name, many = voice.prop(of), voice.prop(k), voice.many(node)
    year, month = draw.rng.randrange(1995, 2025), draw.rng.randrange(1, 13)
    day = f"{year}-{month:02}-{draw.rng.randrange(1, 29):02}"
    match = f"MATCH ({v}:{node.label})"
    form = draw.one(("after", "before", "year", "part"))
    if form in ("after", "before"):
        sign = ">" if form == "after" else "<"
        query = f"{match} WHERE {v}.{of.name} {sign} date('{day}') RETURN {v}.{k.name}"
        prompt = voice.pick(
            (
                f"Show the {name} of {many} whose {p} is {form} {day}.",
                f"Which {many} have {p} {form} {day}? Return the {name}.",
            )
        )
    elif form == "year":
        query = f"{match} WHERE {v}.{of.name}.year = {year} RETURN {v}.{k.name}"
        prompt = f"Show the {name} of {many} whose {p} lies in the year {year}."
    else:
        alias = draw.one(ALIASES)
        part = draw.one(("year", "month", "quarter"))
        query = f"{match} RETURN {v}.{of.name}.{part} AS {part}, count({v}) AS {alias}"
        prompt = f"Count {many} per {part} of their {p}; return {part} and the count as {alias}."
    return Plan(prompt, query)

"""Families that change the graph: create, merge, set, remove, delete, under conditions and over
chains."""

from __future__ import annotations

from attrs import evolve

from heimdall_gen_cypher.plans.drawing import Draw, chain, key, shown, with_conditions
from heimdall_gen_cypher.plans.families_paths import keyed
from heimdall_gen_cypher.plans.nouns import phrase
from heimdall_gen_cypher.plans.plan import Plan
from heimdall_gen_cypher.plans.predicates import draw as draw_predicate
from heimdall_gen_cypher.plans.query import match_of
from heimdall_gen_cypher.plans.reading import Item, Reading
from heimdall_gen_cypher.plans.voice import Voice, article, article_of, listed
from heimdall_gen_cypher.schema import Node, Property, Relationship, Value
from heimdall_gen_cypher.terms import literal

Entry = tuple[Property, Value]


def entries(draw: Draw, node: Node, count: int, *, with_key: bool = True) -> list[Entry] | None:
    """Properties with values, the key first; None where the label has too few."""
    k = key(node)
    others = [p for p in node.properties if p is not k and p.values]
    wanted = count - with_key
    if len(others) < wanted:
        return None
    chosen = draw.rng.sample(others, wanted)
    if with_key:
        chosen.insert(0, k)
    return [(p, draw.one(p.values)) for p in chosen]


def map_of(found: list[Entry]) -> str:
    """`{name: 'Ada', age: 30}`."""
    return f"{{{', '.join(f'{p.name}: {literal(v)}' for p, v in found)}}}"


def said(found: list[Entry], voice: Voice, link: str = " ") -> str:
    """`name 'Ada' and age 30`."""
    return listed([f"{voice.prop(p)}{link}{voice.value(v)}" for p, v in found])


def _letters(*nodes: Node) -> list[str]:
    taken: dict[str, int] = {}
    names = []
    for node in nodes:
        letter = node.label[0].lower()
        taken[letter] = taken.get(letter, 0) + 1
        names.append(letter if taken[letter] == 1 else f"{letter}{taken[letter]}")
    return names


def _edge_entries(draw: Draw, relationship: Relationship) -> list[Entry]:
    valued = [p for p in relationship.properties if p.values]
    return [(p, draw.one(p.values)) for p in valued[: draw.one((0, 1, 1, 2))]]


def created(draw: Draw, voice: Voice) -> Plan | None:
    """A node with two to four properties."""
    node = draw.one(draw.schema.nodes)
    found = entries(draw, node, draw.one((2, 2, 3, 3, 4)))
    if found is None:
        return None
    v = node.label[0].lower()
    query = f"CREATE ({v}:{node.label} {map_of(found)})"
    noun = voice.one(node)
    new = voice.pick((f"a new {noun}", article(noun)))
    prompt = voice.pick(
        (
            f"Create {new} with {said(found, voice)}.",
            f"Add {new} whose {said(found, voice, ' is ')}.",
            f"Insert {new}: {said(found, voice)}.",
            f"new {noun} with {said(found, voice)}",
        )
    )
    return Plan(prompt, query, rows=False)


def created_path(draw: Draw, voice: Voice) -> Plan | None:
    """Two new nodes and what joins them."""
    relationship = draw.one(draw.schema.relationships)
    start, end = (draw.schema.by_label[x] for x in (relationship.start, relationship.end))
    first, second = entries(draw, start, draw.one((1, 2))), entries(draw, end, draw.one((1, 2)))
    if first is None or second is None:
        return None
    if start is end and first[0] == second[0]:
        return None
    edge = _edge_entries(draw, relationship)
    a, b = _letters(start, end)
    inner = f" {map_of(edge)}" if edge else ""
    query = (
        f"CREATE ({a}:{start.label} {map_of(first)})-[:{relationship.type}{inner}]->"
        f"({b}:{end.label} {map_of(second)})"
    )
    also = f" (with {said(edge, voice)})" if edge else ""
    one = f"a new {voice.one(start)} with {said(first, voice)}"
    other = f"a new {voice.one(end)} with {said(second, voice)}"
    kind = f"{article_of(relationship.type)} {relationship.type} relationship{also}"
    prompt = voice.pick(
        (
            f"Create {one} and {other}, and {kind} from the first to the second.",
            f"In one statement add {one}, joined by {kind} to {other}.",
            f"Create {one} that has {kind} to {other}.",
        )
    )
    return Plan(prompt, query, rows=False)


def linked(draw: Draw, voice: Voice) -> Plan | None:
    """A relationship between two nodes that are there, created or merged."""
    relationship = draw.one(draw.schema.relationships)
    start, end = (draw.schema.by_label[x] for x in (relationship.start, relationship.end))
    (one, first), (other, second) = keyed(draw, start, voice), keyed(draw, end, voice)
    if start is end and first == second:
        return None
    edge = _edge_entries(draw, relationship)
    a, b = _letters(start, end)
    merge = draw.chance(0.4)
    inner = f" {map_of(edge)}" if edge else ""
    query = (
        f"MATCH ({a}:{start.label} {first}), ({b}:{end.label} {second}) "
        f"{'MERGE' if merge else 'CREATE'} ({a})-[:{relationship.type}{inner}]->({b})"
    )
    also = f" with {said(edge, voice)}" if edge else ""
    kind = f"{relationship.type} relationship{also}"
    if merge:
        prompt = voice.pick(
            (
                f"Make sure there is {article(kind)} from the {one} to the {other}, without "
                "creating it twice.",
                f"Merge {article(kind)} from the {one} to the {other}.",
                f"If it is not there yet, add {article(kind)} from the {one} to the {other}.",
            )
        )
    else:
        prompt = voice.pick(
            (
                f"Create {article(kind)} from the {one} to the {other}.",
                f"Connect the {one} to the {other} by a new {kind}.",
                f"Add {article(kind)} that leads from the {one} to the {other}.",
            )
        )
    return Plan(prompt, query, rows=False)


def merged(draw: Draw, voice: Voice) -> Plan | None:
    """MERGE with what to set when the node is new, and when it was there."""
    node = draw.one(draw.schema.nodes)
    one, entry = keyed(draw, node, voice)
    new = entries(draw, node, draw.one((1, 1, 2)), with_key=False)
    old = entries(draw, node, 1, with_key=False)
    if not new or not old:
        return None
    v = node.label[0].lower()

    def sets(found: list[Entry]) -> str:
        return ", ".join(f"{v}.{p.name} = {literal(x)}" for p, x in found)

    on_new, on_old = draw.one(((True, True), (True, False), (False, True)))
    query = f"MERGE ({v}:{node.label} {entry})"
    query += f" ON CREATE SET {sets(new)}" if on_new else ""
    query += f" ON MATCH SET {sets(old)}" if on_old else ""
    created_ = voice.pick(("when it is created", "if it is new", "if it has to be created"))
    matched = voice.pick(("when it exists already", "if it was there before", "if it is found"))
    parts = []
    if on_new:
        parts.append(f"{created_}, set {said(new, voice, ' to ')}")
    if on_old:
        parts.append(f"{matched}, set {said(old, voice, ' to ')}")
    prompt = voice.pick(
        (
            f"Merge the {one}; {'; '.join(parts)}.",
            f"Make sure there is exactly one {one}: {'; '.join(parts)}.",
            f"Upsert the {one}: {', and '.join(parts)}.",
        )
    )
    return Plan(prompt, query, rows=False)


def _target(draw: Draw) -> Reading | None:
    """What a change applies to: nodes under conditions, behind none to two hops."""
    found = chain(draw, draw.rng.choices((0, 1, 2), (5, 4, 1))[0])
    if found is None:
        return None
    spots, hops = found
    own = with_conditions(draw, spots[0], 1 if len(spots) == 1 else draw.one((0, 1)))
    rest = [with_conditions(draw, spot, draw.one((0, 1))) for spot in spots[1:]]
    if not any(spot.predicates for spot in (own, *rest)):
        last = rest[-1] if rest else own
        changed = with_conditions(draw, last, 1)
        if rest:
            rest[-1] = changed
        else:
            own = changed
    reading = Reading((own, *rest), hops, columns=(Item(0, None),))
    return reading if any(spot.predicates for spot in reading.spots) else None


def changed(draw: Draw, voice: Voice) -> Plan | None:
    """SET on the nodes that a chain finds, property by property or by a map."""
    reading = _target(draw)
    if reading is None:
        return None
    node = reading.spots[0].node
    named = {p.of for p in reading.spots[0].predicates}
    options = [p for p in node.properties if p.values and not p.key and p not in named]
    if not options:
        return None
    chosen = draw.rng.sample(options, min(len(options), draw.one((1, 1, 2))))
    found = [(p, draw.one(p.values)) for p in chosen]
    match, names, _ = match_of(reading)
    v = names[0]
    root = phrase(reading, voice, "each")
    many = phrase(reading, voice, "many")
    if len(found) > 1 and draw.chance(0.5):
        query = f"{match} SET {v} += {map_of(found)}"
        shown_ = map_of(found)
        prompt = voice.pick(
            (
                f"Merge the map {shown_} into the properties of {root}.",
                f"For {root}, update the properties with the map {shown_}, keeping the others.",
            )
        )
    else:
        sets = ", ".join(f"{v}.{p.name} = {literal(x)}" for p, x in found)
        query = f"{match} SET {sets}"
        to = said(found, voice, " to ")
        prompt = voice.pick(
            (
                f"Set {to} for {root}.",
                f"For {root}, set {to}.",
                f"Change {to} on all {many}.",
                f"Change {many}: set {to}.",
            )
        )
    return Plan(prompt, query, rows=False)


def raised(draw: Draw, voice: Voice) -> Plan | None:
    """SET that computes with the property itself."""
    reading = _target(draw)
    if reading is None:
        return None
    node = reading.spots[0].node
    options = [p for p in node.properties if p.type in ("INTEGER", "FLOAT")]
    if not options:
        return None
    of = draw.one(options)
    amount = draw.one((1, 2, 5, 10, 100))
    up = draw.chance(0.6)
    match, names, _ = match_of(reading)
    query = f"{match} SET {names[0]}.{of.name} = {names[0]}.{of.name} {'+' if up else '-'} {amount}"
    root, p = phrase(reading, voice, "each"), voice.prop(of)
    word = voice.pick(("Increase", "Raise") if up else ("Decrease", "Lower"))
    prompt = voice.pick(
        (
            f"{word} the {p} of {root} by {amount}.",
            f"For {root}, {'add' if up else 'subtract'} {amount} {'to' if up else 'from'} the {p}.",
        )
    )
    return Plan(prompt, query, rows=False)


def removed(draw: Draw, voice: Voice) -> Plan | None:
    """REMOVE of one or two properties."""
    reading = _target(draw)
    if reading is None:
        return None
    node = reading.spots[0].node
    options = [p for p in shown(node) if not p.key]
    if not options:
        return None
    chosen = draw.rng.sample(options, min(len(options), draw.one((1, 1, 2))))
    match, names, _ = match_of(reading)
    query = f"{match} REMOVE {', '.join(f'{names[0]}.{p.name}' for p in chosen)}"
    root = phrase(reading, voice, "each")
    what = listed([voice.prop(p) for p in chosen])
    noun = "properties" if len(chosen) > 1 else "property"
    prompt = voice.pick(
        (
            f"Remove the {what} {noun} from {root}.",
            f"Drop the {noun} {what} of {root}.",
            f"For {root}, delete the {noun} {what}.",
        )
    )
    return Plan(prompt, query, rows=False)


def deleted(draw: Draw, voice: Voice) -> Plan | None:
    """DETACH DELETE of the nodes that a chain finds."""
    reading = _target(draw)
    if reading is None:
        return None
    match, names, _ = match_of(reading)
    query = f"{match} DETACH DELETE {names[0]}"
    root, many = phrase(reading, voice, "each"), phrase(reading, voice, "many")
    prompt = voice.pick(
        (
            f"Delete {root}, relationships included.",
            f"Remove {many} together with their relationships.",
            f"Delete all {many} along with every relationship they have.",
            f"detach and delete {many}",
        )
    )
    return Plan(prompt, query, rows=False)


def unlinked(draw: Draw, voice: Voice) -> Plan | None:
    """DELETE of relationships, by their ends or by what they hold."""
    found = chain(draw, 1)
    if found is None:
        return None
    (first, second), (hop,) = found
    if not hop.forward:
        first, second = second, first
        hop = evolve(hop, forward=True)
    first = with_conditions(draw, first, draw.one((0, 1)))
    second = with_conditions(draw, second, draw.one((0, 1)))
    if hop.type.properties and draw.chance(0.5):
        hop = evolve(hop, predicate=draw_predicate(draw.rng, hop.type.properties))
    if not first.predicates and not second.predicates and hop.predicate is None:
        return None
    reading = Reading((first, second), (hop,), columns=(Item(0, Property("", "STRING"), hop=True),))
    match, _, edges = match_of(reading)
    query = f"{match} DELETE {edges[0]}"
    also = f" whose {hop.predicate.whose(voice)}" if hop.predicate is not None else ""
    ends = tuple(
        phrase(Reading((spot,)), voice, "one") if spot.predicates else article(voice.one(spot.node))
        for spot in (first, second)
    )
    kind = f"{hop.type.type} relationship"
    prompt = voice.pick(
        (
            f"Delete every {kind}{also} from {ends[0]} to {ends[1]}.",
            f"Remove all {kind}s{also} that lead from {ends[0]} to {ends[1]}; keep the nodes.",
            f"delete each {kind}{also} going from {ends[0]} to {ends[1]}",
        )
    )
    return Plan(prompt, query, rows=False)

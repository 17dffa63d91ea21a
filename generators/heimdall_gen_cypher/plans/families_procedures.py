"""Families that call procedures: what the graph has, full-text and vector search."""

from __future__ import annotations

from heimdall_gen_cypher.plans.drawing import Draw
from heimdall_gen_cypher.plans.plan import Plan
from heimdall_gen_cypher.plans.voice import Voice, listed
from heimdall_gen_cypher.terms import literal

_LISTS = (
    ("db.labels", "label", ("node labels", "labels")),
    ("db.relationshipTypes", "relationshipType", ("relationship types", "types of relationships")),
    ("db.propertyKeys", "propertyKey", ("property keys", "names of properties")),
)


def listed_names(draw: Draw, voice: Voice) -> Plan:
    """Labels, types and property keys, sorted, filtered, cut off."""
    procedure, column, nouns = draw.one(_LISTS)
    names = {
        "label": [node.label for node in draw.schema.nodes],
        "relationshipType": [r.type for r in draw.schema.relationships],
        "propertyKey": [p.name for node in draw.schema.nodes for p in node.properties],
    }[column]
    where, said = "", ""
    if draw.chance(0.65):
        name = draw.one(names)
        op, word, piece = draw.one(
            (
                ("STARTS WITH", "that start with", name[: draw.one((1, 2, 3))]),
                ("CONTAINS", "that contain", name[1 : 1 + draw.one((2, 3))]),
                ("ENDS WITH", "that end with", name[-draw.one((1, 2, 3)) :]),
            )
        )
        where, said = f" WHERE {column} {op} {literal(piece)}", f" {word} {voice.value(piece)}"
    tail, order = "", ""
    if draw.chance(0.6):
        down = draw.chance(0.4)
        tail = f" ORDER BY {column}{' DESC' if down else ''}"
        order = ", in reverse alphabetical order" if down else ", in alphabetical order"
        if draw.chance(0.4):
            limit = draw.one((1, 3, 5, 10, 20))
            tail += f" LIMIT {limit}"
            order += f", only the first {limit}" if limit > 1 else ", only the first one"
    query = f"CALL {procedure}() YIELD {column}{where} RETURN {column}{tail}"
    noun = voice.pick(nouns)
    prompt = voice.pick(
        (
            f"List the {noun} in the database{said}{order}.",
            f"Which {noun}{said} does this database have{order}?",
            f"Show all {noun} of the graph{said}{order}.",
            f"{noun} in use{said}{order}",
        )
    )
    return Plan(prompt, query)


def found_by_text(draw: Draw, voice: Voice) -> Plan | None:
    """Full-text search, with a bound on the score, an order and a limit."""
    node = draw.one(draw.schema.nodes)
    texts = [p for p in node.properties if p.type == "STRING" and p.values]
    if not texts:
        return None
    of = draw.one(texts)
    word = str(draw.one(of.values)).split()[0].strip(".,&'!?").lower()
    if not word.isalnum():
        return None
    index = draw.one(("{}Text", "{}_text", "{}_fulltext", "{}Search", "{}_words"))
    name = index.format(node.label[0].lower() + node.label[1:])
    return _search(
        draw,
        voice,
        "fulltext",
        name,
        literal(word),
        f"the text {literal(word)}",
        node.label,
        of.name,
    )


def found_by_vector(draw: Draw, voice: Voice) -> Plan | None:
    """The nearest nodes to the vector in a parameter."""
    nodes = [n for n in draw.schema.nodes if any(p.type == "LIST<FLOAT>" for p in n.properties)]
    if not nodes:
        return None
    node = draw.one(nodes)
    texts = [p for p in node.properties if p.type == "STRING"]
    if not texts:
        return None
    form = draw.one(("{}Vectors", "{}_vectors", "{}_embeddings", "{}Embedding"))
    name = form.format(node.label[0].lower() + node.label[1:])
    nearest = draw.one((3, 5, 8, 10, 20, 25, 50))
    return _search(
        draw,
        voice,
        "vector",
        name,
        f"{nearest}, $vector",
        f"the {nearest} nearest to the parameter vector",
        node.label,
        draw.one(texts).name,
    )


def _search(
    draw: Draw, voice: Voice, kind: str, index: str, what: str, said: str, label: str, prop: str
) -> Plan:
    where = order = told = ""
    if draw.chance(0.5):
        least = draw.one((0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9))
        where, told = f" WHERE score > {least}", f" with a score above {least}"
    tail = ""
    if draw.chance(0.5):
        tail, order = " ORDER BY score DESC", ", best score first"
        if draw.chance(0.5):
            limit = draw.one((3, 5, 10))
            tail += f" LIMIT {limit}"
            order += f", at most {limit} rows"
    columns = ["node." + prop] + (["score"] if draw.chance(0.7) else [])
    query = (
        f"CALL db.index.{kind}.queryNodes('{index}', {what}) YIELD node, score{where} "
        f"RETURN {', '.join(columns)}{tail}"
    )
    shown = listed([f"the {prop}", *(["the score"] if len(columns) > 1 else [])])
    search = "full-text" if kind == "fulltext" else "vector"
    nodes = f"{label} nodes{told}"
    by = f"for {said}" if kind == "fulltext" else f"({said})"
    prompt = voice.pick(
        (
            f"Search the {search} index '{index}' {by}: show {shown} of the {nodes}{order}.",
            f"Use the {search} index '{index}' {by} and return {shown} of the {nodes} it finds"
            f"{order}.",
            f"{search} index '{index}' {by}: {shown} of {nodes}{order}",
        )
    )
    return Plan(prompt, query)

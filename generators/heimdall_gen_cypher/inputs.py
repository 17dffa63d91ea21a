"""Schemas as they stand beside a question: in several spellings, alone or among others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from random import Random

from heimdall_gen_cypher.schema import Property, Schema

#: What stands before the schema.
_HEADINGS = ("Graph schema:", "Schema:", "The graph holds:", "Database schema:")


def schema_text(rng: Random, schema: Schema, others: Sequence[Schema]) -> str:
    """The schema in one of the spellings, its parts in random order; the parts of `others` are
    mixed in, as a larger database would have them."""
    style = STYLES[int(rng.random() * len(STYLES))]
    nodes: list[str] = []
    edges: list[str] = []
    for each in (schema, *others):
        own_nodes, own_edges = _parts(style, each)
        nodes += own_nodes
        edges += own_edges
    rng.shuffle(nodes)
    rng.shuffle(edges)
    heading = _HEADINGS[int(rng.random() * len(_HEADINGS))]
    if style is _sections:
        listed = "\n".join(nodes)
        return f"{heading}\nNode properties:\n{listed}\nRelationships:\n" + "\n".join(edges)
    return f"{heading}\n" + "\n".join([*nodes, *edges])


#: What a style is given: `node` or `edge`, name, properties, and the labels that an edge joins.
Ends = tuple[str, str]
Style = Callable[[str, str, Sequence[Property], Ends], str]


def _patterns(kind: str, name: str, properties: Sequence[Property], ends: Ends) -> str:
    """`(:Film {title: STRING})` and `(:Actor)-[:ACTED_IN {fee: INTEGER}]->(:Film)`."""
    inner = ", ".join(f"{p.name}: {p.type}" for p in properties)
    held = f" {{{inner}}}" if inner else ""
    if kind == "node":
        return f"(:{name}{held})"
    start, end = ends
    return f"(:{start})-[:{name}{held}]->(:{end})"


def _lines(kind: str, name: str, properties: Sequence[Property], ends: Ends) -> str:
    """`Film: title STRING, year INTEGER` and `ACTED_IN (Actor -> Film): fee INTEGER`."""
    inner = ", ".join(f"{p.name} {p.type}" for p in properties)
    if kind == "node":
        return f"{name}: {inner}"
    start, end = ends
    return f"{name} ({start} -> {end}){f': {inner}' if inner else ''}"


def _sections(kind: str, name: str, properties: Sequence[Property], ends: Ends) -> str:
    """`- Film: {title: STRING}` under headings of their own."""
    inner = ", ".join(f"{p.name}: {p.type}" for p in properties)
    if kind == "node":
        return f"- {name}: {{{inner}}}"
    start, end = ends
    return f"- (:{start})-[:{name}]->(:{end}){f' {{{inner}}}' if inner else ''}"


STYLES: tuple[Style, ...] = (_patterns, _lines, _sections)


@cache
def _parts(style: Style, schema: Schema) -> tuple[tuple[str, ...], tuple[str, ...]]:
    nodes = tuple(style("node", n.label, n.properties, ("", "")) for n in schema.nodes)
    edges = tuple(
        style("edge", r.type, r.properties, (r.start, r.end)) for r in schema.relationships
    )
    return nodes, edges

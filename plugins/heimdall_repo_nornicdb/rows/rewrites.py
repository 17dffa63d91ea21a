"""Queries that NornicDB answers wrong or lacks, each with one that gives the same answer there.

Every pair holds a query that the dialect's profile refuses and one that it accepts; the tests check
both sides. What is counted or collected per node is grouped by the node: two nodes may share the
property that is shown.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from attrs import frozen

from heimdall_repo_nornicdb.rows.domains import Domain, Edge, Label, literal, one, value
from heimdall_repo_nornicdb.rows.names import either, index_name
from heimdall_repo_nornicdb.rows.queries import apart, comparison, conditional, distinct, variables


@frozen
class Pair:
    """A query that NornicDB gets wrong, and what to send instead."""

    ask: str
    """What both are meant to give, as a noun phrase that names all there is."""
    wrong: str
    right: str
    word: str
    """The construct, in words."""
    same: bool = True
    """Whether both give the very same rows; else `ask` says what the right one gives."""


def _edge(of: Domain, rng: random.Random) -> tuple[Edge, str, str]:
    edge = rng.choice(of.edges)
    a, b = variables(edge.start, edge.end)
    return edge, a, b


def _number(of: Domain, rng: random.Random) -> tuple[Label, str]:
    label = rng.choice([each for each in of.labels if each.numbers])
    return label, rng.choice(label.numbers).name


def _pattern_predicate(of: Domain, rng: random.Random) -> Pair:
    edge, a, _ = _edge(of, rng)
    negated = rng.random() < 0.5
    words, no = ("without any", "NOT ") if negated else ("with at least one", "")
    start, key = edge.start, edge.start.key.name
    pattern = f"({a})-[:{edge.type}]->(:{edge.end.name})"
    return Pair(
        f"the {key} of each {start.name} {words} {edge.type} relationship to {one(edge.end.name)}",
        f"MATCH ({a}:{start.name}) WHERE {no}{pattern} RETURN {a}.{key}",
        f"MATCH ({a}:{start.name}) WHERE {no}EXISTS {{ MATCH {pattern} }} RETURN {a}.{key}",
        "a pattern as a condition",
    )


def _exists_without_match(of: Domain, rng: random.Random) -> Pair:
    edge, a, _ = _edge(of, rng)
    negated = rng.random() < 0.4
    words, no = ("without any", "NOT ") if negated else ("with at least one", "")
    start, key = edge.start, edge.start.key.name
    pattern = f"({a})-[:{edge.type}]->(:{edge.end.name})"
    return Pair(
        f"the {key} of each {start.name} {words} {edge.type} relationship to {one(edge.end.name)}",
        f"MATCH ({a}:{start.name}) WHERE {no}EXISTS {{ {pattern} }} RETURN {a}.{key}",
        f"MATCH ({a}:{start.name}) WHERE {no}EXISTS {{ MATCH {pattern} }} RETURN {a}.{key}",
        "EXISTS without MATCH",
    )


def _count_subquery(of: Domain, rng: random.Random) -> Pair:
    edge, a, b = _edge(of, rng)
    start, key, least = edge.start, edge.start.key.name, rng.randrange(1, 20)
    pattern = f"({a})-[:{edge.type}]->(:{edge.end.name})"
    return Pair(
        f"the {key} of each {start.name} with more than {least} {edge.type} relationships to "
        f"{edge.end.name} nodes",
        f"MATCH ({a}:{start.name}) WHERE COUNT {{ {pattern} }} > {least} RETURN {a}.{key}",
        f"MATCH ({a}:{start.name})-[:{edge.type}]->({b}:{edge.end.name}) WITH {a}, count({b}) AS "
        f"total WHERE total > {least} RETURN {a}.{key}",
        "COUNT { }",
    )


def _collected_filter(of: Domain, rng: random.Random) -> Pair:
    edge, a, b = _edge(of, rng)
    start, key, least = edge.start, edge.start.key.name, rng.randrange(1, 20)
    match = f"MATCH ({a}:{start.name})-[:{edge.type}]->({b}:{edge.end.name})"
    return Pair(
        f"the {key} of each {start.name} with more than {least} {edge.type} relationships to "
        f"{edge.end.name} nodes",
        f"{match} WITH {a}, collect({b}) AS found WHERE size(found) > {least} RETURN {a}.{key}",
        f"{match} WITH {a}, count({b}) AS total WHERE total > {least} RETURN {a}.{key}",
        "a condition on a collected list",
    )


def _map_projection(of: Domain, rng: random.Random) -> Pair:
    label = rng.choice(of.labels)
    v = label.variable
    plain = [p.name for p in label.plain]
    names = rng.sample(plain, min(rng.choice((2, 2, 3)), len(plain)))
    projected = ", ".join(f".{p}" for p in names)
    listed = ", ".join(f"{v}.{p}" for p in names)
    return Pair(
        f"{', '.join(names)} of every {label.name}",
        f"MATCH ({v}:{label.name}) RETURN {v} {{{projected}}}",
        f"MATCH ({v}:{label.name}) RETURN {listed}",
        "a map projection",
        same=False,
    )


def _pattern_comprehension(of: Domain, rng: random.Random) -> Pair:
    edge, a, b = _edge(of, rng)
    start, key = edge.start, edge.start.key.name
    shown = rng.choice(edge.end.plain).name
    pattern = f"[:{edge.type}]->({b}:{edge.end.name})"
    return Pair(
        f"the {key} of each {start.name} with a list of the {shown} of every {edge.end.name} "
        "that it "
        f"reaches by {edge.type}, for those that reach one",
        f"MATCH ({a}:{start.name}) RETURN {a}.{key}, [({a})-{pattern} | {b}.{shown}] AS found",
        f"MATCH ({a}:{start.name})-{pattern} "
        f"WITH {a}, collect({b}.{shown}) AS found RETURN {a}.{key}, found",
        "a pattern comprehension",
        same=False,
    )


def _correlated_call(of: Domain, rng: random.Random) -> Pair:
    edge, a, b = _edge(of, rng)
    start, key = edge.start, edge.start.key.name
    pattern = f"({a})-[:{edge.type}]->({b}:{edge.end.name})"
    inside = f"MATCH {pattern} RETURN count({b}) AS total"
    call = f"CALL ({a}) {{ {inside} }}" if rng.random() < 0.4 else f"CALL {{ WITH {a} {inside} }}"
    return Pair(
        f"the {key} of each {start.name} and the number of {edge.end.name} nodes that it "
        "reaches by "
        f"{edge.type}, for those that reach one",
        f"MATCH ({a}:{start.name}) {call} RETURN {a}.{key}, total",
        f"MATCH ({a}:{start.name})-[:{edge.type}]->({b}:{edge.end.name}) "
        f"WITH {a}, count({b}) AS total RETURN {a}.{key}, total",
        "a subquery that imports a variable",
        same=False,
    )


def _chained_comparison(of: Domain, rng: random.Random) -> Pair:
    label, number = _number(of, rng)
    v = label.variable
    low = rng.randrange(1, 500)
    high = low + rng.randrange(1, 500)
    shown = label.key.name
    return Pair(
        f"the {shown} of each {label.name} with {number} from {low} to {high}",
        f"MATCH ({v}:{label.name}) WHERE {low} <= {v}.{number} <= {high} RETURN {v}.{shown}",
        f"MATCH ({v}:{label.name}) WHERE {v}.{number} >= {low} AND {v}.{number} <= {high} "
        f"RETURN {v}.{shown}",
        "a chained comparison",
    )


def _xor(of: Domain, rng: random.Random) -> Pair:
    label = rng.choice(of.labels)
    v = label.variable
    one, two = rng.sample(conditional(label), 2)
    first, second = comparison(one, rng), comparison(two, rng)
    a = f"{v}.{one.name} {first[1]} {first[2]}"
    b = f"{v}.{two.name} {second[1]} {second[2]}"
    key = label.key.name
    return Pair(
        f"the {key} of each {label.name} with either {one.name} {first[0]} {first[2]} or "
        f"{two.name} "
        f"{second[0]} {second[2]}, not both",
        f"MATCH ({v}:{label.name}) WHERE {a} XOR {b} RETURN {v}.{key}",
        f"MATCH ({v}:{label.name}) WHERE ({a} OR {b}) AND NOT ({a} AND {b}) RETURN {v}.{key}",
        "XOR",
    )


def _union(of: Domain, rng: random.Random) -> Pair:
    label = rng.choice(of.labels)
    v = label.variable
    # Of a flag, two conditions hold for all nodes or are one.
    tested = rng.choice([p for p in conditional(label) if p.kind != "flag"])
    first, second = apart(tested, rng)
    shown = rng.choice([p.name for p in label.plain if p is not tested])
    a = f"{v}.{tested.name} {first[1]} {first[2]}"
    b = f"{v}.{tested.name} {second[1]} {second[2]}"
    part = f"MATCH ({v}:{label.name}) WHERE"
    return Pair(
        f"each {shown} of {one(label.name)} with {tested.name} {first[0]} {first[2]} or "
        f"{second[0]} "
        f"{second[2]}, every value once",
        f"{part} {a} RETURN {v}.{shown} AS result UNION {part} {b} RETURN {v}.{shown} AS result",
        f"{part} {a} OR {b} RETURN DISTINCT {v}.{shown} AS result",
        "UNION",
    )


def _range(of: Domain, rng: random.Random) -> Pair:
    label, number = _number(of, rng)
    v = label.variable
    return Pair(
        f"the highest and the lowest {number} of {label.name} nodes, to subtract in the client",
        f"MATCH ({v}:{label.name}) RETURN max({v}.{number}) - min({v}.{number}) AS spread",
        f"MATCH ({v}:{label.name}) RETURN max({v}.{number}) AS high, min({v}.{number}) AS low",
        "arithmetic between aggregations",
        same=False,
    )


def _inline_where(of: Domain, rng: random.Random) -> Pair:
    label = rng.choice(of.labels)
    v = label.variable
    tested = rng.choice(conditional(label))
    words, operator, bound = comparison(tested, rng)
    shown = rng.choice([p.name for p in label.plain if p is not tested])
    condition = f"{v}.{tested.name} {operator} {bound}"
    return Pair(
        f"the {shown} of each {label.name} with {tested.name} {words} {bound}",
        f"MATCH ({v}:{label.name} WHERE {condition}) RETURN {v}.{shown}",
        f"MATCH ({v}:{label.name}) WHERE {condition} RETURN {v}.{shown}",
        "WHERE inside a pattern",
    )


def _quantified(of: Domain, rng: random.Random) -> Pair | None:
    loops = [e for e in of.edges if e.start is e.end]
    if not loops:
        return None
    edge = rng.choice(loops)
    a, b = variables(edge.start, edge.end)
    key, most = literal(value(edge.start.key, rng)), rng.randrange(2, 7)
    start, name = edge.start.name, edge.start.key.name
    return Pair(
        f"the {name} of each {start} within {most} {edge.type} steps of the {start} with "
        f"{name} {key}",
        f"MATCH ({a}:{start} {{{name}: {key}}})-[:{edge.type}]->{{1,{most}}}({b}:{start}) "
        f"RETURN DISTINCT {b}.{name}",
        f"MATCH ({a}:{start} {{{name}: {key}}})-[:{edge.type}*1..{most}]->({b}:{start}) "
        f"RETURN DISTINCT {b}.{name}",
        "a quantified path",
    )


def _concatenation(of: Domain, rng: random.Random) -> Pair:
    label = rng.choice([each for each in of.labels if each.texts])
    v = label.variable
    of_text = rng.choice(label.texts).name
    piece = literal(either(rng, " (old)", " *", " - draft", " / copy", ", archived", " [hidden]"))
    return Pair(
        f"the {of_text} of every {label.name} with {piece} behind it",
        f"MATCH ({v}:{label.name}) RETURN {v}.{of_text} || {piece} AS result",
        f"MATCH ({v}:{label.name}) RETURN {v}.{of_text} + {piece} AS result",
        "||",
    )


def _load_csv(of: Domain, rng: random.Random) -> Pair:
    label = rng.choice(of.labels)
    names = rng.sample([p.name for p in label.plain], 2)
    v, file = label.variable, label.name.lower()
    properties = ", ".join(f"{p}: row.{p}" for p in names)
    create = f"CREATE ({v}:{label.name} {{{properties}}})"
    return Pair(
        f"the creation of {label.name} nodes with {names[0]} and {names[1]} from rows that "
        "the client "
        "sends as $rows",
        f"LOAD CSV WITH HEADERS FROM 'file:///{file}.csv' AS row {create}",
        f"UNWIND $rows AS row {create}",
        "LOAD CSV",
    )


def _foreach(of: Domain, rng: random.Random) -> Pair:
    label = rng.choice(of.labels)
    values = ", ".join(map(literal, distinct(label.key, rng, rng.choice((2, 3, 4)))))
    key = label.key.name
    return Pair(
        f"the creation of one {label.name} for each {key} of {values}",
        f"FOREACH (x IN [{values}] | CREATE (:{label.name} {{{key}: x}}))",
        f"UNWIND [{values}] AS x CREATE (:{label.name} {{{key}: x}})",
        "FOREACH, which the strict parser refuses",
    )


def _special_index(of: Domain, rng: random.Random) -> Pair:
    label = rng.choice(of.labels)
    prop = rng.choice(label.plain).name
    name = index_name(rng, label, [prop], "idx")
    kind = rng.choice(("RANGE", "TEXT", "POINT"))
    tail = f"INDEX {name} FOR ({label.variable}:{label.name}) ON ({label.variable}.{prop})"
    return Pair(
        f"the index {name} on {prop} of {label.name}",
        f"CREATE {kind} {tail}",
        f"CREATE {tail}",
        f"CREATE {kind} INDEX, which creates empty nodes",
    )


def _legacy_index(of: Domain, rng: random.Random) -> Pair:
    label = rng.choice(of.labels)
    prop = rng.choice(label.plain).name
    v = label.variable
    return Pair(
        f"an index on {prop} of {label.name}",
        f"CREATE INDEX ON :{label.name}({prop})",
        f"CREATE INDEX FOR ({v}:{label.name}) ON ({v}.{prop})",
        "the index statement of Neo4j 3",
    )


def _show(of: Domain, rng: random.Random) -> Pair:
    label = rng.choice(of.labels)
    what, columns = rng.choice((("INDEXES", "name, type"), ("CONSTRAINTS", "name, type")))
    return Pair(
        f"name and type of the {what.lower()} on {label.name}",
        f"SHOW {what} YIELD name, type, labelsOrTypes WHERE '{label.name}' IN labelsOrTypes "
        f"RETURN {columns}",
        f"CALL db.{what.lower()}() YIELD name, type, labelsOrTypes WHERE '{label.name}' IN "
        f"labelsOrTypes RETURN {columns}",
        f"SHOW {what}, which has no rows",
    )


def _similarity(of: Domain, rng: random.Random) -> Pair:
    labels = [each for each in of.labels if each.of_kind("vector")]
    label = rng.choice(labels or list(of.labels))
    prop = label.of_kind("vector")[0].name if labels else "embedding"
    k, v, key = rng.randrange(1, 40), label.variable, label.key.name
    name = f"{label.name.lower()}_{prop}"
    return Pair(
        f"the {key} of the {k} {label.name} nodes whose {prop} is most like $vector, with the "
        "score; "
        f"the vector index is {name}",
        f"MATCH ({v}:{label.name}) RETURN {v}.{key}, vector.similarity.cosine({v}.{prop}, "
        "$vector) AS "
        f"score ORDER BY score DESC LIMIT {k}",
        f"CALL db.index.vector.queryNodes('{name}', {k}, $vector) YIELD node, score "
        f"RETURN node.{key}, score",
        "vector.similarity in a projection",
        same=False,
    )


def _power(of: Domain, rng: random.Random) -> Pair:
    label, number = _number(of, rng)
    v, key = label.variable, label.key.name
    return Pair(
        f"the {key} of each {label.name} with the square of its {number}",
        f"MATCH ({v}:{label.name}) RETURN {v}.{key}, {v}.{number} ^ 2 AS square",
        f"MATCH ({v}:{label.name}) RETURN {v}.{key}, {v}.{number} * {v}.{number} AS square",
        "^",
    )


def _collect_subquery(of: Domain, rng: random.Random) -> Pair:
    edge, a, b = _edge(of, rng)
    start, key = edge.start, edge.start.key.name
    shown = rng.choice(edge.end.plain).name
    pattern = f"({a})-[:{edge.type}]->({b}:{edge.end.name})"
    return Pair(
        f"the {key} of each {start.name} with a list of the {shown} of every {edge.end.name} "
        "that it "
        f"reaches by {edge.type}, for those that reach one",
        f"MATCH ({a}:{start.name}) RETURN {a}.{key}, COLLECT "
        f"{{ MATCH {pattern} RETURN {b}.{shown} }} "
        "AS found",
        f"MATCH ({a}:{start.name})-[:{edge.type}]->({b}:{edge.end.name}) "
        f"WITH {a}, collect({b}.{shown}) AS found RETURN {a}.{key}, found",
        "COLLECT { }",
        same=False,
    )


def _computed_property(of: Domain, rng: random.Random) -> Pair:
    edge = rng.choice([e for e in of.edges if e.properties])
    a, b = variables(edge.start, edge.end)
    first, other = literal(value(edge.start.key, rng)), literal(value(edge.end.key, rng))
    prop = edge.properties[0].name
    match = (
        f"MATCH ({a}:{edge.start.name} {{{edge.start.key.name}: {first}}}), "
        f"({b}:{edge.end.name} {{{edge.end.key.name}: {other}}})"
    )
    return Pair(
        f"a new {edge.type} relationship from the {edge.start.name} with "
        f"{edge.start.key.name} {first} to "
        f"the {edge.end.name} with {edge.end.key.name} {other}, whose {prop} the client sends as "
        f"${prop}",
        f"{match} CREATE ({a})-[:{edge.type} {{{prop}: timestamp()}}]->({b})",
        f"{match} CREATE ({a})-[:{edge.type} {{{prop}: ${prop}}}]->({b})",
        "a function call among a relationship's properties",
    )


#: Name of the construct, how a pair is made, and its share. A pair may be None where the schema has
#: nothing for it.
REWRITES: tuple[tuple[str, Callable[[Domain, random.Random], Pair | None], float], ...] = (
    ("pattern_predicate", _pattern_predicate, 1.4),
    ("exists_without_match", _exists_without_match, 1.0),
    ("count_subquery", _count_subquery, 1.2),
    ("collected_filter", _collected_filter, 0.8),
    ("map_projection", _map_projection, 1.0),
    ("pattern_comprehension", _pattern_comprehension, 1.0),
    ("correlated_call", _correlated_call, 0.9),
    ("chained_comparison", _chained_comparison, 1.0),
    ("xor", _xor, 0.9),
    ("union", _union, 1.2),
    ("aggregation_arithmetic", _range, 0.3),
    ("inline_where", _inline_where, 1.0),
    ("quantified_path", _quantified, 0.9),
    ("concatenation", _concatenation, 0.5),
    ("load_csv", _load_csv, 0.6),
    ("foreach", _foreach, 0.6),
    ("special_index", _special_index, 0.8),
    ("legacy_index", _legacy_index, 0.4),
    ("show_catalogue", _show, 0.3),
    ("similarity", _similarity, 0.6),
    ("power", _power, 0.3),
    ("collect_subquery", _collect_subquery, 0.7),
    ("computed_property", _computed_property, 0.6),
)

"""Generated queries over a small graph, spelt anew with the same meaning, or changed."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from attrs import evolve, frozen

from heimdall_core.errors import HeimdallError
from heimdall_core.types import Engine
from heimdall_lang_cypher import ast
from heimdall_lang_cypher.engine import EngineError, Limits, open_engine
from heimdall_lang_cypher.engine_agree import same_rows
from heimdall_lang_cypher.lexer import tokenize
from heimdall_lang_cypher.normalise import normalise
from heimdall_lang_cypher.parser import parse_statement
from heimdall_lang_cypher.populate import populate
from heimdall_lang_cypher.printer import print_query
from heimdall_lang_cypher.tokens import KEYWORDS
from heimdall_lang_cypher.visitor import transform, walk

SCHEMA = {
    "name": "test",
    "nodes": {
        "Person": {"properties": {"name": "STRING", "age": "INTEGER"}},
        "Film": {"properties": {"title": "STRING", "year": "INTEGER"}},
        "City": {"properties": {"name": "STRING", "size": "INTEGER"}},
    },
    "relationships": [
        {"type": "ACTED_IN", "from": "Person", "to": "Film", "properties": {"fee": "INTEGER"}},
        {"type": "LIVES_IN", "from": "Person", "to": "City", "properties": {}},
        {"type": "KNOWS", "from": "Person", "to": "Person", "properties": {"since": "INTEGER"}},
    ],
}
KEYS = {"Person": ("name", "age"), "Film": ("title", "year"), "City": ("name", "size")}
STEPS = (
    ("Person", "-[{}:ACTED_IN]->", "Film"),
    ("Film", "<-[{}:ACTED_IN]-", "Person"),
    ("Person", "-[{}:LIVES_IN]->", "City"),
    ("City", "<-[{}:LIVES_IN]-", "Person"),
    ("Person", "-[{}:KNOWS]-", "Person"),
    ("Person", "-[{}:KNOWS]->", "Person"),
)


def make_query(random: Random) -> str:
    """A query over SCHEMA whose rows do not depend on luck: it has no LIMIT."""
    label = random.choice(list(KEYS))
    pattern, nodes = f"(n0:{label})", [("n0", label)]
    for number in range(random.choice((0, 1, 1, 2, 2, 3))):
        steps = [step for step in STEPS if step[0] == label]
        _, arrow, label = random.choice(steps)
        name = f"n{number + 1}"
        pattern += arrow.format(random.choice(("", f"r{number}"))) + f"({name}:{label})"
        nodes.append((name, label))
    conditions = []
    for _ in range(random.randint(0, 3)):
        name, label = random.choice(nodes)
        text, number_key = KEYS[label]
        conditions.append(
            random.choice(
                (
                    f"{name}.{number_key} {random.choice(('<', '<=', '>', '>=', '=', '<>'))} "
                    f"{random.randint(0, 60)}",
                    f"{name}.{text} IS NOT NULL",
                    f"{name}.{text} STARTS WITH '{random.choice('ABCDE')}'",
                    f"NOT ({name})-[:KNOWS]->(:Person)",
                    f"{name}.{number_key} IN [1, 5, {random.randint(0, 60)}]",
                    f"({name}.{number_key} > 20 OR {nodes[0][0]}.{KEYS[nodes[0][1]][1]} < 40)",
                )
            )
        )
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    (first, label), (last, other) = nodes[0], nodes[-1]
    ending = random.choice(
        (
            f"RETURN {first}.{KEYS[label][0]} AS a, {last}.{KEYS[other][1]}",
            f"RETURN DISTINCT {last}.{KEYS[other][0]}",
            f"RETURN {first}.{KEYS[label][0]} AS key, count({last}) + 1 AS c",
            f"WITH {first}, count(*) AS c WHERE c > 1 RETURN {first}.{KEYS[label][1]}, c",
            f"RETURN sum({last}.{KEYS[other][1]} * 2) AS total",
        )
    )
    return f"MATCH {pattern}{where} {ending}"


def rewrite(query: str, random: Random) -> str:
    """Another spelling of the same query: order, names, direction, then letters and blanks."""
    tree = transform(parse_statement(query), lambda node: _shuffled(node, random))
    names = {node.name for node in walk(tree) if isinstance(node, ast.Variable)}
    kept = {
        item.alias.name
        for item in walk(tree)
        if isinstance(item, ast.ProjectionItem) and item.alias
    }
    renamed = sorted(names - kept)
    targets = random.sample([f"x{i}" for i in range(50)], len(renamed))
    new = dict(zip(renamed, targets, strict=True))
    tree = transform(
        tree,
        lambda node: (
            evolve(node, name=new.get(node.name, node.name))
            if isinstance(node, ast.Variable)
            else node
        ),
    )
    return _respelt(print_query(tree), random)


def _shuffled(node: ast.Node, random: Random) -> ast.Node:
    def mixed(items: Any) -> Any:
        return tuple(random.sample(items, len(items)))

    if isinstance(node, ast.And | ast.Or):
        return evolve(node, operands=mixed(node.operands))
    if isinstance(node, ast.Match):
        return evolve(node, patterns=mixed(node.patterns))
    if isinstance(node, ast.MapLiteral):
        return evolve(node, entries=mixed(node.entries))
    if isinstance(node, ast.With):
        return evolve(node, items=mixed(node.items))
    if isinstance(node, ast.Comparison) and node.operators == ("=",):
        return evolve(node, operands=mixed(node.operands))
    if isinstance(node, ast.PathPattern) and random.random() < 0.5:
        turned = {"->": "<-", "<-": "->", "--": "--"}
        return ast.PathPattern(
            tuple(
                evolve(each, direction=turned[each.direction])
                if isinstance(each, ast.RelationshipPattern)
                else each
                for each in reversed(node.elements)
            )
        )
    if isinstance(node, ast.NodePattern) and isinstance(node.labels, ast.LabelName):
        return evolve(node, keyword=False)
    return node


def _respelt(query: str, random: Random) -> str:
    tokens = tokenize(query)
    pieces, last = [], 0
    for kind, start, end in zip(tokens.kinds, tokens.starts, tokens.ends, strict=True):
        gap, text = query[last:start], query[start:end]
        pieces.append(random.choice((gap, "\n  ")) if gap else "")
        if kind in KEYWORDS:
            text = random.choice((text, text.lower(), text.capitalize()))
        elif text.startswith("'"):
            text = f'"{text[1:-1]}"'
        pieces.append(text)
        last = end
    return "".join(pieces)


def change(query: str, random: Random) -> str:
    """A query that most likely means something else."""
    swaps = (
        ("->(", "-("),
        ("<", ">"),
        (" AND ", " OR "),
        ("DISTINCT ", ""),
        ("AS a", "AS b"),
        ("RETURN", "RETURN DISTINCT"),
        ("name", "age"),
        ("Person", "Film"),
        ("count(", "sum("),
        ("NOT ", ""),
        ("WHERE", "WHERE true OR"),
        ("n0", "n1"),
        ("+ 1", "+ 2"),
        ("5", "6"),
        ("<-[", "-["),
        ("c > 1", "c > 2"),
        ("* 2", "+ 2"),
        (":KNOWS", ":LIVES_IN"),
        ("=", "<>"),
    )
    one, other = random.choice(swaps)
    return query.replace(one, other, 1)


def rows(engine: Engine, query: str) -> Any:
    """The rows of a query, None where the engine does not run it."""
    result = engine.run(query)
    return None if result.error else result.rows


@frozen
class Pairs:
    """What came of pairs of queries."""

    ran: int
    """Pairs whose queries both ran."""
    merged: int
    """Those with one canonical form."""
    misjudged: tuple[tuple[str, str], ...]
    """Those of `merged` that `graphdblite` gives different rows, against two other engines."""


def check_pairs(count: int, seed: int) -> Pairs:
    """Makes pairs of queries and runs them. Two with one canonical form must have the same rows,
    or an AssertionError names them; where `graphdblite` says otherwise, the other engines judge."""
    random = Random(seed)
    data = populate(SCHEMA, seed)
    ran = merged = 0
    misjudged = []
    with open_engine("graphdblite", Limits(seconds=0.5)) as engine:
        engine.load(data)
        for _ in range(count):
            query = make_query(random)
            other = rewrite(query, random)
            if random.random() < 0.7:
                other = change(other if random.random() < 0.5 else query, random)
            try:
                forms = normalise(query).canonical, normalise(other).canonical
            except HeimdallError:
                continue
            one, two = rows(engine, query), rows(engine, other)
            if one is None or two is None:
                continue
            ran += 1
            if forms[0] != forms[1]:
                continue
            merged += 1
            if not same_rows(one, two):
                assert _others_agree(query, other, data), f"{query}\n{other}\n{forms[0]}"
                misjudged.append((query, other))
    return Pairs(ran, merged, tuple(misjudged))


def _others_agree(query: str, other: str, data: Sequence[str]) -> bool:
    """Whether the two other engines give both queries the same rows."""
    found = []
    for name in ("graphqlite", "ocg"):
        try:
            with open_engine(name, Limits(seconds=5)) as engine:
                engine.load(data)
                found += [rows(engine, query), rows(engine, other)]
        except EngineError:
            return False
    return all(each is not None and same_rows(found[0], each) for each in found)


def rewrites_merged(count: int, seed: int) -> tuple[int, list[tuple[str, str]]]:
    """How many of `count` rewrites of generated queries have the form of their query, and the
    others."""
    random = Random(seed)
    apart = []
    for _ in range(count):
        query = make_query(random)
        other = rewrite(query, random)
        if normalise(query).canonical != normalise(other).canonical:
            apart.append((query, other))
    return count - len(apart), apart

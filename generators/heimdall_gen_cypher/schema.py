"""Typed graph schemas: labels, properties with the values that questions name, relationships.

The built-in ones are the TOML files in `schemas/`; this is what one looks like:

    summary = "Films, who made them and which film led to which"

    [nodes.Film]
    key = "title"
    [nodes.Film.properties]
    title = { type = "STRING", pool = "title" }
    year = { type = "INTEGER", low = 1960, high = 2020, step = 1, additive = false }

    [[relationships]]
    type = "ACTED_IN"
    from = "Actor"
    to = "Film"
    [relationships.properties]
    fee = { type = "INTEGER", low = 100, high = 900, step = 50 }

Every property has a `type`. A STRING takes its values from `values`, or from a `pool` that schemas
share (`schemas/pools.toml`); a number runs from `low` to `high` by `step`; a BOOLEAN needs nothing;
a DATE and a LIST<FLOAT> are projected and indexed, never compared with a value. `additive = false`
says that a sum of the property means nothing (a year, a rating). `verb = ["lives in", "live in"]`
says how a relationship is spoken of, where the words of its type do not read as a verb in the past
tense; templates then leave it out of questions that use those words (`words = true` keeps it).

Only names that Cypher takes without backticks are used; a schema tells in `left_out` which are not.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from attrs import evolve, field, frozen

from heimdall_core.errors import HeimdallError

Value = str | int | float | bool

#: Property types whose values a question can name.
VALUED = frozenset({"STRING", "INTEGER", "FLOAT", "BOOLEAN"})

_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@frozen(eq=False)
class Property:
    """A property of a label or relationship type."""

    name: str
    type: str
    """`STRING`, `INTEGER`, `FLOAT`, `BOOLEAN`, `DATE` or `LIST<FLOAT>`."""
    values: Sequence[Value] = ()
    """What a question may compare it with or set it to; empty for the last two types."""
    key: bool = False
    """Whether it tells one node of the label from another."""
    additive: bool = False
    """Whether a sum over nodes has a meaning."""


@frozen(eq=False)
class Node:
    """A node label."""

    label: str
    plural: str
    """In words: `wind farms`."""
    properties: tuple[Property, ...]


@frozen(eq=False)
class Relationship:
    """A relationship type between two labels, in its own direction."""

    type: str
    start: str
    """Label of the node that it leaves."""
    end: str
    """Label of the node that it enters."""
    properties: tuple[Property, ...]
    verb: tuple[str, str] = ("", "")
    """What the start does to the end, said of one and of many: `lives in`, `live in`."""
    told: bool = True
    """Whether the verb alone tells the type: `lives in` that of LIVES_IN. Where it does not, or
    there is no verb, a question that comes without the schema names the type."""
    words: bool = True
    """Whether the words of the type may stand in a template's question as they are."""


@frozen(eq=False)
class Schema:
    """A typed graph schema."""

    name: str
    summary: str
    nodes: tuple[Node, ...]
    relationships: tuple[Relationship, ...]
    left_out: tuple[str, ...] = ()
    """What it describes and no question is about, such as names that need backticks."""
    by_label: Mapping[str, Node] = field(init=False)
    json: Mapping[str, Any] = field(init=False)
    """`as_json`, made once: the checker remembers what it has read by the object."""

    @by_label.default
    def _index(self) -> dict[str, Node]:
        return {node.label: node for node in self.nodes}

    @json.default
    def _json(self) -> Mapping[str, Any]:
        return self.as_json()

    def as_json(self) -> dict[str, Any]:
        """The schema as the Cypher language plugin reads it."""
        return {
            "name": self.name,
            "nodes": {n.label: {"properties": _described(n.properties)} for n in self.nodes},
            "relationships": [
                {
                    "type": r.type,
                    "from": r.start,
                    "to": r.end,
                    "properties": _described(r.properties),
                }
                for r in self.relationships
            ],
            "indexes": [],
        }


def words(name: str) -> str:
    """An identifier as it is spoken: `WindFarm` and `ACTED_IN` give `wind farm`, `acted in`."""
    return " ".join(_WORD.findall(name)).lower()


#: Verbs whose past tense does not end in -ed.
_IRREGULAR_WORDS = """
ate beat began bit blew bought brought built came caught chose cut did drank drew drove
fed fell felt fled flew fought found froze gave got grew had heard held hid hit kept
knew laid led left lent lost made met paid put ran rang rode rose said sang sat saw sent
set shot showed slept sold sought spent spoke spread stole stood swam taught thought
threw told took understood wed went woke won wore wrote
"""
_IRREGULAR = frozenset(_IRREGULAR_WORDS.split())


def reads_as_verb(spoken: str) -> bool:
    """Whether the words of a type read as a verb in the past tense: `acted in`, not `has tag`."""
    first = spoken.partition(" ")[0]
    return first.endswith("ed") or first in _IRREGULAR


def plural(noun: str) -> str:
    """The many of a noun, by the rules of spelling: `companies`, `boxes`, `films`."""
    if noun.endswith("person"):
        return f"{noun.removesuffix('person')}people"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"


@cache
def schema_names() -> tuple[str, ...]:
    """Names of the built-in schemas, sorted."""
    folder = files("heimdall_gen_cypher").joinpath("schemas")
    names = (entry.name.removesuffix(".toml") for entry in folder.iterdir())
    return tuple(sorted(name for name in names if name not in ("pools", "__pycache__")))


@cache
def load_schema(name: str) -> Schema:
    """A built-in schema, by one of `schema_names()`. Raises `HeimdallError` where it is wrong."""
    return parse_schema(name, _toml(name), pools())


def pools() -> Mapping[str, Any]:
    """The lists of values that schemas share."""
    return _toml("pools")


def parse_schema(name: str, data: Mapping[str, Any], pools: Mapping[str, Any]) -> Schema:
    """A schema from decoded TOML of the form shown on top of this module.

    Raises `HeimdallError` that names the schema and the part that is wrong.
    """
    try:
        nodes = tuple(_node(label, table, pools) for label, table in data["nodes"].items())
        relationships = tuple(_relationship(table, pools) for table in data["relationships"])
        _check_ends(name, nodes, relationships)
        return plainly(name, data.get("summary", name), nodes, relationships)
    except KeyError as error:
        raise HeimdallError(f"{error.args[0]!r} is missing", where=f"schema '{name}'") from error
    except ValueError as error:
        raise HeimdallError(str(error), where=f"schema '{name}'") from error


def _check_ends(name: str, nodes: Sequence[Node], relationships: Sequence[Relationship]) -> None:
    labels = {node.label for node in nodes}
    for relationship in relationships:
        for label in (relationship.start, relationship.end):
            if label not in labels:
                raise HeimdallError(
                    f"{relationship.type} names the label '{label}', which no node table has",
                    where=f"schema '{name}'",
                )


def is_plain(name: str) -> bool:
    """Whether Cypher takes the name without backticks."""
    return _PLAIN.fullmatch(name) is not None


def plainly(
    name: str,
    summary: str,
    nodes: Sequence[Node],
    relationships: Sequence[Relationship],
    left_out: Sequence[str] = (),
) -> Schema:
    """The schema of those parts whose names are plain; the others are added to `left_out`.

    A label goes with its key, and a relationship with its labels. Raises `HeimdallError` where no
    label or no relationship is left.
    """
    gone = list(left_out)
    kept: list[Node] = []
    for node in nodes:
        key = next((p.name for p in node.properties if p.key), "")
        if is_plain(node.label) and is_plain(key):
            gone += (f"{node.label}.{p.name}" for p in node.properties if not is_plain(p.name))
            kept.append(evolve(node, properties=_plain_ones(node.properties)))
        else:
            gone.append(node.label)
    labels = {node.label for node in kept}
    edges: list[Relationship] = []
    for edge in relationships:
        if is_plain(edge.type) and {edge.start, edge.end} <= labels:
            gone += (f"{edge.type}.{p.name}" for p in edge.properties if not is_plain(p.name))
            edges.append(evolve(edge, properties=_plain_ones(edge.properties)))
        else:
            gone.append(f"({edge.start})-[{edge.type}]->({edge.end})")
    if not kept or not edges:
        raise HeimdallError(
            "no label with a key property, or no relationship between such labels, has a name that "
            "Cypher takes without backticks",
            where=f"schema '{name}'",
        )
    return Schema(name, summary, tuple(kept), tuple(edges), tuple(gone))


def _plain_ones(properties: Sequence[Property]) -> tuple[Property, ...]:
    return tuple(p for p in properties if is_plain(p.name))


@cache
def _toml(name: str) -> dict[str, Any]:
    text = files("heimdall_gen_cypher").joinpath("schemas", f"{name}.toml").read_text("utf-8")
    return tomllib.loads(text)


def _node(label: str, table: Mapping[str, Any], pools: Mapping[str, Any]) -> Node:
    properties = tuple(
        _property(name, spec, pools, key=name == table["key"])
        for name, spec in table["properties"].items()
    )
    if sum(p.key for p in properties) != 1:
        raise ValueError(f"the key '{table['key']}' of {label} is not one of its properties")
    return Node(label, table.get("plural", plural(words(label))), properties)


def _relationship(table: Mapping[str, Any], pools: Mapping[str, Any]) -> Relationship:
    properties = table.get("properties", {})
    spoken = words(table["type"])
    default = (spoken, spoken) if reads_as_verb(spoken) else ("", "")
    one, many = table.get("verb", default)
    bare = one.removeprefix("is ").removeprefix("was ")
    return Relationship(
        table["type"],
        table["from"],
        table["to"],
        tuple(_property(name, spec, pools) for name, spec in properties.items()),
        (one, many),
        bool(one) and spoken in (one, bare),
        table.get("words", "verb" not in table and bool(one)),
    )


def _property(
    name: str, spec: Mapping[str, Any], pools: Mapping[str, Any], *, key: bool = False
) -> Property:
    number = spec["type"] in ("INTEGER", "FLOAT")
    return Property(
        name, spec["type"], _values(spec, pools), key, number and spec.get("additive", True)
    )


def _values(spec: Mapping[str, Any], pools: Mapping[str, Any]) -> Sequence[Value]:
    match spec["type"]:
        case "STRING":
            return tuple(pools[spec["pool"]] if "pool" in spec else spec["values"])
        case "INTEGER":
            return range(spec["low"], spec["high"] + 1, spec["step"])
        case "FLOAT":
            # Whole steps, counted: adding 0.1 again and again would give 0.30000000000000004.
            count = round((spec["high"] - spec["low"]) / spec["step"]) + 1
            return tuple(round(spec["low"] + i * spec["step"], 2) for i in range(count))
        case "BOOLEAN":
            return (True, False)
        case "DATE" | "LIST<FLOAT>":
            return ()
        case unknown:
            raise ValueError(f"unknown property type {unknown!r}")


def _described(properties: tuple[Property, ...]) -> dict[str, Any]:
    return {p.name: _description(p) for p in properties}


def _description(of: Property) -> str | dict[str, Any]:
    """The type, with sample values or bounds that made-up data should keep to."""
    if of.type == "STRING" and of.values:
        return {"type": of.type, "values": list(of.values[:40])}
    if of.type in ("INTEGER", "FLOAT") and of.values:
        return {"type": of.type, "min": of.values[0], "max": of.values[-1]}
    return of.type

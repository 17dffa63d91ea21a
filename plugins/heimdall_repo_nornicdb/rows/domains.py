"""Typed graph schemas with values to name in questions. `data/domains.toml` holds them in short:

    [fleet]
    nodes = ["Truck plate:code* model:thing mileage:count serviced:date position:vector"]
    edges = ["Driver DROVE Truck since:year"]

`name:kind` is a property, `*` marks the one that tells nodes apart. The kinds are those of `KINDS`.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from attrs import field, frozen

Value = str | int | float | bool

#: Kinds of properties, with their types in a schema.
KINDS = {
    "person": "STRING",
    "city": "STRING",
    "company": "STRING",
    "thing": "STRING",
    "code": "STRING",
    "prose": "STRING",
    "count": "INTEGER",
    "year": "INTEGER",
    "amount": "FLOAT",
    "flag": "BOOLEAN",
    "date": "DATE",
    "vector": "LIST<FLOAT>",
}

_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")


@frozen(eq=False)
class Property:
    """A property of a label or relationship type."""

    name: str
    kind: str

    @property
    def is_text(self) -> bool:
        """Whether questions compare it as a text."""
        return KINDS[self.kind] == "STRING" and self.kind != "prose"

    @property
    def is_number(self) -> bool:
        """Whether it is an integer or a float."""
        return KINDS[self.kind] in ("INTEGER", "FLOAT")


@frozen(eq=False)
class Label:
    """A node label."""

    name: str
    properties: tuple[Property, ...]
    key: Property

    def of_kind(self, *kinds: str) -> list[Property]:
        """Its properties of some kinds."""
        return [p for p in self.properties if p.kind in kinds]

    @property
    def numbers(self) -> list[Property]:
        """Its numeric properties."""
        return [p for p in self.properties if p.is_number]

    @property
    def texts(self) -> list[Property]:
        """Its text properties that are compared, the key among them."""
        return [p for p in self.properties if p.is_text]

    @property
    def plain(self) -> list[Property]:
        """Its properties that a query may show: all but vectors."""
        return [p for p in self.properties if p.kind != "vector"]

    @property
    def variable(self) -> str:
        """How queries call a node of it: the first letter, in lower case."""
        return self.name[0].lower()


@frozen(eq=False)
class Edge:
    """A relationship type between two labels, in its own direction."""

    type: str
    start: Label
    end: Label
    properties: tuple[Property, ...]


@frozen(eq=False)
class Domain:
    """A schema."""

    name: str
    labels: tuple[Label, ...]
    edges: tuple[Edge, ...]
    by_name: Mapping[str, Label] = field(init=False)

    @by_name.default
    def _index(self) -> dict[str, Label]:
        return {label.name: label for label in self.labels}

    def as_json(self) -> dict[str, Any]:
        """The schema as the Cypher language plugin reads it."""
        return {
            "name": self.name,
            "nodes": {n.name: {"properties": _types(n.properties)} for n in self.labels},
            "relationships": [
                {
                    "type": e.type,
                    "from": e.start.name,
                    "to": e.end.name,
                    "properties": _types(e.properties),
                }
                for e in self.edges
            ],
            "indexes": [],
        }


def words(name: str) -> str:
    """An identifier as it is spoken: `WindFarm` and `ACTED_IN` give `wind farm`, `acted in`."""
    return " ".join(_WORD.findall(name)).lower()


def snake(name: str) -> str:
    """An identifier in small letters with underscores."""
    return "_".join(_WORD.findall(name)).lower()


@cache
def domains() -> tuple[Domain, ...]:
    """The built-in schemas, by name."""
    table = _load("domains.toml")
    return tuple(_domain(name, table[name]) for name in sorted(table))


@cache
def pools() -> Mapping[str, tuple[str, ...]]:
    """Lists of values that properties share."""
    return {name: tuple(values) for name, values in _load("pools.toml").items()}


def schemas_as_json() -> Mapping[str, Mapping[str, Any]]:
    """Every built-in schema, in the shape of the Cypher language plugin."""
    return {domain.name: domain.as_json() for domain in domains()}


def one(name: str) -> str:
    """A name with its indefinite article: `an Exhibit`, `a Truck`."""
    vowel = name[0].lower() in "aeiou" and not name.startswith(("Eu", "On", "USE"))
    return f"{'an' if vowel else 'a'} {name}"


def value(of: Property, rng: random.Random) -> Value:
    """A value that the property may have."""
    match of.kind:
        case "person":
            return f"{rng.choice(pools()['first'])} {rng.choice(pools()['last'])}"
        case "company":
            return f"{rng.choice(pools()['last'])} {rng.choice(pools()['trade'])}"
        case "thing":
            return f"{rng.choice(pools()['adjective'])} {rng.choice(pools()['noun'])}"
        case "city":
            return rng.choice(pools()["city"])
        case "code":
            letters = "".join(rng.choices("ABCDEFGHJKLMNPRSTUVWXYZ", k=rng.choice((2, 3))))
            return f"{letters}-{rng.randrange(100, 10_000)}"
        case "prose":
            return phrase(rng)
        case "count":
            return rng.choice(
                (rng.randrange(1, 60), rng.randrange(1, 100) * 10, rng.randrange(1, 90) * 100)
            )
        case "year":
            return rng.randrange(1950, 2026)
        case "amount":
            return rng.randrange(1, 4000) / 4
        case "flag":
            return rng.random() < 0.5
        case other:
            raise ValueError(f"a property of kind {other} has no value to compare with")


def phrase(rng: random.Random) -> str:
    """One to three words to search for."""
    found = [rng.choice(pools()["noun"]).lower()]
    if rng.random() < 0.7:
        found.insert(0, rng.choice(pools()["adjective"]).lower())
    if rng.random() < 0.3:
        found.append(rng.choice(pools()["noun"]).lower())
    return " ".join(found)


def literal(of: Value) -> str:
    r"""A value as Cypher writes it.

    >>> literal("O'Hara"), literal(True), literal(7.5)
    ("'O\\'Hara'", 'true', '7.5')
    """
    if isinstance(of, bool):
        return str(of).lower()
    if isinstance(of, str):
        escaped = of.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"
    return str(of)


def _types(properties: tuple[Property, ...]) -> dict[str, str]:
    return {p.name: KINDS[p.kind] for p in properties}


def _domain(name: str, table: Mapping[str, Any]) -> Domain:
    labels = tuple(_label(line) for line in table["nodes"])
    by_name = {label.name: label for label in labels}
    edges = []
    for line in table["edges"]:
        start, kind, end, *properties = line.split()
        edges.append(Edge(kind, by_name[start], by_name[end], tuple(map(_property, properties))))
    return Domain(f"nornic_{name}", labels, tuple(edges))


def _label(line: str) -> Label:
    name, *rest = line.split()
    properties = tuple(map(_property, rest))
    [key] = (p for p, text in zip(properties, rest, strict=True) if text.endswith("*"))
    return Label(name, properties, key)


def _property(text: str) -> Property:
    name, _, kind = text.rstrip("*").partition(":")
    if kind not in KINDS:
        raise ValueError(f"unknown kind of property: {text}")
    return Property(name, kind)


def _load(file: str) -> dict[str, Any]:
    text = files("heimdall_repo_nornicdb").joinpath("data", file).read_text("utf-8")
    return tomllib.loads(text)

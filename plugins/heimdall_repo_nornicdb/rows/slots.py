"""Values for the slots of facts: addresses, names, queries' parts, figures, drawn per row.

The values of one row belong together: `<var>`, `<key>` and `<prop>` are those of `<label>`,
`<rel>` leaves it, `<value>` is one that the key may have.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from heimdall_repo_nornicdb.facts import apoc_signatures
from heimdall_repo_nornicdb.rows.domains import (
    Domain,
    Label,
    domains,
    literal,
    phrase,
    pools,
    snake,
    value,
)


@cache
def _table() -> Mapping[str, Any]:
    text = files("heimdall_repo_nornicdb").joinpath("data", "slots.toml").read_text("utf-8")
    return tomllib.loads(text)


def operators() -> Mapping[str, str]:
    """Operators of NornicDB's plans, and what each stands for."""
    found: Mapping[str, str] = _table()["operators"]
    return found


class Slots:
    """The values of one row. The same name gives the same value."""

    def __init__(self, rng: random.Random, domain: Domain | None = None) -> None:
        self._rng = rng
        self.domain = domain or rng.choice(domains())
        self._values: dict[str, str] = {}
        self._label: Label | None = None

    @property
    def label(self) -> Label:
        """The label of the row: one that a relationship leaves."""
        if self._label is None:
            self._label = self._rng.choice(self.domain.edges).start
        return self._label

    def __call__(self, name: str) -> str:
        if name not in self._values:
            self._values[name] = self._draw(name)
        return self._values[name]

    def _draw(self, name: str) -> str:
        rng = self._rng
        base = name.rstrip("2")
        choices = _table()["choices"].get(name)
        if choices is not None:
            return str(rng.choice(choices))
        drawn = _FIGURES.get(name)
        if drawn is not None:
            return drawn(rng)
        graph = self._of_graph(name)
        if graph is not None:
            return graph
        if base != name and base not in ("dim",):
            # A second value of a kind differs from the first.
            other = self(base)
            found = other
            while found == other:
                found = Slots(rng, self.domain)(base)
            return found
        if name == "dim2":
            return rng.choice(
                [d for d in ("256", "384", "512", "768", "1024", "1536") if d != self("dim")]
            )
        return f"<{name}>"

    def _of_graph(self, name: str) -> str | None:
        rng, label = self._rng, self.label
        match name:
            case "label":
                return label.name
            case "label2":
                return rng.choice([each.name for each in self.domain.labels if each is not label])
            case "var":
                return label.variable
            case "snake":
                return snake(label.name)
            case "key":
                return label.key.name
            case "value":
                return literal(value(label.key, rng))
            case "value2":
                first, found = self("value"), self("value")
                while found == first:
                    found = literal(value(label.key, rng))
                return found
            case "prop":
                return rng.choice([p.name for p in label.plain if p is not label.key])
            case "num":
                return rng.choice([p.name for p in label.numbers] or ["score"])
            case "vec":
                return next((p.name for p in label.of_kind("vector")), "embedding")
            case "prose":
                return next((p.name for p in label.of_kind("prose")), label.key.name)
            case "rel":
                return rng.choice([e.type for e in self.domain.edges if e.start is label])
            case "index":
                endings = ("idx", "vectors", "search", "text", "embeddings", "lookup")
                return f"{snake(label.name)}_{rng.choice(endings)}"
            case "opmeaning":
                return f"{self('operator')} {operators()[self('operator')]}."
            case "protoport":
                return str(_table()["ports"][self("protocol")])
            case "signature":
                return str(_table()["methods"][self("method")])
            case "apoccount":
                category = self("apoccategory")
                count = sum(n.startswith(f"apoc.{category}.") for n in apoc_signatures())
                return (
                    f"{count} names under apoc.{category}; being registered does not mean that "
                    "Cypher evaluates them."
                )
            case "apoccategory":
                return rng.choice(sorted({n.split(".")[1] for n in apoc_signatures()}))
            case "pascal":
                return self("plugin").capitalize()
            case "sql":
                return " ".join(("SELECT", self("prop"), "FROM", f"{snake(label.name)}s"))
            case _:
                return None


def _magnitude(rng: random.Random) -> str:
    return str(rng.randrange(1, 100) * rng.choice((1_000, 10_000, 100_000)))


_FIGURES: dict[str, Callable[[random.Random], str]] = {
    "alias": lambda rng: rng.choice(pools()["alias"]),
    "bare": phrase,
    "big": _magnitude,
    "big2": _magnitude,
    "date": lambda rng: (
        f"{rng.randrange(1990, 2026)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"
    ),
    "db": lambda rng: f"{rng.choice(pools()['noun']).lower()}_{rng.choice(pools()['site'])}",
    "digits": lambda rng: str(rng.randrange(55, 96)),
    "dim": lambda rng: rng.choice(("384", "512", "768", "1024", "1536", "3072")),
    "dir": lambda rng: (
        rng.choice(("/data", "/srv", "/var/lib", "/opt", "/mnt"))
        + f"/{rng.choice(pools()['noun']).lower()}"
    ),
    "high": lambda rng: str(rng.randrange(60, 500)),
    "host": lambda rng: rng.choice(pools()["host"]),
    "id": lambda rng: f"node-{rng.randrange(100, 100_000)}",
    # Networks set aside for documentation: nobody's address.
    "ip": lambda rng: (
        f"{rng.choice(('192.0.2', '198.51.100', '203.0.113'))}.{rng.randrange(2, 250)}"
        f":{rng.randrange(32_768, 61_000)}"
    ),
    "k": lambda rng: rng.choice(("3", "5", "8", "10", "20", "25", "50")),
    "low": lambda rng: str(rng.randrange(2, 50)),
    "ms": lambda rng: rng.choice(("100", "200", "250", "500", "750", "1500", "2000", "5000")),
    "n": lambda rng: str(rng.randrange(2, 60) * rng.choice((1, 1, 10, 50))),
    "odd": lambda rng: str(rng.randrange(1, 200) * 2 + 1),
    "port": lambda rng: str(rng.choice((7687, 7474, 7688, 8687, 17687, 9090, 8080, 8474))),
    "site": lambda rng: rng.choice(pools()["site"]),
    "small": lambda rng: str(rng.randrange(2, 12)),
    "time": lambda rng: f"{rng.randrange(0, 24):02}:{rng.randrange(0, 60):02}",
    "token": lambda rng: rng.choice(pools()["noun"]).lower() + str(rng.randrange(1000, 9999)),
    "user": lambda rng: rng.choice(pools()["user"]),
}

"""How one prompt speaks: which words stand for labels, types, properties and values.

Three things vary from prompt to prompt. Labels and types stand as they are written (`Film node`,
`an ACTED_IN relationship`) or as they are spoken (`film`, `acted in`). Properties are spoken
(`birth year`) only where the schema comes with the prompt, else they stand as they are written
(`birthYear`), so that the prompt always determines the name. Texts stand in single or double
quotes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from random import Random

from heimdall_gen_cypher.schema import Node, Property, Relationship, Value, words
from heimdall_gen_cypher.terms import literal

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")


class Voice:
    """The choices of one prompt; without a random stream, the first of every choice."""

    def __init__(self, rng: Random | None, *, shown: bool = False) -> None:
        self.rng = rng
        self.shown = shown
        """Whether the schema comes with the prompt."""
        self.technical = self.chance(0.3)
        self.quote = '"' if self.chance(0.35) else "'"

    def chance(self, share: float) -> bool:
        """True in that share of the prompts; False without a random stream."""
        return self.rng is not None and self.rng.random() < share

    def pick(self, options: Sequence[str]) -> str:
        """One of several ways to say the same."""
        if self.rng is None:
            return options[0]
        return options[int(self.rng.random() * len(options))]

    def one(self, node: Node) -> str:
        """`film`, or `Film node`."""
        return f"{node.label} node" if self.technical else spoken(node.label)

    def many(self, node: Node) -> str:
        """`films`, or `Film nodes`."""
        return f"{node.label} nodes" if self.technical else node.plural

    def short(self, node: Node) -> str:
        """`film`, or `Film`: where it is plain that a node is meant."""
        return node.label if self.technical else spoken(node.label)

    def prop(self, of: Property) -> str:
        """A property's name."""
        return spoken(of.name) if self.shown else of.name

    def column(self, of: Property) -> str:
        """A property where its value is asked for: `cancelled flag`, `joined date`."""
        name = self.prop(of)
        if of.type == "BOOLEAN":
            return f"{name} flag"
        if of.type == "DATE" and not name.lower().endswith(("on", "at", "date", "day")):
            return f"{name} date"
        return f"'{name}' value" if name in ("on", "at") else name

    def value(self, value: Value) -> str:
        """A value, a text in quotes."""
        if not isinstance(value, str):
            return literal(value)
        quote = '"' if "'" in value else "'" if '"' in value else self.quote
        return f"{quote}{value}{quote}"

    def verb(self, of: Relationship) -> tuple[str, str] | None:
        """What the start does to the end, said of one and of many, where that tells the type."""
        if self.technical or not of.verb[0] or not (of.told or self.shown):
            return None
        return of.verb


@cache
def spoken(name: str) -> str:
    """`words`, remembered."""
    return words(name)


@cache
def many(of: Property) -> bool:
    """Whether a property's name is a plural: `followers`, but not `status`."""
    last = words(of.name).rpartition(" ")[2]
    return last.endswith("s") and not last.endswith(("ss", "us", "is")) and last != "cvss"


def article(noun: str) -> str:
    """`a film`, `an actor`."""
    return f"{article_of(noun)} {noun}"


def article_of(noun: str) -> str:
    """`a` or `an`, by sound as far as spelling tells it."""
    first = noun[:1].lower()
    if first not in "aeiou":
        return "a"
    lowered = noun.lower()
    return "a" if lowered.startswith(("uni", "use", "user", "eu", "one", "uti")) else "an"


def listed(items: Sequence[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def ordinal(number: int) -> str:
    """`first` for 0."""
    return _ORDINALS[number]


def upper_first(text: str) -> str:
    """The text as a sentence begins."""
    return text[:1].upper() + text[1:]

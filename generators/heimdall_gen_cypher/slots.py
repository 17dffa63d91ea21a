"""What a family draws before its templates are filled.

Two steps, because names are few and values are many. A `Name` slot draw lists every choice that
the schema allows (labels, relationships, properties), one after the other, each knowing what was
bound before it; the result is a `Binding`. A value draw then says how many values a binding
leaves open, and gives the i-th: nothing is listed, so an integer range costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, Protocol

from attrs import frozen

from heimdall_gen_cypher.schema import VALUED, Node, Property, Relationship, Schema, Value
from heimdall_gen_cypher.terms import Term, name_term, value_term

Bound = Node | Relationship | Property
Binding = Mapping[str, Bound]

#: What a property must be like to be drawn. `any` can be shown (vectors cannot), `valued` can be
#: compared with a literal, `measure` can be summed, `category` is a text and `group` a text or
#: boolean that many nodes share, `sortable` has an order that means something.
Kind = Literal[
    "any",
    "key",
    "no key",
    "valued",
    "valued no key",
    "text",
    "number",
    "measure",
    "category",
    "group",
    "sortable",
    "vector",
]

#: Which piece of a text a string predicate names.
Piece = Literal["start", "end", "inside"]

#: Pairs of letters that many words hold.
_PAIRS = ("an", "ar", "el", "en", "er", "in", "la", "on", "or", "ra", "re", "ti")


class NameDraw(Protocol):
    """Extends a binding by names of the schema, in every way that the schema allows."""

    def bindings(self, schema: Schema, binding: Binding) -> Iterator[Binding]: ...


class ValueDraw(Protocol):
    """Fills slots with values, out of `size(binding)` ways."""

    def size(self, binding: Binding) -> int: ...

    def pick(self, binding: Binding, index: int) -> Mapping[str, Term]: ...


# --- names ---------------------------------------------------------------------------------------


@frozen
class Label:
    """A node: any label of the schema."""

    slot: str

    def bindings(self, schema: Schema, binding: Binding) -> Iterator[Binding]:
        for node in schema.nodes:
            yield {**binding, self.slot: node}


@frozen
class Link:
    """A relationship with its two ends, each of which may be bound already."""

    start: str
    slot: str
    end: str
    loop: bool = False
    """Only types that join a label with itself, so that they can be followed several times."""

    def bindings(self, schema: Schema, binding: Binding) -> Iterator[Binding]:
        for relationship in schema.relationships:
            start = schema.by_label[relationship.start]
            end = schema.by_label[relationship.end]
            if binding.get(self.start, start) is not start or binding.get(self.end, end) is not end:
                continue
            if self.loop and start is not end:
                continue
            yield {**binding, self.start: start, self.slot: relationship, self.end: end}


@frozen
class Prop:
    """A property of a bound node or relationship, other than those drawn of it before."""

    slot: str
    of: str
    kind: Kind = "any"

    def bindings(self, schema: Schema, binding: Binding) -> Iterator[Binding]:
        owner = binding[self.of]
        assert not isinstance(owner, Property)  # noqa: S101 - a template's mistake, not a user's
        for candidate in owner.properties:
            taken = any(candidate is bound for bound in binding.values())
            if not taken and _is(candidate, self.kind):
                yield {**binding, self.slot: candidate}


def _is(candidate: Property, kind: Kind) -> bool:
    match kind:
        case "any":
            return candidate.type != "LIST<FLOAT>"
        case "key":
            return candidate.key
        case "valued":
            return candidate.type in VALUED
        case "valued no key":
            return candidate.type in VALUED and not candidate.key
        case "text":
            return candidate.type == "STRING"
        case "number":
            return candidate.type in ("INTEGER", "FLOAT")
        case "measure":
            return candidate.additive
        case "no key":
            return not candidate.key and candidate.type != "LIST<FLOAT>"
        case "category":
            return candidate.type == "STRING" and not candidate.key
        case "group":
            return candidate.type in ("STRING", "BOOLEAN") and not candidate.key
        case "sortable":
            return candidate.type not in ("BOOLEAN", "LIST<FLOAT>")
        case "vector":
            return candidate.type == "LIST<FLOAT>"


# --- values --------------------------------------------------------------------------------------


@frozen
class Val:
    """A value of a property."""

    slot: str
    of: str

    def size(self, binding: Binding) -> int:
        return len(_values(binding, self.of))

    def pick(self, binding: Binding, index: int) -> Mapping[str, Term]:
        return {self.slot: value_term(_values(binding, self.of)[index])}


@frozen
class Two:
    """Two different values of a property."""

    first: str
    second: str
    of: str

    def size(self, binding: Binding) -> int:
        count = len(_values(binding, self.of))
        return count * (count - 1)

    def pick(self, binding: Binding, index: int) -> Mapping[str, Term]:
        values = _values(binding, self.of)
        first, second = divmod(index, len(values) - 1)
        second += second >= first
        return {
            self.first: value_term(values[first]),
            self.second: value_term(values[second]),
        }


@frozen
class Span:
    """A lower and an upper bound for a number: one from each half of its range."""

    low: str
    high: str
    of: str

    def size(self, binding: Binding) -> int:
        count = len(_values(binding, self.of))
        return (count // 2) * (count - count // 2)

    def pick(self, binding: Binding, index: int) -> Mapping[str, Term]:
        values = _values(binding, self.of)
        half = len(values) // 2
        high, low = divmod(index, half)
        return {
            self.low: value_term(values[low]),
            self.high: value_term(values[half + high]),
        }


@frozen
class Part:
    """A piece of a text property's values: a first or last letter, or a pair of letters."""

    slot: str
    of: str
    piece: Piece

    def size(self, binding: Binding) -> int:
        return len(self._pieces(binding))

    def pick(self, binding: Binding, index: int) -> Mapping[str, Term]:
        return {self.slot: value_term(self._pieces(binding)[index])}

    def _pieces(self, binding: Binding) -> list[str]:
        texts = [str(value) for value in _values(binding, self.of)]
        match self.piece:
            case "start":
                pieces = [text[0] for text in texts]
            case "end":
                pieces = [text[-1] for text in texts]
            case "inside":
                common = [pair for pair in _PAIRS if any(pair in text for text in texts)]
                pieces = common or [text[:2] for text in texts]
        return sorted(set(pieces))


@frozen
class Num:
    """A small whole number: how many rows, hops or members."""

    slot: str
    choices: Sequence[int]

    def size(self, binding: Binding) -> int:
        return len(self.choices)

    def pick(self, binding: Binding, index: int) -> Mapping[str, Term]:
        return {self.slot: value_term(self.choices[index])}


@frozen
class Words:
    """One of several groups of words, one word per slot; templates quote them where they must."""

    slots: tuple[str, ...]
    choices: tuple[tuple[str, ...], ...]

    def size(self, binding: Binding) -> int:
        return len(self.choices)

    def pick(self, binding: Binding, index: int) -> Mapping[str, Term]:
        return {
            slot: name_term(word)
            for slot, word in zip(self.slots, self.choices[index], strict=True)
        }


@frozen
class IndexName:
    """A name for an index or constraint, made of the label's and endings such as `_index`."""

    slot: str
    label: str
    endings: tuple[str, ...]

    def size(self, binding: Binding) -> int:
        return len(self.endings)

    def pick(self, binding: Binding, index: int) -> Mapping[str, Term]:
        node = binding[self.label]
        assert isinstance(node, Node)  # noqa: S101 - a template's mistake, not a user's
        return {self.slot: name_term(node.label.lower() + self.endings[index])}


def _values(binding: Binding, slot: str) -> Sequence[Value]:
    bound = binding[slot]
    assert isinstance(bound, Property)  # noqa: S101 - a template's mistake, not a user's
    return bound.values

"""A query family: one plan, with the Cypher it yields and the ways to ask for it.

Templates hold slots in angle brackets. In the Cypher, `<A>` is a label, `<a>` the variable of that
node, `<p>` a property, `<x>` a value. In a phrasing, `<A>` is the label as it stands, and
`<A|words>` and `<A|plural>` are its spoken forms. Every slot of the Cypher but the variables is in
every phrasing, so that the prompt alone determines the query.

A node's variable is the first letter of its label, in lower case; where that is taken, a number
follows: `(a:Actor)-[:MENTORED]->(a2:Actor)`. A relationship's variable is `rel`, a path's `path`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from math import prod

from attrs import field, frozen

from heimdall_gen_cypher.schema import Node, Relationship, Schema
from heimdall_gen_cypher.slots import Binding, Bound, NameDraw, ValueDraw
from heimdall_gen_cypher.terms import Term, label_term, property_term, relationship_term

#: Every dialect of the Cypher language plugin; the first is the default.
DIALECTS = ("nornicdb", "neo4j", "neo4j5", "opencypher9")
DEFAULT = DIALECTS[0]

_SLOT = re.compile(r"<(\w+)(?:\|(\w+))?>")


@frozen(eq=False)
class Family:
    """One plan. `names` and then `values` are drawn, in their order."""

    name: str
    category: str
    names: tuple[NameDraw, ...]
    cypher: str
    phrasings: tuple[str, ...]
    values: tuple[ValueDraw, ...] = ()
    weight: float = 1.0
    """Share of the rows against other families; below 1 where there are few prompts."""
    dialects: tuple[str, ...] = DIALECTS
    """Where the query, or one of `variants`, is right."""
    variants: Mapping[str, str] = field(factory=dict)
    """The Cypher for the same question in dialects where `cypher` is not right."""

    def template(self, dialect: str) -> str:
        """The Cypher template of a dialect."""
        return self.variants.get(dialect, self.cypher)

    def bindings(self, schema: Schema) -> list[Binding]:
        """Every way to bind the plan's names to those of a schema."""
        found: list[Binding] = [{}]
        for draw in self.names:
            found = [longer for binding in found for longer in draw.bindings(schema, binding)]
        spoken = _spoken(self.phrasings)
        return [binding for binding in found if all(_readable(binding.get(s)) for s in spoken)]

    def size(self, binding: Binding) -> int:
        """How many prompts a binding allows: values times phrasings."""
        return prod(draw.size(binding) for draw in self.values) * len(self.phrasings)

    def render(self, binding: Binding, index: int, dialect: str) -> tuple[str, str]:
        """Prompt and query number `index`, below `size(binding)`, of a binding."""
        terms = {slot: _term(bound) for slot, bound in binding.items()}
        index, phrasing = divmod(index, len(self.phrasings))
        for draw in self.values:
            index, choice = divmod(index, draw.size(binding))
            terms.update(draw.pick(binding, choice))
        template = self.template(dialect)
        query = _fill(template, terms | _variables(template, terms), "code")
        return _fill(self.phrasings[phrasing], terms, "text"), query


@cache
def _spoken(phrasings: tuple[str, ...]) -> frozenset[str]:
    """Slots whose words stand in one of the phrasings."""
    parts = (part for phrasing in phrasings for part in _parts(phrasing))
    return frozenset(slot for _, slot, form in parts if form == "words")


def _readable(bound: Bound | None) -> bool:
    return not isinstance(bound, Relationship) or bound.words


def slots_of(template: str) -> frozenset[str]:
    """Names of the slots of a template."""
    return frozenset(slot for _, slot, _ in _parts(template) if slot)


@cache
def _parts(template: str) -> tuple[tuple[str, str, str], ...]:
    """The template as (text, slot, form), each slot with the text before it."""
    parts, start = [], 0
    for match in _SLOT.finditer(template):
        parts.append((template[start : match.start()], match[1], match[2] or ""))
        start = match.end()
    return (*parts, (template[start:], "", ""))


def _fill(template: str, terms: Mapping[str, Term], form: str) -> str:
    """The template with its slots filled, each in its own form or else in `form`."""
    *parts, (tail, _, _) = _parts(template)
    filled = [text + getattr(terms[slot], own or form) for text, slot, own in parts]
    return "".join(filled) + tail


def _variables(template: str, terms: Mapping[str, Term]) -> dict[str, Term]:
    """Variables for the nodes, which get theirs in the order in which the query shows them."""
    variables: dict[str, Term] = {}
    taken: dict[str, int] = {}
    for _, slot, _ in _parts(template):
        if slot and slot not in terms and slot not in variables:
            letter = terms[slot.upper()].code[0].lower()
            taken[letter] = taken.get(letter, 0) + 1
            name = letter if taken[letter] == 1 else f"{letter}{taken[letter]}"
            variables[slot] = Term(name, name)
    return variables


@cache
def _term(bound: Bound) -> Term:
    match bound:
        case Node():
            return label_term(bound)
        case Relationship():
            return relationship_term(bound)
        case _:
            return property_term(bound)

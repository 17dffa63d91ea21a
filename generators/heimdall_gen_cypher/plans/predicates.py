"""Conditions on a property: what they are in Cypher, and how they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from attrs import frozen

from heimdall_gen_cypher.plans.voice import Voice, many
from heimdall_gen_cypher.schema import VALUED, Property, Value
from heimdall_gen_cypher.terms import literal

#: Operators by type of property, with how often they are drawn.
_TEXT = (
    ("eq", 6),
    ("ne", 1),
    ("in", 2),
    ("starts", 2),
    ("ends", 1),
    ("contains", 2),
    ("null", 1),
    ("not_null", 1),
    ("not_starts", 0.5),
    ("not_contains", 0.5),
    ("matches", 0.7),
)
_NUMBER = (
    ("gt", 4),
    ("ge", 2),
    ("lt", 4),
    ("le", 2),
    ("eq", 2),
    ("ne", 0.7),
    ("between", 2),
    ("in", 1),
    ("null", 0.7),
    ("not_null", 0.7),
)
_BOOLEAN = (("eq", 5), ("null", 0.5))
_OTHER = (("null", 1), ("not_null", 1))

#: How each operator reads after `with` (`with rating above 7`) and after `whose` (`whose rating is
#: above 7`). `{p}` is the property, `{x}` and `{y}` are values.
_WITH: dict[str, tuple[str, ...]] = {
    "eq": ("{p} {x}", "{p} {x}", "{p} equal to {x}"),
    "ne": ("{p} other than {x}", "{p} different from {x}"),
    "gt": ("{p} above {x}", "{p} greater than {x}", "{p} over {x}", "{p} higher than {x}"),
    "ge": ("{p} of at least {x}", "{p} of {x} or more", "{p} no lower than {x}"),
    "lt": ("{p} below {x}", "{p} less than {x}", "{p} under {x}", "{p} lower than {x}"),
    "le": ("{p} of at most {x}", "{p} of {x} or less", "{p} no higher than {x}"),
    "between": (
        "{p} between {x} and {y} (both included)",
        "{p} from {x} to {y} inclusive",
        "{p} in the range {x} to {y}, bounds included",
    ),
    "in": ("{p} in [{list}]", "one of the {p} values {list}"),
    "starts": ("{p} starting with {x}", "{p} beginning with {x}"),
    "ends": ("{p} ending in {x}", "{p} ending with {x}"),
    "contains": ("{p} containing {x}", "{x} in the {p}"),
    "null": ("no {p}", "no {p} set"),
    "not_null": ("{p} set", "{p} present"),
    "not_starts": ("{p} not starting with {x}",),
    "not_contains": ("{p} not containing {x}",),
    "matches": ("{p} matching the regular expression {x}",),
}
_WHOSE: dict[str, tuple[str, ...]] = {
    "eq": ("{p} {is} {x}", "{p} equal{s} {x}"),
    "ne": ("{p} {is} not {x}", "{p} differ{s} from {x}"),
    "gt": (
        "{p} {is} above {x}",
        "{p} {is} greater than {x}",
        "{p} exceed{s} {x}",
        "{p} {is} over {x}",
    ),
    "ge": ("{p} {is} at least {x}", "{p} {is} {x} or more"),
    "lt": ("{p} {is} below {x}", "{p} {is} less than {x}", "{p} {is} under {x}"),
    "le": ("{p} {is} at most {x}", "{p} {is} {x} or less", "{p} {does} not exceed {x}"),
    "between": (
        "{p} {is} between {x} and {y} (both included)",
        "{p} lie{s} from {x} to {y} inclusive",
    ),
    "in": ("{p} {is} one of {list}", "{p} {is} in [{list}]"),
    "starts": ("{p} start{s} with {x}", "{p} begin{s} with {x}"),
    "ends": ("{p} end{s} with {x}", "{p} end{s} in {x}"),
    "contains": ("{p} contain{s} {x}", "{p} include{s} {x}"),
    "null": ("{p} {is} missing", "{p} {is} not set", "{p} {is} null"),
    "not_null": ("{p} {is} set", "{p} {is} not missing", "{p} {is} not null"),
    "not_starts": ("{p} {does} not start with {x}",),
    "not_contains": ("{p} {does} not contain {x}",),
    "matches": ("{p} match{es} the regular expression {x}",),
}
_CODE: dict[str, str] = {
    "eq": "{e} = {x}",
    "ne": "{e} <> {x}",
    "gt": "{e} > {x}",
    "ge": "{e} >= {x}",
    "lt": "{e} < {x}",
    "le": "{e} <= {x}",
    "between": "{e} >= {x} AND {e} <= {y}",
    "in": "{e} IN [{list}]",
    "starts": "{e} STARTS WITH {x}",
    "ends": "{e} ENDS WITH {x}",
    "contains": "{e} CONTAINS {x}",
    "null": "{e} IS NULL",
    "not_null": "{e} IS NOT NULL",
    "not_starts": "NOT {e} STARTS WITH {x}",
    "not_contains": "NOT {e} CONTAINS {x}",
    "matches": "{e} =~ {x}",
}

_ONE = {"is": "is", "s": "s", "es": "es", "does": "does"}
_MANY = {"is": "are", "s": "", "es": "", "does": "do"}


@frozen(eq=False)
class Predicate:
    """One condition."""

    of: Property
    op: str
    values: tuple[Value, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether it can stand in the pattern: `{genre: 'Drama'}`."""
        return self.op == "eq"

    def code(self, variable: str, *, grouped: bool = False) -> str:
        """The condition on `variable`; in brackets where it joins with others by OR."""
        text = self._fill(_CODE[self.op], f"{variable}.{self.of.name}", literal)
        return f"({text})" if grouped and self.op == "between" else text

    def entry(self) -> str:
        """The condition as an entry of a pattern's map."""
        return f"{self.of.name}: {literal(self.values[0])}"

    def with_(self, voice: Voice) -> str:
        """As it reads after `with`."""
        if self.of.type == "BOOLEAN" and self.plain:
            return f"{voice.prop(self.of)} set to {voice.value(self.values[0])}"
        return self._fill(voice.pick(_WITH[self.op]), self._name(voice), voice.value)

    def whose(self, voice: Voice) -> str:
        """As it reads after `whose`."""
        return self._fill(voice.pick(_WHOSE[self.op]), self._name(voice), voice.value)

    def _name(self, voice: Voice) -> str:
        """The property; where it is there or not, as its value is spoken of: `toxic flag`."""
        present = self.op in ("null", "not_null")
        return voice.column(self.of) if present else voice.prop(self.of)

    def _fill(self, template: str, name: str, write: Callable[[Value], str]) -> str:
        shown = [write(value) for value in self.values]
        x = shown[0] if shown else ""
        y = shown[1] if len(shown) > 1 else ""
        plain = self.of.type not in ("BOOLEAN", "DATE")
        forms = _MANY if plain and many(self.of) else _ONE
        return template.format(p=name, e=name, x=x, y=y, list=", ".join(shown), **forms)


def draw(
    rng: Random, properties: Sequence[Property], *, ops: Sequence[str] = (), null: bool = True
) -> Predicate | None:
    """A condition on one of the properties, by one of `ops` if given; None where none fits."""
    candidates = [p for p in properties if p.type != "LIST<FLOAT>"]
    if not candidates:
        return None
    of = candidates[int(rng.random() * len(candidates))]
    table = _operators(of)
    if ops:
        table = tuple(entry for entry in table if entry[0] in ops)
    if not null:
        table = tuple(entry for entry in table if "null" not in entry[0])
    if of.key:
        table = tuple(entry for entry in table if "null" not in entry[0])
    if not table:
        return None
    names, weights = zip(*table, strict=True)
    op: str = rng.choices(names, weights)[0]
    values = _values(rng, of, op)
    return None if values is None else Predicate(of, op, values)


def _operators(of: Property) -> tuple[tuple[str, float], ...]:
    if of.type not in VALUED or not of.values:
        return _OTHER
    return {"STRING": _TEXT, "BOOLEAN": _BOOLEAN}.get(of.type, _NUMBER)


def _values(rng: Random, of: Property, op: str) -> tuple[Value, ...] | None:
    if op in ("null", "not_null"):
        return ()
    values = of.values
    count = len(values)
    at = int(rng.random() * count)
    if op in ("gt", "ge"):
        return (values[int(rng.random() * max(1, count * 3 // 4))],)
    if op in ("lt", "le"):
        return (values[count - 1 - int(rng.random() * max(1, count * 3 // 4))],)
    if op == "between":
        low, high = sorted((at, int(rng.random() * count)))
        return None if low == high else (values[low], values[high])
    if op == "in":
        some = rng.sample(range(count), min(count, rng.choice((2, 2, 3, 3, 4))))
        return tuple(values[i] for i in some) if len(some) > 1 else None
    if op in ("eq", "ne"):
        return (values[at],)
    return _piece(rng, str(values[at]), op)


def _piece(rng: Random, text: str, op: str) -> tuple[Value, ...] | None:
    """A part of a text that a text condition names; None where it would name nothing."""
    if op == "matches":
        word = text.split()[0]
        if not word.replace("-", "").isalnum():
            return None
        return (rng.choice((f"{word}.*", f".*{word[:4]}.*", f"(?i){word.lower()}.*")),)
    size = min(len(text), rng.choice((1, 2, 3, 3, 4)))
    if op in ("starts", "not_starts"):
        piece = text.split()[0] if rng.random() < 0.4 else text[:size]
    elif op == "ends":
        piece = text.split()[-1] if rng.random() < 0.4 else text[-size:]
    else:
        start = int(rng.random() * max(1, len(text) - size))
        piece = rng.choice(text.split()) if rng.random() < 0.5 else text[start : start + size]
    piece = piece.strip(" &,")
    return (piece,) if len(piece) > (op.endswith("contains")) else None

"""Templates: every combination of their slots' values, in a shuffled order that is never held in
memory, and each combination as a question with its query."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import gcd, prod
from random import Random
from typing import Any

from attrs import frozen

from heimdall_core.errors import DatasetError, did_you_mean
from heimdall_gen_custom.tables import TemplateTable

_SLOT = re.compile(r"(?P<quote>['\"]?)\{(?P<name>[A-Za-z_]\w*(?:\.\w+)?)\}")
_PLAIN = (str, int, float, bool)
_MOST = 10**7


@frozen
class Pair:
    """A question with its query."""

    question: str
    query: str
    values: tuple[str, ...]
    """The values of the slots, for telling combinations apart."""


@frozen
class Template:
    """A template that was found to be sound."""

    name: str
    table: TemplateTable
    questions: tuple[str, ...]
    slots: Mapping[str, tuple[Any, ...]]

    @property
    def size(self) -> int:
        """How many different pairs it can make, wordings included."""
        return len(self.questions) * prod(len(values) for values in self.slots.values())

    def pairs(self, seed: int) -> Iterator[Pair]:
        """All of them, each once."""
        random = Random(f"{seed}:{self.name}")  # noqa: S311 - an order, no secret
        size = self.size
        # i → a·i + b visits every number below `size` once where a and size share no factor.
        step = random.randrange(1, size + 1)
        while gcd(step, size) != 1:
            step += 1
        start = random.randrange(size)
        for i in range(size):
            yield self._pair((start + i * step) % size)

    def _pair(self, index: int) -> Pair:
        index, wording = divmod(index, len(self.questions))
        values: dict[str, Any] = {}
        for name, choices in self.slots.items():
            index, at = divmod(index, len(choices))
            chosen = choices[at]
            if isinstance(chosen, Mapping):
                values.update({f"{name}.{key}": value for key, value in chosen.items()})
            else:
                values[name] = chosen
        question = _filled(self.questions[wording], values, quoted=False)
        query = _filled(self.table.cypher, values, quoted=True)
        return Pair(question, query, tuple(_text(value) for value in values.values()))


def read_template(table: TemplateTable, name: str, where: str) -> Template:
    """A template, its slots spelt out. Raises `DatasetError` for what would make wrong rows."""
    questions = (table.question,) if isinstance(table.question, str) else table.question
    if not questions or not all(q.strip() for q in questions) or not table.cypher.strip():
        raise DatasetError("the question and the query must not be empty", where=where)
    slots = {slot: _values(given, f"{where}.slots.{slot}") for slot, given in table.slots.items()}
    known = _names(slots)
    in_query = {n for n in _used(table.cypher) if n in known}
    for question in questions:
        asked = _used(question)
        if unknown := sorted(asked - known):
            raise DatasetError(
                f"the question has no such slot: {unknown[0]}",
                where=where,
                hint=did_you_mean(unknown[0], known),
            )
        if missing := sorted(in_query - asked):
            raise DatasetError(
                f"the query's slot '{missing[0]}' is not in the question '{question}'",
                where=where,
                hint="a question must say everything that its answer depends on",
            )
    if unused := sorted(known - in_query - set().union(*(_used(q) for q in questions))):
        raise DatasetError(f"the slot '{unused[0]}' is used nowhere", where=where)
    return Template(name, table, tuple(questions), slots)


def _values(given: Any, where: str) -> tuple[Any, ...]:
    if isinstance(given, Mapping):
        return _range(given, where)
    if not isinstance(given, list | tuple) or not given:
        raise DatasetError("must be a list of values, or {min, max}", where=where)
    if all(isinstance(each, Mapping) for each in given):
        keys = set(given[0])
        if not keys or any(set(each) != keys for each in given):
            raise DatasetError("the tables of one slot must have the same keys", where=where)
        plain = all(isinstance(value, _PLAIN) for each in given for value in each.values())
    else:
        plain = all(isinstance(each, _PLAIN) for each in given)
    if not plain:
        raise DatasetError("values are texts, numbers, or true and false", where=where)
    distinct = list({repr(each): each for each in given}.values())
    return tuple(distinct)


def _range(given: Mapping[str, Any], where: str) -> tuple[Any, ...]:
    unknown = set(given) - {"min", "max", "step"}
    if unknown:
        name = sorted(unknown)[0]
        raise DatasetError(
            f"unknown key '{name}'", where=where, hint=did_you_mean(name, ("min", "max", "step"))
        )
    low, high, step = given.get("min"), given.get("max"), given.get("step", 1)
    if type(low) is not int or type(high) is not int or type(step) is not int:
        raise DatasetError("min, max and step are whole numbers", where=where)
    if step < 1 or high < low or (high - low) // step >= _MOST:
        raise DatasetError(f"no range of 1 to {_MOST:,} values: {low} to {high}", where=where)
    return tuple(range(low, high + 1, step))


def _names(slots: Mapping[str, tuple[Any, ...]]) -> set[str]:
    names = set()
    for slot, values in slots.items():
        first = values[0]
        names.update({f"{slot}.{key}" for key in first} if isinstance(first, Mapping) else {slot})
    return names


def _used(text: str) -> set[str]:
    return {found["name"] for found in _SLOT.finditer(text)}


def _filled(text: str, values: Mapping[str, Any], *, quoted: bool) -> str:
    """`text` with its slots filled. Inside quotes of a query, quotes in a value are escaped."""

    def put(found: re.Match[str]) -> str:
        name, quote = found["name"], found["quote"]
        if name not in values:
            return found[0]
        value = _text(values[name])
        inside = quoted and quote and text[found.end() : found.end() + 1] == quote
        if inside:
            value = value.replace("\\", "\\\\").replace(quote, f"\\{quote}")
        return quote + value

    return _SLOT.sub(put, text)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)

"""Values for generated graphs, as Cypher literals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from random import Random
from typing import Any

from heimdall_lang_cypher import value_types as types
from heimdall_lang_cypher.populate_schema import Property
from heimdall_lang_cypher.printer_names import string

_PEOPLE = ("Ada", "Bruno", "Chidi", "Dana", "Emil", "Farah", "Goran", "Hana", "Ivo", "Jun", "Kaya")
_PLACES = ("Lagos", "Lima", "Oslo", "Porto", "Quito", "Riga", "Sofia", "Turin")
_COUNTRIES = ("Chile", "Ghana", "India", "Japan", "Kenya", "Norway", "Peru")
_STATES = ("active", "closed", "open", "pending")
_WORDS = ("amber", "birch", "cobalt", "delta", "ember", "fjord", "grove", "harbour", "iris")

#: Pools by a part of the property's name. The first that fits is taken.
_POOLS: tuple[tuple[str, Sequence[str]], ...] = (
    ("country", _COUNTRIES),
    ("city", _PLACES),
    ("location", _PLACES),
    ("status", _STATES),
    ("state", _STATES),
    ("title", _WORDS),
    ("name", _PEOPLE),
)
_RANGES: tuple[tuple[str, int, int], ...] = (
    ("year", 1980, 2024),
    ("age", 18, 80),
    ("rating", 1, 10),
    ("born", 1930, 2000),
)


def literal(wanted: Property, number: int, random: Random) -> str:
    """A value for a property, as Cypher; '' where no embedded engine has values of its type.

    `number` tells the node or relationship from the others: keys such as `id` are made of it.
    """
    if wanted.type & types.ANY_LIST and wanted.type & types.ANY != types.ANY:
        return _list(wanted, number, random)
    if wanted.samples:
        known = _known(wanted.type, _early(wanted.samples, random))
        if known:
            return known
    if wanted.type & types.STRING:
        return string(_text(wanted.name, number, random))
    if wanted.type & types.NUMBER:
        return _number(wanted, number, random)
    if wanted.type & types.BOOLEAN:
        return "true" if random.random() < 0.7 else "false"
    return _temporal(wanted.type, random)


def _known(type_: int, value: Any) -> str:
    """One of the values that the schema itself gives, where its text fits the type."""
    if type_ & types.STRING:
        return string(str(value))
    with suppress(ValueError, TypeError):
        if type_ & types.INTEGER:
            return str(int(value))
        if type_ & types.FLOAT and math.isfinite(float(value)):
            return repr(float(value))
    return ""


def _list(wanted: Property, number: int, random: Random) -> str:
    element = types.element_of(wanted.type)
    numbers = types.FLOAT if element & types.ANY == types.ANY else types.NUMBER
    lowered = wanted.name.lower()
    if element == types.FLOAT or "embedding" in lowered or "vector" in lowered:
        return f"[{', '.join(f'{random.uniform(-1, 1):.2f}' for _ in range(4))}]"
    inner = types.INTEGER if element & numbers == types.INTEGER else types.STRING
    size = random.choices((1, 2, 3), (3, 2, 1))[0]
    items = (literal(Property(wanted.name, inner), number, random) for _ in range(size))
    return f"[{', '.join(dict.fromkeys(items))}]"


def _text(name: str, number: int, random: Random) -> str:
    lowered = name.lower()
    if lowered in ("id", "uuid", "key", "code") or lowered.endswith(("id", "uuid")):
        return f"{lowered}-{number}"
    if "url" in lowered or "link" in lowered:
        return f"https://example.org/{number}"
    if "mail" in lowered:
        return f"{_early(_PEOPLE, random).lower()}{number}@example.org"
    pool = next((words for part, words in _POOLS if part in lowered), _WORDS)
    return f"{_early(pool, random)} {lowered}" if pool is _WORDS else _early(pool, random)


def _number(wanted: Property, number: int, random: Random) -> str:
    lowered = wanted.name.lower()
    whole = bool(wanted.type & types.INTEGER)
    if whole and (lowered == "id" or wanted.name.endswith(("Id", "ID", "_id"))):
        return str(number + 1)
    low, high = next(((a, b) for part, a, b in _RANGES if part in lowered), (0, 100))
    if wanted.low is not None and wanted.high is not None:
        low, high = math.floor(wanted.low), math.ceil(wanted.high)
    # Squared: small values are common, large ones rare.
    value = low + (high - low) * random.random() ** 2
    return str(round(value)) if whole else f"{value:.2f}"


def _temporal(type_: int, random: Random) -> str:
    day = f"{random.randint(1990, 2024)}-{random.randint(1, 12):02}-{random.randint(1, 28):02}"
    time = f"{random.randint(0, 23):02}:{random.randint(0, 59):02}:00"
    forms = (
        (types.DATE, f"date('{day}')"),
        (types.ZONED_DATETIME, f"datetime('{day}T{time}Z')"),
        (types.LOCAL_DATETIME, f"localdatetime('{day}T{time}')"),
        (types.ZONED_TIME, f"time('{time}Z')"),
        (types.LOCAL_TIME, f"localtime('{time}')"),
        (types.DURATION, f"duration('P{random.randint(1, 30)}D')"),
    )
    return next((text for kind, text in forms if type_ & kind), "")


def _early(values: Sequence[Any], random: Random) -> Any:
    """One of `values`, the k-th 1/k as often as the first."""
    return random.choices(values, [1 / (rank + 1) for rank in range(len(values))])[0]

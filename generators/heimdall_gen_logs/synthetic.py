"""Values that look like others and are not: same type, same shape, same order.

A log is personal data. What replaces a value here keeps only what a query's meaning needs: its
type, the shape of a text (an address, a date, a code, so many words), which values are equal, and
which number or date is the greater.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from datetime import date, timedelta
from random import Random

_WORDS = [
    "amber",
    "basin",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "harbor",
    "island",
    "juniper",
    "kestrel",
    "lagoon",
    "meadow",
    "nectar",
    "orchard",
    "pebble",
    "quartz",
    "raven",
    "saffron",
    "timber",
    "umber",
    "valley",
    "willow",
    "zephyr",
    "anchor",
    "beacon",
    "candle",
    "dahlia",
    "engine",
    "feather",
    "garnet",
    "hollow",
    "ivory",
    "jasper",
    "lantern",
    "marble",
    "needle",
    "onyx",
    "prairie",
    "ripple",
    "silver",
    "thistle",
    "upland",
    "velvet",
    "walnut",
    "yonder",
    "copper",
    "maple",
]
_NAMES = [
    "Ada",
    "Boris",
    "Clara",
    "Dario",
    "Elif",
    "Farid",
    "Greta",
    "Hugo",
    "Ines",
    "Jonas",
    "Kira",
    "Liam",
    "Mina",
    "Nils",
    "Olga",
    "Pablo",
    "Rosa",
    "Sven",
    "Tara",
    "Umar",
    "Vera",
    "Wim",
    "Yara",
    "Zeno",
]

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.\w+")
_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://\S+", re.IGNORECASE)
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?P<time>[T ]\d\d:\d\d(?::\d\d)?\S*)?")
_DURATION = re.compile(r"P(?=[\dT])(?:\d+[YMWD])*(?:T(?:\d+[HMS])+)?")
_NAME_KEYS = re.compile(r"(?:^|_)(?:(?:first|last|full|user|given|family|sur)_?)?name$", re.I)

#: Texts that are no data: units, directions, names of measures.
KEPT_WORDS = frozenset(
    [
        "year",
        "quarter",
        "month",
        "week",
        "day",
        "hour",
        "minute",
        "second",
        "millisecond",
        "microsecond",
        "nanosecond",
        "asc",
        "desc",
        "cosine",
        "euclidean",
        "true",
        "false",
        "outgoing",
        "incoming",
        "both",
        "node",
        "relationship",
        "nfc",
        "nfd",
        "nfkc",
        "nfkd",
    ]
)


def is_date(text: str) -> bool:
    """Whether a text is an ISO date, or a date with a time."""
    return _DATE.fullmatch(text) is not None


def keeps(text: str) -> bool:
    """Whether a text says nothing about anybody: no letter or digit in it, or a unit."""
    return not any(letter.isalnum() for letter in text) or text.lower() in KEPT_WORDS


def like(text: str, key: str, random: Random) -> str:
    """Another text of the same shape; `key` is the property that it is a value of."""
    if _UUID.fullmatch(text):
        return _characters(text, random)
    if _EMAIL.fullmatch(text):
        return f"{random.choice(_NAMES).lower()}@{random.choice(_WORDS)}.example"
    if found := _URL.fullmatch(text):
        return f"{found['scheme']}://{random.choice(_WORDS)}.example/{random.choice(_WORDS)}"
    if _DURATION.fullmatch(text):
        return re.sub(r"\d+", lambda m: str(random.randint(1, 9)), text)
    if any(letter.isdigit() for letter in text) and len(text) <= 64:
        return _characters(text, random)
    if _NAME_KEYS.search(key) and text[:1].isupper():
        return " ".join(random.choice(_NAMES) for _ in text.split()[:3])
    words = re.findall(r"\w+", text)[:6]
    return " ".join(_cased(random.choice(_WORDS), word) for word in words)


def like_pattern(text: str, random: Random) -> str:
    """Another regular expression: flags and wildcards kept, runs of letters replaced."""
    flags = re.match(r"\(\?[a-z]+\)", text)
    body = text[flags.end() :] if flags else text

    def word(match: re.Match[str]) -> str:
        if match[0].startswith("\\"):
            return match[0]
        return _cased(random.choice(_WORDS), match[0])

    changed = re.sub(r"\\.|[^\W_]+", word, body)
    return (flags[0] if flags else "") + changed


def in_order(values: Iterable[int | float], random: Random) -> dict[int | float, int | float]:
    """Numbers of the same size for numbers, in the same order; none is one of the given."""
    given = sorted(set(values))
    result: dict[int | float, int | float] = {}
    for sign in (-1, 1):
        group = [v for v in given if (v < 0) == (sign < 0)]
        group.sort(key=abs)
        last = 0.0
        for value in group:
            made = _number(value, last, given, random)
            result[value] = made
            last = abs(made)
    return result


def dates_in_order(values: Iterable[str], random: Random) -> dict[str, str]:
    """Dates for dates, in the same order, with a time of day where there was one."""
    given = sorted(set(values))
    day = date(2001, 1, 1) + timedelta(days=random.randint(0, 3000))
    result = {}
    for text in given:
        day += timedelta(days=random.randint(1, 400))
        found = _DATE.fullmatch(text)
        time = found["time"] if found else None
        clock = ""
        if time:
            clock = re.sub(r"\d\d", lambda m: f"{random.randint(0, 11):02d}", time[:6]) + time[6:]
            clock = re.sub(r"(?<=:)\d\d(?=\.|Z|[+-]|$)", "00", clock)
            clock = re.sub(r"\.\d+", "", clock)
        result[text] = day.isoformat() + clock
    return result


def _number(
    value: int | float, above: float, taken: Iterable[int | float], random: Random
) -> int | float:
    """A number with as many digits, greater in size than `above`."""
    negative, whole = value < 0, isinstance(value, int)
    digits = len(str(int(abs(value))))
    low, high = (10 ** (digits - 1) if digits > 1 else 1), 10**digits - 1
    if whole and 1900 <= abs(value) < 2100:
        low, high = 1950, 2040
    low = max(low, int(above) + 1)
    high = max(high, low + 9)
    known = set(taken)
    made: int | float = value
    for attempt in range(50):
        # The lower half first, so that greater ones still find room above.
        top = low + (high - low) // 2 if attempt < 25 else high
        made = random.randint(low, max(top, low))
        if not whole:
            made = round(made + random.randint(1, 99) / 100, 2)
        if negative:
            made = -made
        if made not in known:
            return made
    return made + 1


def _characters(text: str, random: Random) -> str:
    """Letter for letter and digit for digit."""
    changed = []
    hexadecimal = re.fullmatch(r"[0-9a-fA-F-]+", text) is not None
    for letter in text:
        if letter.isdigit():
            changed.append(random.choice("123456789"))
        elif letter.isalpha():
            letters = "abcdef" if hexadecimal else string.ascii_lowercase
            made = random.choice(letters)
            changed.append(made.upper() if letter.isupper() else made)
        else:
            changed.append(letter)
    return "".join(changed)


def _cased(word: str, pattern: str) -> str:
    if pattern.isupper() and len(pattern) > 1:
        return word.upper()
    return word.capitalize() if pattern[:1].isupper() else word

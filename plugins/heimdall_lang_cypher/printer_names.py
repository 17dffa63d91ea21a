"""Names, strings and numbers as Cypher text."""

from __future__ import annotations

import math
import re

from heimdall_lang_cypher import tokens as t

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_WORD = re.compile(r"\w+\Z")

#: Words that are read as something else than a variable where a value or a node stands; calls of
#: these are no plain function calls either.
NO_VARIABLES = t.RESERVED | {
    *("CASE", "FALSE", "INF", "INFINITY", "NAN", "NULL", "TRUE"),
    *("ALLSHORTESTPATHS", "SHORTESTPATH"),
}

_ESCAPES = {"\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def quoted(name: str) -> str:
    """In backticks."""
    return f"`{name.replace('`', '``')}`"


def key(name: str) -> str:
    """A property key, label or relationship type: any word is one."""
    return name if _PLAIN.match(name) else quoted(name)


def variable(name: str) -> str:
    """A variable; in backticks where the bare word would mean something else."""
    return name if _PLAIN.match(name) and name.upper() not in NO_VARIABLES else quoted(name)


def symbol(name: str) -> str:
    """The name of an index, a graph and the like, where keywords may follow or stand instead."""
    is_plain = _PLAIN.match(name) and name.upper() not in t.COMMAND_WORDS
    return name if is_plain else quoted(name)


def function(parts: tuple[str, ...]) -> str:
    """The name of a function or procedure."""
    first = parts[0]
    start = key(first) if first.upper() not in NO_VARIABLES else quoted(first)
    return ".".join((start, *map(key, parts[1:])))


def parameter(name: str, legacy: bool) -> str:
    """`$name` or `{name}`."""
    if legacy:
        return f"{{{variable(name)}}}"
    return f"${name}" if _WORD.match(name) else f"${quoted(name)}"


def string(value: str) -> str:
    """In single quotes, unless that alone needs escapes."""
    mark = '"' if "'" in value and '"' not in value else "'"
    return f"{mark}{escaped(value, mark)}{mark}"


def escaped(value: str, special: str) -> str:
    """What stands between quotes: backslashes, control and `special` characters escaped."""

    def one(character: str) -> str:
        if character in _ESCAPES:
            return _ESCAPES[character]
        if character in special:
            return f"\\{character}" if character in "'\"" else f"\\u{ord(character):04x}"
        is_control = character < " " or character == "\x7f"
        return f"\\u{ord(character):04x}" if is_control else character

    if value.isalnum():
        return value
    return "".join(map(one, value))


def number(value: float, text: str) -> str:
    """The shortest text with this value; as it was written where it overflows."""
    return repr(value) if math.isfinite(value) else text or "1e999"

"""Ways in which a query goes wrong. Each takes a query and gives it back broken, or None where it
has nothing to break; whether it really is wrong, the checker says."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

from heimdall_gen_cypher.schema import Schema

Break = Callable[[Random, str], str | None]

_TEXT = re.compile(r"'(?:[^'\\]|\\.)*'")
_TYPOS = {
    "MATCH": ("MTACH", "MACTH", "MATHC", "MATC"),
    "RETURN": ("RETRUN", "RETUN", "RETRN", "RETURNS"),
    "WHERE": ("WHER", "WEHRE", "WHRE"),
    "ORDER BY": ("ORDERBY", "ODER BY", "ORDER"),
    "LIMIT": ("LIMT", "LIMMIT"),
    "CREATE": ("CRAETE", "CRETE"),
    "MERGE": ("MREGE", "MERG"),
    "DISTINCT": ("DISTINT", "DISTINCTS"),
    "DETACH DELETE": ("DETATCH DELETE", "DETACH DELET"),
    "WITH": ("WIHT", "WTIH"),
}


def typo(rng: Random, query: str) -> str | None:
    """A keyword with a slip of the finger."""
    bare = f" {_TEXT.sub('', query)} "
    found = [word for word in _TYPOS if f" {word} " in bare]
    if not found:
        return None
    word = rng.choice(found)
    return re.sub(rf"\b{word}\b", rng.choice(_TYPOS[word]), query, count=1)


def unclosed(rng: Random, query: str) -> str | None:
    """A bracket that is missing."""
    bare = _TEXT.sub(lambda m: "_" * len(m[0]), query)
    places = [i for i, letter in enumerate(bare) if letter in ")]}"]
    if not places:
        return None
    place = rng.choice(places)
    return query[:place] + query[place + 1 :]


def unquoted(rng: Random, query: str) -> str | None:
    """A text that does not end."""
    found = list(_TEXT.finditer(query))
    if not found:
        return None
    end = rng.choice(found).end()
    return query[: end - 1] + query[end:]


def comma(rng: Random, query: str) -> str | None:
    """Two columns without a comma between them."""
    bare = _TEXT.sub(lambda m: "_" * len(m[0]), query)
    start = bare.find("RETURN")
    places = [i for i in range(max(start, 0), len(bare)) if bare[i] == "," and start >= 0]
    if not places:
        return None
    place = rng.choice(places)
    return query[:place] + query[place + 1 :]


def arrow(rng: Random, query: str) -> str | None:
    """A relationship whose bracket or dash is missing."""
    options = [("]->", "->"), ("<-[", "<["), ("-[:", "[:"), ("]-(", "](")]
    found = [pair for pair in options if pair[0] in query]
    if not found:
        return None
    old, new = rng.choice(found)
    return query.replace(old, new, 1)


def colon(rng: Random, query: str) -> str | None:
    """A label without its colon."""
    found = re.search(r"\((\w+):(\w)", query)
    return (
        query[: found.start()] + f"({found[1]} {found[2]}" + query[found.end() :] if found else None
    )


def doubled(rng: Random, query: str) -> str | None:
    """`==` where Cypher has `=`."""
    bare = _TEXT.sub(lambda m: "_" * len(m[0]), query)
    place = bare.find(" = ")
    return f"{query[:place]} == {query[place + 3 :]}" if place >= 0 else None


def late(rng: Random, query: str) -> str | None:
    """LIMIT before ORDER BY."""
    found = re.search(r" (ORDER BY .+?) (LIMIT \d+)$", query)
    return f"{query[: found.start()]} {found[2]} {found[1]}" if found else None


def second_where(rng: Random, query: str) -> str | None:
    """WHERE instead of AND."""
    bare = _TEXT.sub(lambda m: "_" * len(m[0]), query)
    place = bare.find(" AND ")
    if place < 0 or "EXISTS" in bare:
        return None
    return f"{query[:place]} WHERE {query[place + 5 :]}"


def grouped(rng: Random, query: str) -> str | None:
    """SQL's GROUP BY."""
    found = re.search(r"RETURN (\w+\.\w+), (?:count|avg|sum|min|max)\([^)]*\)(?: AS \w+)?", query)
    if not found or "DISTINCT" in found[0]:
        return None
    return f"{query[: found.end()]} GROUP BY {found[1]}{query[found.end() :]}"


def selected(rng: Random, query: str) -> str | None:
    """SELECT for RETURN."""
    return query.replace("RETURN ", "SELECT ", 1) if "RETURN " in query else None


SYNTAX: tuple[Break, ...] = (
    typo,
    typo,
    typo,
    unclosed,
    unclosed,
    unquoted,
    comma,
    arrow,
    colon,
    doubled,
    late,
    second_where,
    grouped,
    selected,
)


def unbound(rng: Random, query: str) -> str | None:
    """A variable after RETURN that nothing binds."""
    head, word, tail = query.rpartition("RETURN ")
    found = re.search(r"\b([a-z]\d?)\.", tail)
    if not word or not found:
        return None
    used = set(re.findall(r"\(([a-z]\d?)\b", head))
    other = rng.choice([v for v in "nxyzmpq" if v not in used])
    return head + word + re.sub(rf"\b{found[1]}\.", f"{other}.", tail)


def counted(rng: Random, query: str) -> str | None:
    """An aggregate in WHERE, where WITH should come first."""
    found = re.search(r" WITH (\w+), count\((\w+)\) AS (\w+) WHERE \3 > (\d+) RETURN (.+)$", query)
    if not found or " WHERE " in query[: found.start()] or found[3] in found[5]:
        return None
    return f"{query[: found.start()]} WHERE count({found[2]}) > {found[4]} RETURN {found[5]}"


def dropped(rng: Random, query: str) -> str | None:
    """A WITH that does not pass on what is used after it."""
    found = re.search(r" WITH (\w+), (count\(\w+\) AS \w+)", query)
    return f"{query[: found.start()]} WITH {found[2]}{query[found.end() :]}" if found else None


MEANING: tuple[Break, ...] = (unbound, unbound, counted, dropped)


def misspell(rng: Random, name: str) -> str | None:
    """A name with two letters swapped, one doubled or one missing."""
    if len(name) < 4:
        return None
    place = rng.randrange(1, len(name) - 1)
    kind = rng.randrange(3)
    if kind == 0:
        wrong = name[:place] + name[place + 1] + name[place] + name[place + 2 :]
    elif kind == 1:
        wrong = name[:place] + name[place] + name[place:]
    else:
        wrong = name[:place] + name[place + 1 :]
    return wrong if wrong != name else None


_SPLIT = re.compile(f"({_TEXT.pattern})")


def _outside(query: str, change: Callable[[str], str]) -> str:
    """The query with what stands outside of its texts changed."""
    parts = _SPLIT.split(query)
    parts[::2] = [change(part) for part in parts[::2]]
    return "".join(parts)


def misname(rng: Random, query: str, schema: Schema) -> str | None:
    """One label, type or property spelt wrong wherever it stands."""
    bare = _TEXT.sub("", query)
    used = set(re.findall(r"[:|](\w+)", bare))
    labels = [n.label for n in schema.nodes if n.label in used]
    types = [r.type for r in schema.relationships if r.type in used]
    names = {p.name for n in schema.nodes for p in n.properties}
    names |= {p.name for r in schema.relationships for p in r.properties}
    properties = sorted(names.intersection(re.findall(r"\.(\w+)", bare)))
    kind = rng.choice([kind for kind in (labels, types, properties) if kind] or [[]])
    if not kind:
        return None
    name = rng.choice(kind)
    wrong = misspell(rng, name)
    if wrong is None or wrong in {*labels, *types, *names}:
        return None
    lead = r"(?<=\.)" if kind is properties else r"(?<=[:|])"
    return _outside(query, lambda text: re.sub(rf"{lead}{name}\b", wrong, text))

"""Twenty ways to spoil a Cypher query, as people and models do.

`mutate` changes one place of a query. Most results are invalid, some happen to stay valid: who
judges them (Neo4j's front end, or a table of verdicts) is up to the caller. `SURE` names the kinds
after which a query cannot be valid in any dialect.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

_TOKEN = re.compile(
    r"\s+|//[^\n]*|'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|`[^`]*`|\$?\w+|<=|>=|<>|=~|\+=|\.\.|."
)
_CLAUSES = ("MATCH", "WHERE", "RETURN", "WITH", "UNWIND", "ORDER", "LIMIT", "SET", "CREATE")
_KEYWORDS = frozenset(
    (*_CLAUSES, "BY", "AS", "AND", "OR", "NOT", "IN", "CONTAINS", "STARTS", "ENDS", "IS", "NULL",
     "DISTINCT", "OPTIONAL", "MERGE", "DELETE", "DETACH", "CASE", "WHEN", "THEN", "END", "SKIP")
)  # fmt: skip


def tokens(query: str) -> list[str]:
    """The tokens of a query, white space included: joined, they are the query."""
    return _TOKEN.findall(query)


def _words(parts: list[str], wanted: Callable[[str], bool]) -> list[int]:
    return [i for i, part in enumerate(parts) if wanted(part)]


def _is_code(part: str) -> bool:
    return not part.isspace() and not part.startswith("//")


def _is_keyword(part: str) -> bool:
    return part.upper() in _KEYWORDS


def _pick(parts: list[str], wanted: Callable[[str], bool], random: Random) -> int | None:
    found = _words(parts, wanted)
    return random.choice(found) if found else None


Mutation = Callable[[str, Random], str | None]


def _replace(wanted: Callable[[str], bool], by: Callable[[str, Random], str]) -> Mutation:
    def change(query: str, random: Random) -> str | None:
        parts = tokens(query)
        i = _pick(parts, wanted, random)
        if i is None:
            return None
        parts[i] = by(parts[i], random)
        return "".join(parts)

    return change


def _typo(word: str, random: Random) -> str:
    i = random.randrange(len(word) - 1) if len(word) > 2 else 0
    swapped = word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    return swapped if swapped != word else word[:i] + word[i + 1 :]


def _swap(query: str, random: Random) -> str | None:
    parts = tokens(query)
    code = _words(parts, _is_code)
    if len(code) < 2:
        return None
    at = random.randrange(len(code) - 1)
    i, j = code[at], code[at + 1]
    parts[i], parts[j] = parts[j], parts[i]
    return "".join(parts)


def _substitute(pattern: str, by: str) -> Mutation:
    """Replaces one match of a regular expression."""
    compiled = re.compile(pattern, re.IGNORECASE)

    def change(query: str, random: Random) -> str | None:
        found = list(compiled.finditer(query))
        if not found:
            return None
        match = random.choice(found)
        return query[: match.start()] + match.expand(by) + query[match.end() :]

    return change


def _insert_sign(query: str, random: Random) -> str:
    parts = tokens(query)
    parts.insert(random.randrange(len(parts) + 1), random.choice(")(]}[{,;:.|=#?@"))
    return "".join(parts)


def _rename(query: str, random: Random) -> str | None:
    """Another variable where one is read."""
    found = list(re.finditer(r"\b([a-z]\w*)\.(?=\w)", query))
    if not found:
        return None
    match = random.choice(found)
    return query[: match.end(1)] + "zz" + query[match.end(1) :]


def _unclosed(query: str, random: Random) -> str | None:
    found = [match.start() for match in re.finditer(r"['\"]", query)]
    if not found:
        return None
    at = found[-1]
    return query[:at] + query[at + 1 :]


KINDS: dict[str, Mutation] = {
    "delete a token": _replace(_is_code, lambda word, random: ""),
    "double a token": _replace(_is_code, lambda word, random: f"{word} {word}"),
    "swap two tokens": _swap,
    "misspell a keyword": _replace(_is_keyword, _typo),
    "drop a clause's keyword": _replace(
        lambda part: part.upper() in _CLAUSES, lambda word, random: ""
    ),
    "double a clause's keyword": _replace(
        lambda part: part.upper() in _CLAUSES, lambda word, random: f"{word} {word}"
    ),
    "drop a bracket": _replace(lambda part: part in tuple("()[]{}"), lambda word, random: ""),
    "double a bracket": _replace(
        lambda part: part in tuple("()[]{}"), lambda word, random: word * 2
    ),
    "turn a bracket round": _replace(
        lambda part: part in tuple("()[]{}"),
        lambda word, random: "()[]{}"["()[]{}".index(word) ^ 1],
    ),
    "insert a sign": _insert_sign,
    "read an undefined variable": _rename,
    "leave a string open": _unclosed,
    "compare as in C": _substitute(r"(?<=\w) = (?=[\w'\"])", " == "),
    "connect as in C": _substitute(r"\bAND\b", "&&"),
    "a pattern as a number": _substitute(r"\bRETURN\b", "RETURN size((qq)-->()) AS qz,"),
    "an aggregation in WHERE": _substitute(r"(?<=\))(\s+)WHERE\b", r"\1WHERE count(*) > 1 AND"),
    "a negative LIMIT": _substitute(r"\bLIMIT (\d+)", r"LIMIT -\1"),
    "columns as in SQL": _substitute(r"\bRETURN\b", "SELECT"),
    "a second RETURN": _substitute(r"\bRETURN\b", "RETURN 1 AS qz RETURN"),
    "two columns of one name": _substitute(r"\bRETURN\b", "RETURN 1 AS qz, 2 AS qz,"),
}

#: Kinds that leave nothing valid.
SURE = (
    "double a clause's keyword", "read an undefined variable", "leave a string open",
    "compare as in C", "connect as in C", "a pattern as a number", "an aggregation in WHERE",
    "a negative LIMIT", "columns as in SQL", "a second RETURN", "two columns of one name",
)  # fmt: skip


def mutate(query: str, kind: str, random: Random) -> str | None:
    """`query`, spoilt; None where there is nothing of that kind to spoil."""
    changed = KINDS[kind](query, random)
    return None if changed == query else changed

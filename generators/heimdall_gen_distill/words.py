"""What queries and questions have in common, word by word."""

from __future__ import annotations

import hashlib
import re

from heimdall_lang_cypher.extract import extract
from heimdall_lang_cypher.parser import parse
from heimdall_lang_cypher.printer import print_query
from heimdall_lang_cypher.syntax_errors import CypherSyntaxError

_WORD = re.compile(
    r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"|(?<![\w.])(\d+(?:\.\d+)?)(?![\w.])|:\s*(\w+)|(\$\w+)"
)
_TICKED = re.compile(r"`([^`\n]+)`")


def plain_query(text: str) -> str:
    """The query in a text, in one line and without comments; one that does not parse as it is."""
    if not text:
        return ""
    query = extract(text) or text
    try:
        return print_query(parse(query))
    except CypherSyntaxError:
        return query


def needed(query: str) -> set[str]:
    """Names and values of a query that its question must hold."""
    found = set()
    for match in _WORD.finditer(query):
        found.add(next((group for group in match.groups() if group), ""))
    return {word for word in found if word}


def values_in(query: str) -> set[str]:
    """Texts and numbers of a query."""
    found = (match[1] or match[2] or match[3] for match in _WORD.finditer(query))
    return {value for value in found if value}


def unknown_names(text: str, query: str) -> list[str]:
    """What a text puts in backticks and the query does not have."""
    return [word for word in _TICKED.findall(text) if word.split("(")[0] not in query]


def loose(text: str) -> str:
    """A text's words, however they are written."""
    return " ".join(re.findall(r"\w+", text.lower()))


def is_unicode(text: str) -> bool:
    """Whether a text can be written down: one with half a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def short_hash(text: str) -> str:
    """16 hex digits of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]

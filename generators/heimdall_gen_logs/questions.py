"""The question that a query answers: what it does in English, opened in one of several ways, or
worded by a teacher that is given the same description."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

from heimdall_core.prompt import Message

_OPENERS = (
    "{text}",
    "Write a Cypher query for this: {text}",
    "I need a query that does the following. {text}",
    "In Cypher: {text}",
    "Query wanted: {text}",
)

_SYSTEM = (
    "You word questions that people ask a graph database. You are given a Cypher query and an "
    "exact description of it. Answer with one question or request in plain English, on one line, "
    "from which the query can be written again. Keep every label, relationship type, property "
    "name, number and text of the query exactly as it is written. Do not write Cypher."
)
_TOKEN = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\b\d+(?:\.\d+)?\b|:\s*(\w+)|\$\w+")

Ask = Callable[[tuple[Message, ...]], str]


def by_template(description: str, random: Random) -> str:
    """The description as a request."""
    return random.choice(_OPENERS).format(text=description)


def by_teacher(query: str, description: str, ask: Ask) -> str:
    """The teacher's wording; '' where it is no question, or leaves something of the query out."""
    given = f"Query:\n{query}\n\nDescription:\n{description}"
    text = " ".join(ask((Message("system", _SYSTEM), Message("user", given))).split())
    text = text.strip('"` ')
    if not text or len(text) > 2000 or re.search(r"\bRETURN\b|-\[|\]-|```", text):
        return ""
    return text if all(word in text for word in mentioned(query)) else ""


def mentioned(query: str) -> set[str]:
    """The names and values of a query that its question must hold."""
    found = set()
    for match in _TOKEN.finditer(query):
        found.add(match[1] or match[0].strip("'\""))
    return {word for word in found if word}

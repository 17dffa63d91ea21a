"""Answers common questions from templates, for when the model's own answer fails the checker twice.

A template fires only where the whole question fits it; a name is taken as it is written, or as the
schema spells it. What fits none gets no answer: a wrong query is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from heimdall_core.types import Json

_WORD: Final = r"(?P<{}>[A-Za-z_][A-Za-z0-9_]*)"
_THING: Final = _WORD.format("thing")
_PROPERTY: Final = _WORD.format("property")
_NAME: Final = r"['\"‘“]?(?P<name>[^\"”?.!]+?)['\"’”]?"  # noqa: RUF001 - quotes people type
_END: Final = r"\s*[?.!]*$"
_VERB: Final = r"(?:please\s+)?(?:find|show|list|get|return|give me|display)(?:\s+me)?"

_Build = Callable[[dict[str, str], Json], str]


def _label(found: dict[str, str], schema: Json) -> str:
    """The label that a word in a question means: the schema's, else its singular with a capital."""
    word = found["thing"]
    labels = [str(node.get("label", "")) for node in _nodes(schema)]
    for form in (word, *_singulars(word)):
        for label in labels:
            if label.lower() == form.lower():
                return label
    singular = next(iter(_singulars(word)), word)
    return singular[:1].upper() + singular[1:]


def _nodes(schema: Json) -> list[dict[str, Any]]:
    nodes = schema.get("nodes") or []
    if isinstance(nodes, dict):
        return [{"label": label} for label in nodes]
    return [node if isinstance(node, dict) else {"label": node} for node in nodes]


def _singulars(word: str) -> list[str]:
    irregular = {
        "people": "person",
        "children": "child",
        "men": "man",
        "women": "woman",
        "movies": "movie",
        "series": "series",
        "cookies": "cookie",
    }
    low = word.lower()
    if low in irregular:
        return [irregular[low]]
    if low.endswith("ies") and len(low) > 4:
        return [word[:-3] + "y"]
    if low.endswith(("sses", "xes", "ches", "shes")):
        return [word[:-2]]
    if low.endswith("s") and not low.endswith("ss"):
        return [word[:-1]]
    return []


def _text(value: str) -> str:
    return "'" + value.strip().replace("\\", "\\\\").replace("'", "\\'") + "'"


_RULES: Final[tuple[tuple[str, _Build], ...]] = (
    (
        r"(?:how many|count(?: all)?(?: the)?)\s+(?:nodes|vertices)(?: are there)?",
        lambda f, s: "MATCH (n) RETURN count(n) AS count",
    ),
    (
        r"(?:how many|count(?: all)?(?: the)?)\s+(?:relationships|edges)(?: are there)?",
        lambda f, s: "MATCH ()-[r]->() RETURN count(r) AS count",
    ),
    (
        r"(?:what|which|" + _VERB + r")(?:\s+all)?(?:\s+the)?\s+labels(?: are there| exist)?",
        lambda f, s: "CALL db.labels()",
    ),
    (
        r"(?:what|which|" + _VERB + r")(?:\s+all)?(?:\s+the)?\s+relationship types"
        r"(?: are there| exist)?",
        lambda f, s: "CALL db.relationshipTypes()",
    ),
    (
        _VERB + r"\s+(?:all\s+)?(?:the\s+)?(?:nodes|vertices|everything)",
        lambda f, s: "MATCH (n) RETURN n LIMIT 25",
    ),
    (
        r"(?:how many|count(?: all)?(?: the)?)\s+" + _THING + r"(?:\s+(?:are there|exist))?",
        lambda f, s: f"MATCH (n:{_label(f, s)}) RETURN count(n) AS count",
    ),
    (
        _VERB + r"\s+(?:the\s+|a\s+)?" + _THING + r"\s+(?:named|called)\s+" + _NAME,
        lambda f, s: f"MATCH (n:{_label(f, s)} {{name: {_text(f['name'])}}}) RETURN n",
    ),
    (
        r"(?:create|add|make)\s+(?:an?\s+)?index\s+(?:on|for)\s+"
        + _THING
        + r"[\s.(]+"
        + _PROPERTY
        + r"\)?",
        lambda f, s: f"CREATE INDEX FOR (n:{_label(f, s)}) ON (n.{f['property']})",
    ),
    (
        _VERB + r"\s+(?:all\s+)?(?:the\s+)?" + _THING,
        lambda f, s: f"MATCH (n:{_label(f, s)}) RETURN n LIMIT 25",
    ),
)

_COMPILED: Final = [(re.compile(rf"(?i)^\s*{rule}{_END}"), build) for rule, build in _RULES]


def fallback_answer(question: str, schema: Json | None = None) -> str:
    """A query for a common question; empty where no template fits."""
    for pattern, build in _COMPILED:
        if found := pattern.match(question):
            return build(found.groupdict(), schema or {})
    return ""

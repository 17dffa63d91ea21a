"""Raw rows to pairs, by the keys that they have: text2cypher, Alpaca, ShareGPT, OpenAI messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from heimdall_core.dataset.sources import Tally

_QUESTION = ("question", "prompt", "natural_language", "nl", "text", "instruction", "user_question")
_QUERY = (
    "cypher",
    "query",
    "cypher_query",
    "cypher_statement",
    "gold_cypher",
    "target",
    "completion",
    "response",
    "answer",
    "output",
)
_SURELY_QUERY = frozenset({"cypher", "cypher_query", "cypher_statement", "gold_cypher", "query"})
_SPEAKERS = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "system": "system",
}
_FALSE = frozenset({"", "0", "false", "none", "null", "nan", "[]", "{}"})


@frozen
class Found:
    """What a raw row says."""

    question: str
    answer: str
    input: str = ""
    system: str = ""
    database: str = ""
    schema_text: str = ""
    licence: str = ""
    is_query: bool = False
    """Whether the answer stands in a column for queries."""
    rest: Mapping[str, Any] = {}
    """What else the row held and that is plain JSON."""


class NotUsable(Exception):
    """A row that is no pair; its text is the reason."""


def found_in(
    row: Mapping[str, Any], columns: Mapping[str, str], skip_if: tuple[str, ...], tally: Tally
) -> Found:
    """The pair of a raw row. Raises `NotUsable` with the reason."""
    for name in skip_if:
        if _is_true(row.get(name)):
            raise NotUsable(f"called wrong by its source ({name})")
    for key, speaker, words in (
        ("messages", "role", "content"),
        ("conversations", "from", "value"),
        ("conversation", "from", "value"),
    ):
        if isinstance(row.get(key), list):
            return _talk(row, key, speaker, words, tally)
    question_key = columns.get("question") or _first(row, _QUESTION)
    query_key = columns.get("query") or _first(row, _QUERY)
    if not question_key or question_key not in row:
        raise NotUsable("no question")
    if not query_key or query_key not in row or query_key == question_key:
        raise NotUsable("no answer")
    taken = {question_key, query_key, "input", "system", "schema", "database", "licence", "license"}
    database = _text(row, columns, "database") or _text(row, columns, "database_reference_alias")
    return Found(
        question=_string(row[question_key], "question"),
        answer=_string(row[query_key], "answer"),
        input=_text(row, columns, "input"),
        system=_text(row, columns, "system"),
        database=database,
        schema_text=_text(row, columns, "schema"),
        licence=_text(row, columns, "licence") or _text(row, columns, "license"),
        is_query=query_key in _SURELY_QUERY or "query" in columns,
        rest={key: value for key, value in row.items() if key not in taken},
    )


def _talk(row: Mapping[str, Any], key: str, speaker: str, words: str, tally: Tally) -> Found:
    """The first exchange of a conversation; what follows rests on it and is left out."""
    turns: list[tuple[str, str]] = []
    for each in row[key]:
        if not isinstance(each, Mapping):
            raise NotUsable("a turn that is no object")
        role = _SPEAKERS.get(str(each.get(speaker) or each.get("role") or "").lower())
        if role is None:
            raise NotUsable("a turn of an unknown speaker")
        turns.append((role, _content(each.get(words, each.get("content", each.get("value"))))))
    system = " ".join(text for role, text in turns if role == "system")
    spoken = [(role, text) for role, text in turns if role != "system"]
    if len(spoken) < 2 or spoken[0][0] != "user" or spoken[1][0] != "assistant":
        raise NotUsable("no exchange of user and assistant")
    if len(spoken) > 2:
        tally.counts["later turn of a conversation"] += len(spoken) // 2 - 1
    rest = {name: value for name, value in row.items() if name not in (key, "system")}
    return Found(
        question=spoken[0][1],
        answer=spoken[1][1],
        system=system or str(row.get("system") or ""),
        licence=str(row.get("licence") or row.get("license") or ""),
        rest=rest,
    )


def _content(value: Any) -> str:
    if isinstance(value, list):
        parts = [each.get("text") for each in value if isinstance(each, Mapping)]
        if not parts or any(not isinstance(part, str) for part in parts):
            raise NotUsable("a turn that is not text")
        return "\n".join(str(part) for part in parts)
    return _string(value, "turn")


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((name for name in names if isinstance(row.get(name), str) and row[name]), "")


def _text(row: Mapping[str, Any], columns: Mapping[str, str], name: str) -> str:
    value = row.get(columns.get(name, name))
    return value if isinstance(value, str) and value.lower() not in ("none", "nan") else ""


def _string(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise NotUsable(f"{what} that is not text")
    text = value.strip()
    if not text:
        raise NotUsable(f"empty {what}")
    if "\ufffd" in text:
        raise NotUsable("not valid UTF-8")
    return text


def _is_true(value: Any) -> bool:
    if isinstance(value, float):
        return value == value and value != 0
    return str(value).strip().lower() not in _FALSE if value is not None else False

"""A query as HTML: coloured, with what was found in it marked at its place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from importlib import import_module
from itertools import pairwise
from typing import Any

from attrs import frozen

#: Longest text that is coloured and shown; of a longer one the beginning.
MOST = 4000

#: Class of a token by the beginning of its kind's name, the more special first.
_CLASSES = (
    ("Token.Comment", "c"),
    ("Token.Keyword", "k"),
    ("Token.Literal.String", "s"),
    ("Token.Literal", "m"),
    ("Token.Name.Label", "l"),
    ("Token.Name.Tag", "l"),
    ("Token.Name.Function", "f"),
    ("Token.Operator", "o"),
    ("Token.Punctuation", "o"),
)


@frozen
class Mark:
    """A place in a text, and what is wrong there."""

    start: int
    end: int
    title: str
    severity: str


def highlighted(text: str, language: str, marks: Sequence[Mark] = ()) -> str:
    """`text` as HTML for a `<pre>`: escaped, a `<span>` per token and a `<mark>` per finding."""
    shown = text[:MOST]
    kinds = _kinds(shown, language)
    cuts = {0, len(shown)} | {start for start, _ in kinds}
    cuts |= {edge for mark in marks for edge in (mark.start, mark.end) if edge <= len(shown)}
    edges = sorted(cuts)
    parts: list[str] = []
    place, kind = 0, ""
    open_mark: Mark | None = None
    for start, end in pairwise(edges):
        while place < len(kinds) and kinds[place][0] <= start:
            kind = kinds[place][1]
            place += 1
        mark = next((m for m in marks if m.start <= start < m.end), None)
        if mark != open_mark:
            parts += ["</mark>"] if open_mark else []
            if mark:
                words = escape(mark.title)
                parts.append(f'<mark class="{escape(mark.severity)}" title="{words}">')
            open_mark = mark
        piece = escape(shown[start:end])
        parts.append(f'<span class="{kind}">{piece}</span>' if kind else piece)
    parts += ["</mark>"] if open_mark else []
    if len(text) > MOST:
        parts.append(f'<span class="cut"> … {len(text) - MOST:,} more characters</span>')
    return "".join(parts)


def marks_of(text: str, findings: Sequence[Mapping[str, Any]], offset: int = 0) -> list[Mark]:
    """The findings of a query that begins at `offset` of `text`, as places in it. One whose end is
    not known marks its word."""
    marks = []
    for finding in findings:
        start = _offset(text, int(finding.get("line", 1)), int(finding.get("column", 1)), offset)
        end_line, end_column = int(finding.get("end_line", 0)), int(finding.get("end_column", 0))
        end = _offset(text, end_line, end_column, offset) if end_line and end_column else 0
        if end <= start:
            word = re.compile(r"\w+|\S").match(text, start)
            end = word.end() if word else start + 1
        if start >= len(text):  # at the end of the text, where something is missing
            start, end = max(0, len(text) - 1), len(text)
        title = f"{finding.get('code', '')}: {finding.get('message', '')}"
        severity = finding.get("severity", "error")
        marks.append(Mark(start, end, title, severity if severity == "warning" else "error"))
    return marks


def _offset(text: str, line: int, column: int, offset: int) -> int:
    at = offset
    for _ in range(line - 1):
        found = text.find("\n", at)
        if found < 0:
            return len(text)
        at = found + 1
    return min(at + column - 1, len(text))


def _kinds(text: str, language: str) -> list[tuple[int, str]]:
    """Where each token begins, and its class."""
    lexer = _lexer(language or _guess(text))
    return [(start, _class(kind)) for start, kind, _ in lexer.get_tokens_unprocessed(text)]


def _guess(text: str) -> str:
    return "json" if text.lstrip().startswith("{") else "text"


@cache
def _lexer(language: str) -> Any:
    lexers: Any = import_module("pygments.lexers")
    try:
        return lexers.get_lexer_by_name(language)
    except lexers.ClassNotFound:
        return lexers.get_lexer_by_name("text")


@cache
def _class(kind: Any) -> str:
    name = str(kind)
    return next((short for start, short in _CLASSES if name.startswith(start)), "")

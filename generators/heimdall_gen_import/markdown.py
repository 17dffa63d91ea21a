"""Markdown: each Cypher fence with what is said before it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import define, frozen

from heimdall_core.dataset.sources import Tally, head_of, open_plain
from heimdall_core.errors import missing_extra
from heimdall_lang_cypher.statements import split

_OURS = frozenset({"cypher", "opencypher", "cql"})
_LARGEST = 16 * 2**20
_COMMENT = re.compile(r"(?:[ \t]*//[^\n]*\n)+")


@frozen
class Pair:
    """A text and the query under it."""

    where: str
    question: str
    query: str


@define
class _Said:
    """The last heading, and the prose since it or since the last fence."""

    heading: str = ""
    prose: str = ""


def markdown_pairs(path: Path, tally: Tally) -> Iterator[Pair]:
    """The pairs of a Markdown file, in order."""
    text = _text(path, tally)
    if text is None:
        return
    try:
        from markdown_it import MarkdownIt
    except ImportError as error:
        raise missing_extra("markdown-it-py", "import", "reading Markdown") from error
    said, kind = _Said(), ""
    for token in MarkdownIt("commonmark").parse(text):
        if token.type in ("heading_open", "paragraph_open"):
            kind = token.type
        elif token.type == "inline":
            words = _words(token)
            if kind == "heading_open":
                said.heading, said.prose = words, ""
            else:
                said.prose = words
        elif token.type == "fence":
            line = token.map[0] + 1 if token.map else 1
            language = token.info.strip().lower().split(" ")[0].strip("{}.")
            if language in _OURS:
                yield from _fence(token.content, f"{path}:{line}", said, tally)
            said.prose = ""


def _text(path: Path, tally: Tally) -> str | None:
    if head_of(path, tally) is None:
        return None
    try:
        with open_plain(path) as file:
            raw = file.read(_LARGEST + 1)
    except OSError as error:
        tally.trouble(path, error)
        return None
    if len(raw) > _LARGEST:
        tally.add("file too large", str(path), f"is larger than {_LARGEST:,} bytes")
        return None
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        tally.add("not valid UTF-8", str(path), f"not valid UTF-8 at byte {error.start}")
        return None


def _fence(content: str, where: str, said: _Said, tally: Tally) -> Iterator[Pair]:
    parts = [part.text for part in split(content)]
    if not parts:
        tally.add("empty fence", where)
        return
    for number, part in enumerate(parts):
        comment = _COMMENT.match(part + "\n")
        words, query = "", part
        if comment:
            lines = [line.strip().lstrip("/").strip() for line in comment[0].splitlines()]
            words, query = " ".join(lines), part[comment.end() :].strip()
        question = words or ((said.prose or said.heading) if len(parts) == 1 else "")
        question = question.strip().rstrip(":").strip()
        if not query:
            tally.add("empty fence", where)
        elif not question:
            tally.add("nothing said about it", where, f"statement {number + 1} has no text")
        else:
            yield Pair(where, question, query)


def _words(token: Any) -> str:
    """A paragraph without its markup."""
    parts = []
    for child in token.children or ():
        if child.type in ("text", "code_inline"):
            parts.append(child.content)
        elif child.type in ("softbreak", "hardbreak"):
            parts.append(" ")
    return " ".join("".join(parts).split())

"""Queries by themselves: `.cypher` files with semicolons, and lists of one query per line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from heimdall_core.dataset.sources import Tally
from heimdall_gen_logs.records import Record

Lines = Iterator[tuple[str, str]]
"""(file:line, text)"""

_STRONG = re.compile(
    r"\s*(?:MATCH|OPTIONAL\s+MATCH|CREATE|MERGE|UNWIND|CALL|EXPLAIN|PROFILE|SHOW|DROP|LOAD|FOREACH)\b",
    re.IGNORECASE,
)
_ANY = re.compile(r"\s*[A-Za-z:]")
#: Pieces that matter when looking for the semicolon that ends a statement.
_PIECE = re.compile(r"'|\"|`|//|/\*|\*/|\\.|;")

_LONGEST = 2**20


def has_semicolons(head: str) -> bool:
    """Whether statements end in a semicolon at the end of a line."""
    return re.search(r";[ \t]*(?://[^\n]*)?(?:\r?\n|$)", head) is not None


def statements(lines: Lines, tally: Tally) -> Iterator[Record]:
    """What stands between semicolons that are in no string, name or comment."""
    parts: list[str] = []
    size, inside, first, skipping = 0, "", "", False
    for where, line in lines:
        at = 0
        for found in _PIECE.finditer(line):
            piece = found[0]
            if inside:
                if piece == inside and not (inside == "*/" and at > found.start()):
                    inside = ""
                continue
            if piece in ("'", '"', "`"):
                inside = piece
            elif piece == "/*":
                inside = "*/"
            elif piece == "//":
                break
            elif piece == ";":
                parts.append(line[at : found.start()])
                at = found.end()
                if not skipping:
                    yield from _whole(parts, first or where)
                parts, size, first, skipping = [], 0, "", False
        rest = line[at:]
        if not first and rest.strip():
            first = where
        if skipping:
            continue
        parts.append(rest)
        size += len(rest) + 1
        if size > _LONGEST:
            tally.add("statement too long", first, f"a statement of over {_LONGEST:,} characters")
            parts, skipping = [], True
    if not skipping:
        yield from _whole(parts, first)


def one_by_line(lines: Lines, tally: Tally, whole: Callable[[str], bool]) -> Iterator[Record]:
    """Queries without semicolons. A line begins a new one where what came before is `whole`."""
    parts: list[str] = []
    first = ""
    for where, line in lines:
        if not line.strip() or line.lstrip().startswith(("#", "--")):
            yield from _whole(parts, first)
            parts = []
            continue
        if parts and (_STRONG.match(line) or _ANY.match(line)):
            before = "\n".join(parts)
            if whole(before) and (_STRONG.match(line) or not whole(f"{before}\n{line}")):
                yield from _whole(parts, first)
                parts = []
        if not parts:
            first = where
        parts.append(line)
        if len(parts) > 200:
            tally.add("statement too long", first, "200 lines that are no query")
            parts = []
    yield from _whole(parts, first)


def _whole(parts: list[str], where: str) -> Iterator[Record]:
    text = "\n".join(parts).strip().rstrip(";").strip()
    if text:
        yield Record(text, where, cut=text.endswith("..."))

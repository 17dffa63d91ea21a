"""Queries that failed, as lessons: the mistake, what the checker says, and the query that is right.

The right one is what the same user sent next, or the checker's own correction; it must pass the
check. Where there is none, the row asks what is wrong and the answer is the checker's finding. A
query in which the checker finds nothing failed for another reason and teaches nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from typing import Literal

from attrs import frozen

from heimdall_core.types import Finding
from heimdall_gen_logs import synthetic
from heimdall_gen_logs.anonymise import Replacer
from heimdall_lang_cypher import tokens as t
from heimdall_lang_cypher.lexer import tokenize

Check = Callable[[str], Sequence[Finding]]

#: Records after a failed one among which its repair is looked for.
WINDOW = 50
_ALIKE = 0.7


@frozen
class Lesson:
    """A failed query with what is to be learnt from it."""

    broken: str
    finding: Finding
    fixed: str = ""
    """Empty where no right query is known."""
    by: Literal["next query", "checker", ""] = ""


def clean_text(text: str, replacer: Replacer) -> str | None:
    """A query that need not parse, its texts and numbers replaced token by token and its comments
    left out; None where a text has no end, and nobody knows what is in it."""
    tokens = tokenize(text)
    parts: list[str] = []
    last = 0
    for kind, start, end in zip(tokens.kinds, tokens.starts, tokens.ends, strict=True):
        if kind == t.END:
            break
        if kind in (t.UNTERMINATED, t.INTERPOLATED):
            return None
        parts.append(" " if text[last:start].strip() else text[last:start])
        parts.append(_replaced(kind, text[start:end], replacer))
        last = end
    return "".join(parts).strip()


def _replaced(kind: str, text: str, replacer: Replacer) -> str:
    if kind == t.STRING:
        value = text[1:-1]
        if synthetic.keeps(value):
            return text
        return f"'{replacer.text(value, '', False)}'"
    if kind in (t.INTEGER, t.FLOAT):
        try:
            number = int(text) if kind == t.INTEGER else float(text)
        except ValueError:
            return "1"
        known = replacer.numbers.get(number)
        if known is not None:
            return str(known)
        if abs(number) < 100:
            return text
        replacer.numbers.update(synthetic.in_order([number], replacer.random))
        return str(replacer.numbers[number])
    return text


def first_error(findings: Sequence[Finding]) -> Finding | None:
    """What the database stumbles over first."""
    return next((each for each in findings if each.severity == "error"), None)


def checkers_fix(text: str, finding: Finding, check: Check) -> str:
    """The query with the checker's suggestion in place of what it found, if that is then right."""
    if not finding.suggestion or finding.end_line != finding.line or "\n" in finding.suggestion:
        return ""
    lines = text.split("\n")
    if not 0 < finding.line <= len(lines):
        return ""
    line = lines[finding.line - 1]
    start, end = finding.column - 1, finding.end_column - 1
    lines[finding.line - 1] = line[:start] + finding.suggestion + line[end:]
    fixed = "\n".join(lines)
    return "" if first_error(check(fixed)) else fixed


def alike(one: str, other: str) -> bool:
    """Whether one query could be the other one mended."""
    first, second = tokenize(one).texts, tokenize(other).texts
    if abs(len(first) - len(second)) > 12:
        return False
    return SequenceMatcher(None, first, second, autojunk=False).ratio() >= _ALIKE


@frozen
class Waiting:
    """A failed query, and the record after which its repair is no longer waited for."""

    text: str
    who: str
    where: str
    until: int


class Unmended:
    """The failed queries of the last records, by user."""

    def __init__(self) -> None:
        self._waiting: deque[Waiting] = deque()

    def add(self, waiting: Waiting) -> None:
        self._waiting.append(waiting)

    def mended_by(self, text: str, who: str) -> Waiting | None:
        """The failed query that this one of the same user repairs; it is then done with."""
        for each in reversed(self._waiting):
            if each.who == who and each.text != text and alike(each.text, text):
                self._waiting.remove(each)
                return each
        return None

    def expired(self, record: int) -> list[Waiting]:
        """Those that nobody repaired."""
        gone = []
        while self._waiting and self._waiting[0].until < record:
            gone.append(self._waiting.popleft())
        return gone

    def rest(self) -> list[Waiting]:
        """All that are left at the end."""
        gone = list(self._waiting)
        self._waiting.clear()
        return gone

"""The statements of a `.cypher` file, with their places in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import evolve, frozen

from heimdall_core.types import CheckRequest, Finding
from heimdall_lang_cypher.checker import check
from heimdall_lang_cypher.lexer import tokenize
from heimdall_lang_cypher.tokens import END


@frozen
class Part:
    """A piece of a text between semicolons, without surrounding white space."""

    text: str
    line: int
    """1-based, of its first character in the whole text."""
    column: int


def split(text: str) -> Iterator[Part]:
    """The parts of `text` between the semicolons that stand in no string, name or comment. A part
    without a single token is left out."""
    tokens = tokenize(text)
    start, line, counted, filled = 0, 1, 0, False
    for kind, at in zip(tokens.kinds, tokens.starts, strict=True):
        if kind not in (";", END):
            filled = True
            continue
        if filled:
            first = start + len(text[start:at]) - len(text[start:at].lstrip())
            line += text.count("\n", counted, first)
            counted = first
            yield Part(text[first:at].rstrip(), line, first - text.rfind("\n", 0, first))
        start, filled = at + 1, False


def check_text(text: str, request: CheckRequest) -> Sequence[Finding]:
    """The findings of every statement of `text`, with their places in it, in order.

    Each part is checked by itself, so that a syntax error in one does not hide the others.
    """
    return [_moved(finding, part) for part in split(text) for finding in check(part.text, request)]


def _moved(finding: Finding, part: Part) -> Finding:
    first, last = finding.line == 1, finding.end_line == 1
    return evolve(
        finding,
        line=finding.line + part.line - 1,
        column=finding.column + (part.column - 1 if first else 0),
        end_line=finding.end_line + part.line - 1 if finding.end_line else 0,
        end_column=finding.end_column + (part.column - 1 if last else 0),
    )

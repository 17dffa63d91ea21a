r"""As much of Go's lexical grammar as reading constants, calls and tables needs.

Comments, runes, interpreted and raw strings are told apart, so that a quote in a comment or a
back-tick in a string never shifts what follows. A file that ends inside a string or comment gives
what came before it; nothing here raises for any text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from attrs import frozen

_TOKEN = re.compile(
    r"""
      (?P<comment>//[^\n]*|/\*.*?(?:\*/|\Z))
    | (?P<raw>`[^`]*`)
    | (?P<string>"(?:[^"\\\n]|\\.)*")
    | (?P<rune>'(?:[^'\\\n]|\\.)+')
    | (?P<name>[^\W\d]\w*)
    | (?P<number>\d[\w.]*)
    | (?P<space>\s+)
    | (?P<mark>.)
    """,
    re.VERBOSE | re.DOTALL,
)

_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\'\"])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3}))"
)
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_CLOSING = {"(": ")", "[": "]", "{": "}"}


@frozen
class Token:
    """A lexical token. Space and comments are not kept."""

    kind: str
    """`string` (raw ones too), `rune`, `name`, `number` or `mark`."""
    text: str
    """As written; of a string, its value."""
    start: int
    """Offset in the file."""


def tokens(source: str) -> list[Token]:
    """The tokens of a file or of a piece of one."""
    found = []
    for match in _TOKEN.finditer(source):
        kind = str(match.lastgroup)
        if kind in ("space", "comment"):
            continue
        text = match[0]
        if kind == "raw":
            # Go drops carriage returns from raw strings.
            kind, text = "string", text[1:-1].replace("\r", "")
        elif kind == "string":
            text = unquote(text)
        found.append(Token(kind, text, match.start()))
    return found


def unquote(literal: str) -> str:
    r"""The value of an interpreted string literal.

    >>> unquote('"a\\tb\\u00e9"')
    'a\tbé'
    """
    return _ESCAPE.sub(_escaped, literal[1:-1])


def _escaped(match: re.Match[str]) -> str:
    simple, two, four, eight, octal = match.groups()
    if simple:
        return _SIMPLE.get(simple, simple)
    code = int(octal, 8) if octal else int(two or four or eight, 16)
    return (
        chr(code)
        if code < 0x110000 and not 0xD800 <= code < 0xE000
        else "\N{REPLACEMENT CHARACTER}"
    )


def line_of(source: str, offset: int) -> int:
    """The 1-based line of an offset."""
    return source.count("\n", 0, offset) + 1


def function_body(found: Sequence[Token], name: str) -> Sequence[Token]:
    """The tokens inside the braces of `func name` or `func (r T) name`; empty without one."""
    for at, token in enumerate(found):
        if token.text != "func" or token.kind != "name":
            continue
        head = at + 1
        if head < len(found) and found[head].text == "(":
            head = closing(found, head) + 1
        if head < len(found) and found[head].kind == "name" and found[head].text == name:
            # The body is the first brace that is not part of a type such as interface{}.
            brace = _body_brace(found, head + 1)
            return found[brace + 1 : closing(found, brace)] if brace < len(found) else ()
    return ()


def _body_brace(found: Sequence[Token], at: int) -> int:
    while at < len(found):
        text = found[at].text
        if found[at].kind == "mark" and text in "([":
            at = closing(found, at)
        elif found[at].kind == "name" and text in ("interface", "struct"):
            at = closing(found, at + 1)
        elif found[at].kind == "mark" and text == "{":
            return at
        at += 1
    return at


def closing(found: Sequence[Token], opening: int) -> int:
    """The index of the bracket that closes the one at `opening`; the end where it is not closed."""
    depth = 0
    for at in range(opening, len(found)):
        if found[at].kind != "mark":
            continue
        if found[at].text in _CLOSING:
            depth += 1
        elif found[at].text in _CLOSING.values():
            depth -= 1
            if depth == 0:
                return at
    return len(found)


def arguments(found: Sequence[Token], opening: int) -> list[Sequence[Token]]:
    """The comma-separated parts between the bracket at `opening` and its partner."""
    end = closing(found, opening)
    parts: list[Sequence[Token]] = []
    start, at = opening + 1, opening + 1
    while at < end:
        token = found[at]
        if token.kind == "mark" and token.text in _CLOSING:
            at = closing(found, at)
        elif token.kind == "mark" and token.text == ",":
            parts.append(found[start:at])
            start = at + 1
        at += 1
    if start < end:
        parts.append(found[start:end])
    return parts


def calls(found: Sequence[Token], name: str) -> Iterator[int]:
    """Indices of the opening parenthesis of every call of `name`, which may be dotted."""
    wanted = name.split(".")
    width = 2 * len(wanted) - 1
    for at in range(len(found) - width):
        if found[at + width].text != "(" or found[at + width].kind != "mark":
            continue
        part = found[at : at + width]
        if [t.text for t in part[::2]] == wanted and all(t.text == "." for t in part[1::2]):
            yield at + width


def joined_string(part: Sequence[Token]) -> str | None:
    """The value of an expression that is nothing but string literals joined by `+`, or None."""
    if not part or any(t.kind != "string" for t in part[::2]) or len(part) % 2 == 0:
        return None
    if any(t.kind != "mark" or t.text != "+" for t in part[1::2]):
        return None
    return "".join(t.text for t in part[::2])

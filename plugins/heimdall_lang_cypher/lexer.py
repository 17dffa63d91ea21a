"""Text to tokens, in parallel lists, by one regular expression."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import accumulate

from attrs import define

from heimdall_lang_cypher import tokens as t

_UNICODE_ARROWS = (
    ("\u00ad\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d", t.DASH),
    ("\u27e8\u2329\u3008\ufe64\uff1c", t.LEFT_HEAD),
    ("\u27e9\u232a\u3009\ufe65\uff1e", t.RIGHT_HEAD),
)

_SIGN = r"\.\.|::|<=|>=|<>|!=|=~|\+=|\|\||\.(?![0-9])|/(?![*/])|[()\[\]{},:;=<>+\-*%^|&!?]"
_DIGITS = r"[0-9](?:_?[0-9])*"
# With trailing word characters, so that `12ab` is one malformed token and not two good ones.
_NUMBER = r"[0-9_]*\.[0-9][0-9_]*(?:[eE][+-]?[0-9]+)?\w*|[0-9][0-9_]*[eE][+-]?[0-9]\w*|[0-9]\w*"
_STRING = r"""'[^'\\]*+(?:\\.[^'\\]*+)*+'|"[^"\\]*+(?:\\.[^"\\]*+)*+\""""
# s'… {expression} …', where the expression may hold strings, and maps that hold no maps.
_BRACES = r"""\{(?:[^{}'"]|'[^']*'|"[^"]*"|\{[^{}]*\})*+\}"""
_INTERPOLATED = (
    rf"[sS]'(?:[^'\\{{]|\\.|{_BRACES})*+'"
    rf'|[sS]"(?:[^"\\{{]|\\.|{_BRACES})*+"'
)
# What is opened and never closed takes the rest of the text along: one scan, one error.
_UNTERMINATED = r"(?:/\*|[sS]?['\"]|`).*"


def _pattern(rest: str) -> re.Pattern[str]:
    """The token pattern, for names that go on with `rest` after their first letter."""
    return re.compile(
        rf"((?![sS]['\"])[^\W\d]{rest}*|{_SIGN}|{_NUMBER}|{_STRING}|`[^`]*+(?:``[^`]*+)*+`"
        rf"|\${rest}+|{_INTERPOLATED}|//[^\r\n]*|/\*.*?\*/|{_UNTERMINATED}|\S)",
        re.DOTALL,
    )


_TOKEN = _pattern(r"\w")
_STRING_TOKEN = re.compile(rf"(?:{_STRING})\Z", re.DOTALL)
_INTERPOLATED_TOKEN = re.compile(rf"(?:{_INTERPOLATED})\Z", re.DOTALL)
_QUOTED_NAME = re.compile(r"`[^`]*+(?:``[^`]*+)*+`\Z")
_INTEGER = re.compile(
    r"(?:0|[1-9](?:_?[0-9])*|0x_?[0-9a-fA-F](?:_?[0-9a-fA-F])*|0o_?[0-7](?:_?[0-7])*)\Z"
)
_FLOAT = re.compile(rf"(?:{_DIGITS})?(?:\.{_DIGITS})?(?:[eE][+-]?{_DIGITS})?\Z")


@cache
def _wide_pattern() -> re.Pattern[str]:
    """The token pattern for names with combining marks and currency signs, which `\\w` lacks and
    Cypher allows. Takes 0.1 s to make, and only text that needs it pays."""
    marks = (
        chr(code)
        for code in range(0x80, 0x10000)
        if unicodedata.category(chr(code)) in ("Mn", "Mc", "Pc", "Sc")
    )
    return _pattern(f"[\\w{''.join(marks)}]")


class _Kinds(dict[str, str]):
    """Kinds of tokens by their text: keywords in the usual cases and signs are stored, the rest
    is found by looking."""

    def __missing__(self, text: str) -> str:
        first, last = text[0], text[-1]
        if text.isidentifier() or first == "_":
            word = text.upper()
            # Some letters beyond ASCII have an ASCII capital; none of them spells a keyword.
            return word if word in t.KEYWORDS and text.isascii() else t.NAME
        if first in "'\"":
            return t.STRING if _STRING_TOKEN.match(text) else t.UNTERMINATED
        if first == "`":
            return t.NAME if _QUOTED_NAME.match(text) else t.UNTERMINATED
        if first in "0123456789.":
            if _INTEGER.match(text):
                return t.INTEGER
            return t.FLOAT if _FLOAT.match(text) and not text.isdigit() else t.BAD_NUMBER
        if first == "$":
            return t.PARAMETER if len(text) > 1 else "$"
        if first == "/":
            closed = text[1] == "/" or (last == "/" and len(text) > 3)
            return t.COMMENT if closed else t.UNTERMINATED
        if first in "sS" and text[1:2] in ("'", '"'):
            return t.INTERPOLATED if _INTERPOLATED_TOKEN.match(text) else t.UNTERMINATED
        if first.isalpha():
            return t.NAME
        for signs, kind in _UNICODE_ARROWS:
            if first in signs:
                return kind
        return t.BAD_CHARACTER


_KINDS = _Kinds({sign: sign for sign in t.SIGNS})
for _word in t.KEYWORDS:
    _KINDS[_word] = _KINDS[_word.lower()] = _KINDS[_word.capitalize()] = _word


@define
class Tokens:
    """The tokens of a text, comments left out, ended by a few of kind `END` so that a parser can
    look ahead without counting."""

    kinds: list[str]
    texts: list[str]
    """As written; of a name in backticks, without them."""
    starts: list[int]
    ends: list[int]

    def shift(self, offset: int) -> None:
        """Moves all positions, for tokens of a part of a text."""
        self.starts = [start + offset for start in self.starts]
        self.ends = [end + offset for end in self.ends]


def tokenize(text: str) -> Tokens:
    """Cuts any text at all into tokens. Never fails: what Cypher does not know becomes a token of
    kind `UNTERMINATED`, `BAD_NUMBER` or `BAD_CHARACTER`, for the parser to report in its place."""
    found = _split(text, _TOKEN)
    if t.BAD_CHARACTER in found.kinds and not text.isascii():
        found = _split(text, _wide_pattern())
    return found


def _split(text: str, pattern: re.Pattern[str]) -> Tokens:
    # pieces: gap, token, gap, token, …, gap. Everything here runs in C but for unknown words.
    pieces = pattern.split(text)
    borders = list(accumulate(map(len, pieces)))
    texts = pieces[1::2]
    kinds = list(map(_KINDS.__getitem__, texts))
    starts, ends = borders[0:-1:2], borders[1::2]
    if t.COMMENT in kinds:
        kept = [index for index, kind in enumerate(kinds) if kind != t.COMMENT]
        kinds, texts = [kinds[index] for index in kept], [texts[index] for index in kept]
        starts, ends = [starts[index] for index in kept], [ends[index] for index in kept]
    if "`" in text:
        for index, each in enumerate(texts):
            if each[0] == "`":
                texts[index] = each[1:-1].replace("``", "`")
    size = len(text)
    kinds += (t.END,) * 4
    texts += ("",) * 4
    starts += (size,) * 4
    ends += (size,) * 4
    return Tokens(kinds, texts, starts, ends)


def comments(text: str) -> list[tuple[int, int]]:
    """Start and end of each comment."""
    pieces = _TOKEN.split(text)
    borders = list(accumulate(map(len, pieces)))
    return [
        (start, end)
        for token, start, end in zip(pieces[1::2], borders[0:-1:2], borders[1::2], strict=True)
        if _KINDS[token] == t.COMMENT
    ]


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset, both from 1, in characters."""
    line_start = text.rfind("\n", 0, offset) + 1
    return text.count("\n", 0, offset) + 1, offset - line_start + 1

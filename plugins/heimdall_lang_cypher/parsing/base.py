"""What all parts of the parser share: the tokens, the place in them, names, errors.

`i` is the index of the next token. A method that parses X starts at X's first token and ends
after its last one, or raises.
"""

from __future__ import annotations

from typing import Final, NoReturn

from heimdall_lang_cypher import ast
from heimdall_lang_cypher import tokens as t
from heimdall_lang_cypher.lexer import position, tokenize
from heimdall_lang_cypher.syntax_errors import (
    CypherSyntaxError,
    find_advice,
    nearest,
    phrase,
)

#: How deep expressions, patterns and subqueries may be nested. Each level takes up to seven
#: Python frames of the default thousand.
MAX_DEPTH: Final = 100
#: Up to this depth the tree cannot be as high as `MAX_HEIGHT`, and is not measured.
SHALLOW: Final = 12
#: How many nodes one path from the root to a leaf may have, so that code may recurse over a tree
#: with up to six frames per node.
MAX_HEIGHT: Final = 120

_OPENING = {"(": ")", "[": "]", "{": "}"}


class TokenReader:
    """The place in the tokens of one text."""

    __slots__ = (
        "_last_bar",
        "_partners",
        "bars",
        "depth",
        "ends",
        "i",
        "is_deep",
        "kinds",
        "starts",
        "text",
        "texts",
    )

    def __init__(self, text: str, start: int = 0, end: int | None = None) -> None:
        tokens = tokenize(text if start == 0 and end is None else text[start:end])
        if start:
            tokens.shift(start)
        self.text = text
        self.kinds = tokens.kinds
        self.texts = tokens.texts
        self.starts = tokens.starts
        self.ends = tokens.ends
        self.i = 0
        self.depth = 0
        #: How many constructs around the next token wait for a `|`; 0 inside of parentheses.
        self.bars = 0
        self._last_bar = -1
        #: Whether something was nested or chained so far that the tree's height is to be measured.
        self.is_deep = False
        self._partners: dict[int, int] | None = None

    # --- parts that other files fill in; an expression may hold a pattern, a pattern a query ----

    def expression(self) -> ast.Expression:
        """An expression of any kind."""
        raise NotImplementedError

    def query(self) -> ast.Query:
        """A query, as it stands between braces."""
        raise NotImplementedError

    def single_query(self) -> ast.Query:
        """A query without `UNION` or `NEXT`."""
        raise NotImplementedError

    # --- tokens ---------------------------------------------------------------------------------

    def expect(self, kind: str, purpose: str = "") -> None:
        """Skips a token of `kind`. `purpose` follows it in the error: `to close the list`."""
        if self.kinds[self.i] != kind:
            self.fail(kind, purpose=purpose)
        self.i += 1

    def accept(self, kind: str) -> bool:
        """Skips a token of `kind`, if it is next."""
        if self.kinds[self.i] == kind:
            self.i += 1
            return True
        return False

    def word(self, ahead: int = 0) -> str:
        """The next token (or one further on) in capitals if it is a word without backticks,
        else ''."""
        index = self.i + ahead
        if self.kinds[index] in t.NAMES and self.text[self.starts[index]] != "`":
            return self.texts[index].upper()
        return ""

    def accept_words(self, *words: str) -> bool:
        """Skips these words (capitals), if exactly they are next."""
        for ahead, word in enumerate(words):
            if self.word(ahead) != word:
                return False
        self.i += len(words)
        return True

    def accept_one_of(self, *words: str) -> str:
        """Skips and returns the next word (capitals) if it is one of `words`, else ''."""
        word = self.word()
        if word and word in words:
            self.i += 1
            return word
        return ""

    def expect_words(self, *words: str, purpose: str = "") -> None:
        """Skips these words (capitals)."""
        for word in words:
            if self.word() != word:
                self.fail(word, purpose=purpose)
            self.i += 1

    def partner(self, index: int) -> int:
        """Index of the bracket that closes the one at `index`; of the end where none does."""
        if self._partners is None:
            self._partners = partners = {}
            open_: list[int] = []
            for at, kind in enumerate(self.kinds):
                if kind in _OPENING:
                    open_.append(at)
                elif open_ and kind == _OPENING[self.kinds[open_[-1]]]:
                    partners[open_.pop()] = at
        return self._partners.get(index, len(self.kinds) - 4)

    def is_last_bar(self) -> bool:
        """Whether the `|` that is next is the last before the bracket around it closes, and so,
        in a comprehension, the one before the projection: `[x IN xs WHERE x:A|B | x]`."""
        if self.i > self._last_bar:
            kinds = self.kinds
            at = self._last_bar = self.i
            while kinds[at] not in _CLOSING and kinds[at] != t.END:
                if kinds[at] in _OPENING:
                    at = self.partner(at)
                elif kinds[at] == "|":
                    self._last_bar = at
                at += 1
        return self.i == self._last_bar

    # --- names ----------------------------------------------------------------------------------

    def name_text(self, what: str) -> str:
        """Any name, keywords included, that a clear word does not rule out. `what` is what it
        names, for the error: `a property name`."""
        i = self.i
        kind = self.kinds[i]
        if kind not in t.NAMES or (kind in t.RESERVED and not self._follows(i + 1)):
            self.fail(what)
        self.i = i + 1
        return self.texts[i]

    def _follows(self, index: int) -> bool:
        return self.kinds[index] in t.AFTER_VALUE or self.kinds[index] in "({"

    def name(self, what: str) -> ast.Name:
        """A name that is no variable: any word at all."""
        i = self.i
        if self.kinds[i] not in t.NAMES:
            self.fail(what)
        self.i = i + 1
        return ast.Name(self.texts[i], start=self.starts[i], end=self.ends[i])

    def variable(self, what: str = "a variable") -> ast.Variable:
        """A variable where it is bound or named, not where it is read as a value."""
        i = self.i
        text = self.name_text(what)
        return ast.Variable(text, start=self.starts[i], end=self.ends[i])

    def property_name(self) -> ast.Name:
        """The key after a dot or in a map."""
        return self.name("a property name")

    def qualified_name(self, what: str) -> ast.QualifiedName:
        """Names joined by dots."""
        first = self.i
        parts = [self.name_text(what)]
        while self.kinds[self.i] == ".":
            self.i += 1
            parts.append(self.property_name().name)
        return ast.QualifiedName(tuple(parts), start=self.starts[first], end=self.ends[self.i - 1])

    def integer(self, what: str) -> int:
        """A literal whole number, where no expression may stand."""
        if self.kinds[self.i] != t.INTEGER:
            self.fail(what)
        self.i += 1
        return integer_value(self.texts[self.i - 1])

    # --- nesting and errors ---------------------------------------------------------------------

    def deeper(self) -> None:
        """Counts one more level of nesting. Errors leave the count as it is: they end it all."""
        self.depth += 1
        if self.depth > SHALLOW:
            self.check_depth()

    def check_depth(self) -> None:
        """Raises the error for too deep a nesting at the next token, if it is."""
        self.is_deep = True
        if self.depth > MAX_DEPTH:
            self.fail_with("nested too deeply")

    def fail(
        self, *expected: str, also: tuple[str, ...] = (), purpose: str = "", at: int | None = None
    ) -> NoReturn:
        """Raises the error that one of `expected` should stand at token `at` (the next one). The
        words in `also` may stand there too, but are only guessed from."""
        i = self.i if at is None else at
        kind = self.kinds[i]
        source = self.text[self.starts[i] : self.ends[i]]
        if kind in _BAD_TOKENS:
            message, code = _BAD_TOKENS[kind]
            self.fail_with(message.format(_excerpt(source)), at=i, code=code)
        advice = find_advice(self.kinds, self.texts, i)
        if advice is not None:
            self.fail_with(advice.message, at=i, suggestion=advice.suggestion)
        found = f"`{_excerpt(source)}`" if kind != t.END else "the end of the query"
        open_ = self._open_bracket(i) if _CLOSING & set(expected) else ""
        raise CypherSyntaxError(
            f"expected {phrase(expected)}{' ' * bool(purpose)}{purpose}, found {found}{open_}",
            self.text,
            self.starts[i],
            self.ends[i],
            expected=(*expected, *also),
            found=source,
            suggestion=nearest(source, (*expected, *also)) if kind in t.NAMES else "",
        )

    def _open_bracket(self, before: int) -> str:
        """Which bracket is still open at a token that no closing bracket would stand at."""
        if self.kinds[before] not in _AFTER_FORGOTTEN:
            return ""
        open_: list[int] = []
        for index in range(before):
            kind = self.kinds[index]
            if kind in _OPENING:
                open_.append(index)
            elif open_ and kind == _OPENING[self.kinds[open_[-1]]]:
                open_.pop()
        if not open_:
            return ""
        line, column = position(self.text, self.starts[open_[-1]])
        return f" (`{self.kinds[open_[-1]]}` of line {line}, column {column} is still open)"

    def fail_with(
        self,
        message: str,
        *,
        at: int | None = None,
        suggestion: str = "",
        code: str = "UnexpectedSyntax",
    ) -> NoReturn:
        """Raises an error in its own words at token `at` (the next one)."""
        i = self.i if at is None else at
        raise CypherSyntaxError(
            message,
            self.text,
            self.starts[i],
            self.ends[i],
            found=self.text[self.starts[i] : self.ends[i]],
            suggestion=suggestion,
            code=code,
        )


#: What is said of tokens that no query may hold, and the code of it.
_BAD_TOKENS = {
    t.UNTERMINATED: ("`{}` is never closed", "UnexpectedSyntax"),
    t.BAD_NUMBER: ("malformed number `{}`", "InvalidNumberLiteral"),
    t.BAD_CHARACTER: ("`{}` means nothing in Cypher", "InvalidUnicodeCharacter"),
    t.DASH: ("`{}` is a dash, no minus sign", "InvalidUnicodeCharacter"),
}
_CLOSING = frozenset(_OPENING.values())
#: Where one of these stands, a bracket before it was forgotten.
_AFTER_FORGOTTEN = t.CLAUSE_STARTS | _CLOSING | {t.END, ";", "UNION", "YIELD"}


def _excerpt(source: str) -> str:
    """At most 30 characters of one line."""
    line = " ".join(source.split())
    return line if len(line) <= 30 else f"{line[:29]}…"


def integer_value(text: str) -> int:
    """The value of an integer token: decimal, `0x…`, `0o…`, with underscores."""
    return int(text.replace("_", ""), 0)

"""The plain atoms: names, calls of functions, literals, parameters."""

from __future__ import annotations

import re
from typing import Final, Literal, Self

from heimdall_lang_cypher import ast
from heimdall_lang_cypher import tokens as t
from heimdall_lang_cypher.parsing.base import integer_value
from heimdall_lang_cypher.parsing.operators import OPERATOR_WORDS, OperatorParser

#: Beyond this many digits a number is refused here; below, a check says that it overflows.
_MOST_DIGITS: Final = 1000

_SURROGATES = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_BAD_ESCAPE: Final = "InvalidUnicodeLiteral"
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))|\\", re.DOTALL)
_ESCAPES: Final = {
    "\\": "\\", "'": "'", '"': '"', "`": "`",
    "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "/": "/",
}  # fmt: skip


class AtomParser(OperatorParser):
    """Parses names and literals."""

    __slots__ = ()

    def map_projection(self, variable: ast.Variable) -> ast.Expression:
        """`{.key, …}` after a variable."""
        raise NotImplementedError

    def within(self, start: int, end: int) -> Self:
        """A parser of that part of the text, at the same depth."""
        inner = type(self)(self.text, start, end)
        inner.depth = self.depth
        inner.deeper()
        return inner

    # --- names ----------------------------------------------------------------------------------

    def name_or_call(self) -> ast.Expression:
        """A variable, a map projection, or a call by a name that may hold dots."""
        kinds = self.kinds
        i = self.i
        following = kinds[i + 1]
        if following == "(":
            return self._call(i, 1)
        if following == ".":
            # `apoc.text.join(…)` is a call, `person.name` a property
            last = i + 2
            while kinds[last] in t.NAMES and kinds[last + 1] == ".":
                last += 2
            if kinds[last + 1] == "(" and kinds[last] in t.NAMES:
                return self._call(i, (last - i) // 2 + 1)
        self.i = i + 1
        variable = ast.Variable(self.texts[i], start=self.starts[i], end=self.ends[i])
        if following == "{":
            return self.map_projection(variable)
        return variable

    def _call(self, first: int, parts: int) -> ast.Expression:
        after = first + 2 * parts - 1
        name = ast.QualifiedName(
            tuple(self.texts[first:after:2]), start=self.starts[first], end=self.ends[after - 1]
        )
        self.i = after + 1
        return self.arguments(name)

    def arguments(
        self, name: ast.QualifiedName, first: ast.Expression | None = None
    ) -> ast.Expression:
        """The rest of a call, after its opening parenthesis, or after its `first` argument."""
        kinds = self.kinds
        kind = kinds[self.i]
        distinct = False
        arguments: list[ast.Expression] = []
        if first is not None:
            arguments.append(first)
        elif kind != ")":
            distinct = kind == "DISTINCT"
            if distinct or (kind == "ALL" and kinds[self.i + 1] not in ("(", *t.AFTER_VALUE)):
                self.i += 1
            arguments.append(self.expression())
        while kinds[self.i] == ",":
            self.i += 1
            arguments.append(self.expression())
        if kinds[self.i] != ")":
            self.fail_in_call(name)
        self.i += 1
        return ast.FunctionCall(
            name, tuple(arguments), distinct, start=name.start, end=self.ends[self.i - 1]
        )

    def fail_in_call(self, name: ast.QualifiedName) -> None:
        """Says what is wrong before a missing `)`."""
        word = name.text.lower()
        if word in ("filter", "extract") and self.kinds[self.i] in ("WHERE", "|"):
            self.fail_with(
                f"`{word}()` is no longer part of Cypher; write a list comprehension",
                suggestion="[x IN list WHERE … | …]",
            )
        self.fail(",", ")", also=OPERATOR_WORDS, purpose=f"in the arguments of {name.text}()")

    # --- literals and parameters ----------------------------------------------------------------

    def integer_atom(self) -> ast.Expression:
        """A whole number."""
        i = self.i
        self.i = i + 1
        text = self.texts[i]
        if len(text) > _MOST_DIGITS:
            self.fail_with(f"a number of {len(text)} digits", at=i)
        return ast.IntegerLiteral(integer_value(text), start=self.starts[i], end=self.ends[i])

    def float_atom(self) -> ast.Expression:
        """A number with a point or exponent."""
        i = self.i
        self.i = i + 1
        text = self.texts[i]
        value = float(text)
        return ast.FloatLiteral(value, text, start=self.starts[i], end=self.ends[i])

    def string(self) -> ast.StringLiteral:
        """A string literal."""
        i = self.i
        if self.kinds[i] != t.STRING:
            self.fail("a string")
        self.i = i + 1
        text = self.texts[i]
        value = text[1:-1] if "\\" not in text else self._unescape(text[1:-1], i)
        return ast.StringLiteral(value, start=self.starts[i], end=self.ends[i])

    def _unescape(self, body: str, i: int) -> str:
        def character(match: re.Match[str]) -> str:
            short, long, single = match.groups()
            if short or long:
                code = int(short or long, 16)
                if code > 0x10FFFF:
                    self.fail_with(f"`{match[0]}` is beyond Unicode", at=i, code=_BAD_ESCAPE)
                return chr(code)
            if single in _ESCAPES:
                return _ESCAPES[single]
            if single in ("u", "U"):
                digits = 4 if single == "u" else 8
                message = f"`\\{single}` needs {digits} hexadecimal digits"
                self.fail_with(message, at=i, code=_BAD_ESCAPE)
            return self._other_escape(match[0], i)

        value = _ESCAPE.sub(character, body)
        # Two \u escapes may spell one character of the higher planes.
        return _SURROGATES.sub(
            lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), value
        )

    def _other_escape(self, escape: str, i: int) -> str:
        """Neo4j keeps the backslash of an escape that it does not know."""
        return escape

    def interpolated(self) -> ast.Expression:
        """`s'text {expression}'`: the token's text is cut by hand, expressions parsed apart."""
        i = self.i
        self.i = i + 1
        text, base = self.texts[i], self.starts[i]
        parts: list[ast.Expression] = []
        at = begin = 2
        while at < len(text):
            character = text[at]
            if character == "\\":
                at += 2
                continue
            if (character == "{" or at == len(text) - 1) and at > begin:
                value = self._unescape(text[begin:at], i)
                parts.append(ast.StringLiteral(value, start=base + begin, end=base + at))
            if character == "{":
                inner = self.within(base + at + 1, self.ends[i] - 1)
                parts.append(inner.expression())
                inner.expect("}", "to close the expression in the string")
                at = begin = inner.ends[inner.i - 1] - base
            else:
                at += 1
        return ast.InterpolatedString(tuple(parts), start=base, end=self.ends[i])

    def true_atom(self) -> ast.Expression:
        """`true`."""
        i = self.i
        self.i = i + 1
        return ast.BooleanLiteral(True, start=self.starts[i], end=self.ends[i])

    def false_atom(self) -> ast.Expression:
        """`false`."""
        i = self.i
        self.i = i + 1
        return ast.BooleanLiteral(False, start=self.starts[i], end=self.ends[i])

    def null_atom(self) -> ast.Expression:
        """`null`."""
        i = self.i
        self.i = i + 1
        return ast.NullLiteral(start=self.starts[i], end=self.ends[i])

    def constant_atom(self) -> ast.Expression:
        """`INF`, `NAN`."""
        if self.kinds[self.i + 1] in ("(", ".", "{"):
            return self.name_or_call()
        i = self.i
        self.i = i + 1
        name: Literal["INF", "NAN"] = "NAN" if self.kinds[i] == "NAN" else "INF"
        return ast.ConstantLiteral(name, start=self.starts[i], end=self.ends[i])

    def parameter(self) -> ast.Parameter:
        """`$name`, `$1`, `` $`odd name` ``."""
        i = self.i
        start = self.starts[i]
        if self.kinds[i] == t.PARAMETER:
            self.i = i + 1
            return ast.Parameter(self.texts[i][1:], start=start, end=self.ends[i])
        self.expect("$")
        if self.kinds[i + 1] not in t.NAMES and self.kinds[i + 1] != t.INTEGER:
            self.fail("a parameter name", purpose="after `$`")
        self.i = i + 2
        return ast.Parameter(self.texts[i + 1], start=start, end=self.ends[i + 1])

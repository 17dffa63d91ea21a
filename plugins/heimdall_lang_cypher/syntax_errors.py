"""The one error that a text which is not Cypher leads to, and the guess at what was meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import frozen

from heimdall_core.errors import HeimdallError
from heimdall_core.types import Finding
from heimdall_lang_cypher.lexer import position


class CypherSyntaxError(HeimdallError):
    """Text that is not Cypher: what was expected where, what stands there, what was likely meant.

    `expected` holds the words and signs that could stand there, and phrases such as
    `an expression`; `found` is the source of the token there, empty at the end of the text.
    Lines and columns count from 1, offsets from 0, in characters. `code` is the openCypher TCK's
    name for it: `UnexpectedSyntax`, `InvalidNumberLiteral`, `InvalidUnicodeLiteral` …
    """

    exit_code = 1

    def __init__(
        self,
        message: str,
        text: str,
        offset: int,
        end: int,
        *,
        expected: tuple[str, ...] = (),
        found: str = "",
        suggestion: str = "",
        code: str = "UnexpectedSyntax",
    ) -> None:
        self.code = code
        self.text, self.offset, self.end = text, offset, end
        self.line, self.column = position(text, offset)
        self.end_line, self.end_column = position(text, end)
        self.expected, self.found, self.suggestion = expected, found, suggestion
        hint = f"did you mean `{suggestion}`?" if suggestion else ""
        super().__init__(message, where=f"line {self.line}, column {self.column}", hint=hint)

    def finding(self) -> Finding:
        """The error as a finding of kind `syntax`."""
        return Finding(
            code=self.code,
            severity="error",
            message=self.message,
            line=self.line,
            column=self.column,
            end_line=self.end_line,
            end_column=self.end_column,
            kind="syntax",
            suggestion=self.suggestion,
        )

    def caret(self) -> str:
        """The line of the error with `^` under what is wrong, for a terminal. Long lines are cut
        to the part around it."""
        start = self.text.rfind("\n", 0, self.offset) + 1
        stop = self.text.find("\n", self.offset)
        line = self.text[start:] if stop < 0 else self.text[start:stop]
        column = self.offset - start
        first = max(0, column - 80)
        shown = line[first : column + 80].replace("\t", " ").rstrip("\r")
        width = max(1, min(self.end - self.offset, len(shown) - (column - first)))
        return f"{shown}\n{' ' * (column - first)}{'^' * width}"


def nearest(word: str, words: Iterable[str]) -> str:
    """The one of `words` (capitals) that `word` was most likely meant to be, or ''.

    >>> nearest("RETRUN", ["RETURN", "REMOVE"])
    'RETURN'
    """
    wanted = word.upper()
    candidates = sorted({each for each in words if each.isalpha() and each.isupper()})
    if len(wanted) < 2 or wanted in candidates:
        return ""
    distances = {each: _distance(wanted, each) for each in candidates}
    allowed = 1 if len(wanted) < 6 else 2
    best = min(candidates, key=lambda each: distances[each], default="")
    if best and distances[best] <= min(allowed, len(best) // 2):
        return best
    # A blank that is missing: `ORDERBY`, `STARTSWITH`.
    glued = [each for each in candidates if len(each) > 3 and wanted.startswith(each)]
    return max(glued, key=len, default="")


def _distance(one: str, other: str) -> int:
    """How many letters must be changed, put in, left out or swapped with the next."""
    if abs(len(one) - len(other)) > 2:
        return 3
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        two_before, before, row = before, row, [i]
        for j, another in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != another))
            if i > 1 and j > 1 and letter == other[j - 2] and another == one[i - 2]:
                cost = min(cost, two_before[j - 2] + 1)
            row.append(cost)
    return row[-1]


@frozen
class Advice:
    """What to say about a mistake that many make."""

    message: str
    suggestion: str = ""


def find_advice(kinds: Sequence[str], texts: Sequence[str], i: int) -> Advice | None:
    """What to say about the token that was not expected, where it is a well-known mistake:
    mostly SQL, other languages' operators, and older Cypher."""
    kind, word, following = kinds[i], texts[i].upper(), kinds[i + 1]
    previous = kinds[i - 1] if i else ""
    if kind == "NOT" and following in ("IN", "CONTAINS", "STARTS", "ENDS"):
        return Advice(f"`NOT` stands before the whole test: `NOT x {following} …`")
    if kind == "=" and previous == "=":
        return Advice("values are compared with one `=`", "=")
    if kind == "&" and (previous == "&" or following == "&"):
        return Advice("conditions are joined with `AND`", "AND")
    if kind == "!" and following != "=":
        return Advice("a condition is negated with `NOT`", "NOT")
    if kind == ">" and previous == "-":
        return Advice("an arrow without brackets is written `-->`", "-->")
    if word in _FOREIGN_WORDS and kind == "name":
        return _FOREIGN_WORDS[word]
    if kind == "(" and i >= 2 and previous == "{" and texts[i - 2].lower() == "size":
        return Advice("what a pattern finds is counted with `COUNT { … }`", "COUNT")
    return None


_FOREIGN_WORDS = {
    "HAVING": Advice("Cypher has no `HAVING`: filter with `WITH … WHERE …`", "WITH … WHERE"),
    "SELECT": Advice("Cypher has no `SELECT`: it ends with `RETURN`", "RETURN"),
    "LIKE": Advice("Cypher has no `LIKE`", "CONTAINS"),
    "BETWEEN": Advice("Cypher has no `BETWEEN`: write `a <= x <= b`", "a <= x <= b"),
    "ELSEIF": Advice("further cases are written with `WHEN … THEN …`", "WHEN"),
}


def phrase(expected: Iterable[str]) -> str:
    """`a`, `b` or an expression: words and signs in backticks, phrases (with a blank) bare."""
    quoted = [each if " " in each and each[0].islower() else f"`{each}`" for each in expected]
    if len(quoted) < 2:
        return "".join(quoted)
    return f"{', '.join(quoted[:-1])} or {quoted[-1]}"

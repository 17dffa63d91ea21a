"""What is said about a text that is not Cypher, and where."""

from __future__ import annotations

import pytest

from heimdall_lang_cypher.parser import parse
from heimdall_lang_cypher.syntax_errors import CypherSyntaxError, nearest, phrase


def error(text: str) -> CypherSyntaxError:
    with pytest.raises(CypherSyntaxError) as caught:
        parse(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("MATCH (n RETURN n", 1, 10, "expected `)` to close the node pattern, found `RETURN`"),
        ("MATCH (n:A\nWHERE n.x > 1\nRETURN n", 2, 1, "expected `)` to close the node pattern"),
        ("MATCH (a)-[:X->(b)", 1, 14, "expected `]` to close the relationship pattern, found `-`"),
        ("MATCH (a)-[:X]>(b)", 1, 15, "expected `-` after the relationship, found `>`"),
        ("MATCH (a)->(b) RETURN a", 1, 11, "an arrow without brackets is written `-->`"),
        ("MATCH ((a)-->(b) RETURN a", 1, 7, "this `(` is never closed"),
        ("RETURN n.x n.y", 1, 12, "expected `,`, `AS`, `ORDER BY`, `SKIP`, `LIMIT` or the end"),
        ("MATCH (n) RETURN", 1, 17, "expected an expression, found the end of the query"),
        ("MATCH (n)\nWHERE RETURN n", 2, 7, "expected an expression, found `RETURN`"),
        ("MATCH (n) WHERE n. = 1 RETURN n", 1, 20, "expected a property name, found `=`"),
        ("RETURN f(1", 1, 11, "expected `,` or `)` in the arguments of f()"),
        ("RETURN [1, 2", 1, 13, "(`[` of line 1, column 8 is still open)"),
        ("RETURN {a 1}", 1, 11, "expected `:` between `a` and its value, found `1`"),
        ("RETURN 'abc", 1, 8, "`'abc` is never closed"),
        ("RETURN 12ab", 1, 8, "malformed number `12ab`"),
        ("RETURN 1 ? 2", 1, 10, "found `?`"),
        ("RETURN 1 — 2", 1, 10, "is a dash, no minus sign"),
        ("MATCH (n)\nRETURN n\nLIMIT", 3, 6, "expected an expression"),
        ("MATCH (n) ORDER n.x RETURN n", 1, 17, "expected `BY` after ORDER, found `n`"),
        ("RETURN CASE WHEN a THEN b", 1, 26, "expected `WHEN`, `ELSE` or `END` in CASE"),
        ("RETURN 1; RETRUN 2", 1, 11, "expected a clause such as MATCH or RETURN"),
        ("MATCH (n) WHERE EXISTS { (n)-->() AND (n)<--() } RETURN n", 1, 35, "each in its own"),
        ("RETURN x IN", 1, 12, "expected an expression"),
        ("RETURN [x IN xs y]", 1, 17, "expected `WHERE`, `|` or `]` in the list comprehension"),
        ("RETURN [x IN xs WHERE a y]", 1, 25, "expected `|` or `]` in the list comprehension"),
        ("MATCH (n:A y) RETURN n", 1, 12, "expected `{`, `WHERE` or `)` in the node pattern"),
        ("MATCH (n y) RETURN n", 1, 10, "expected `:`, `{`, `WHERE` or `)` in the node pattern"),
        ("MATCH (n {x: 1} y) RETURN n", 1, 17, "expected `WHERE` or `)` in the node pattern"),
        ("MATCH (1) RETURN 1", 1, 8, "expected a variable, `:`, `{`, `WHERE` or `)` in the node"),
        ("MATCH (n) WHERE n.x NOT IN [1] RETURN n", 1, 21, "`NOT` stands before the whole test"),
        ("MATCH (n) WHERE n.x NOT n.y RETURN n", 1, 21, "found `NOT`"),
        ("UNWIND [1] RETURN 1", 1, 12, "expected `AS` after the list of UNWIND"),
        ("", 1, 1, "expected a statement such as MATCH … RETURN …, found the end of the query"),
    ],
)
def test_one_precise_message(text: str, line: int, column: int, message: str) -> None:
    found = error(text)
    assert message in found.message
    assert (found.line, found.column) == (line, column)
    assert "\n" not in str(found)


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("RETRUN 1", "RETURN"),
        ("MTACH (n) RETURN n", "MATCH"),
        ("MATCH (n) WHER n.x = 1 RETURN n", "WHERE"),
        ("MATCH (n) RETURN n ODER BY n.x", "ORDER"),
        ("MATCH (n) RETURN n LIMT 5", "LIMIT"),
        ("MATCH (n) RETURN n ORDERBY n.x", "ORDER"),
        ("MATCH (n) WHERE n.x CONTIANS 'a' RETURN n", "CONTAINS"),
        ("MATCH (n) WHERE n.x IS NOT NUL RETURN n", "NULL"),
        ("MATCH (n) WHERE n.x IS NULLL RETURN n", "NULL"),
        ("MATCH (n) WHERE n.x == 1 RETURN n", "="),
        ("MATCH (n) WHERE n.x = 1 && n.y = 2 RETURN n", "AND"),
        ("MATCH (n) WHERE !n.x RETURN n", "NOT"),
        ("MATCH (n) WHERE n.x LIKE 'a' RETURN n", "CONTAINS"),
        ("MATCH (n) WHERE n.x BETWEEN 1 AND 2 RETURN n", "a <= x <= b"),
        ("MATCH (n) RETURN count(n) HAVING count(n) > 1", "WITH … WHERE"),
        ("SELECT * FROM n", "RETURN"),
        ("MATCH (n) WHERE size{(n)-->()} > 1 RETURN n", "COUNT"),
        ("RETURN filter(x IN [1] WHERE x > 0)", "[x IN list WHERE … | …]"),
        ("CREATE BTREE INDEX FOR (n:A) ON (n.x)", "RANGE"),
        ("USING PERIODIC COMMIT LOAD CSV FROM 'f' AS x RETURN x", ""),
        # a name where `AS` is missing is no misspelt keyword
        ("MATCH (n) RETURN n.x user", ""),
        ("MATCH (n) RETURN n.x character", ""),
    ],
)
def test_what_was_likely_meant(text: str, suggestion: str) -> None:
    assert error(text).suggestion == suggestion


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("RETURN )", "UnexpectedSyntax"),
        ("RETURN 9223372h54775808", "InvalidNumberLiteral"),
        (r"RETURN '\uH'", "InvalidUnicodeLiteral"),
        ("RETURN 42 — 41", "InvalidUnicodeCharacter"),
    ],
)
def test_codes(text: str, code: str) -> None:
    finding = error(text).finding()
    assert (finding.code, finding.kind, finding.severity) == (code, "syntax", "error")


def test_finding_and_caret() -> None:
    found = error("MATCH (n)\nRETURN n.x AS, 2")
    finding = found.finding()
    assert (finding.line, finding.column) == (2, 14)
    assert (finding.end_line, finding.end_column) == (2, 15)
    assert found.caret() == "RETURN n.x AS, 2\n             ^"
    assert found.expected == ("a name after AS",)
    assert found.found == ","
    assert str(found) == "line 2, column 14: expected a name after AS, found `,`"
    with_hint = error("RETRUN 1")
    assert str(with_hint).endswith("; did you mean `RETURN`?")
    assert with_hint.caret() == "RETRUN 1\n^^^^^^"


def test_caret_of_a_long_line_shows_the_part_around_it() -> None:
    found = error(f"RETURN {'1 + ' * 200}) + 2")
    line, marks = found.caret().split("\n")
    assert len(line) <= 160
    assert line[marks.index("^")] == ")"


def test_nearest_needs_a_near_word() -> None:
    assert nearest("RETRUN", ["RETURN", "REMOVE"]) == "RETURN"
    assert nearest("banana", ["RETURN", "REMOVE"]) == ""
    assert nearest("RETURN", ["RETURN"]) == ""
    assert nearest("x", ["IS"]) == ""


def test_phrase() -> None:
    assert phrase(["`"]) == "```"
    assert phrase([",", "WHERE", "an expression"]) == "`,`, `WHERE` or an expression"

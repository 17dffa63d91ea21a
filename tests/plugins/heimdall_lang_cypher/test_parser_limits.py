"""Nesting, size and junk: an answer or a `CypherSyntaxError`, soon, whatever the text."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random

import pytest

from heimdall_lang_cypher.lexer import tokenize
from heimdall_lang_cypher.parser import parse
from heimdall_lang_cypher.printer import print_query
from heimdall_lang_cypher.syntax_errors import CypherSyntaxError
from heimdall_lang_cypher.visitor import transform

NESTED = [
    ("RETURN ", "(", "1", ")"),
    ("RETURN ", "[", "1", "]"),
    ("RETURN ", "{a: ", "1", "}"),
    ("RETURN ", "NOT ", "true", ""),
    ("RETURN ", "- ", "1", ""),
    ("RETURN ", "f(", "1", ")"),
    ("RETURN ", "2 ^ (", "1", ")"),
    ("RETURN ", "CASE WHEN ", "1", " THEN 1 END"),
    ("RETURN ", "EXISTS { MATCH (n) WHERE ", "true", " }"),
    ("RETURN ", "EXISTS { (n) WHERE ", "true", " }"),
    ("RETURN ", "COLLECT { RETURN ", "1", " }"),
    ("RETURN ", "[(a {x: ", "1", "})-->() | 1]"),
    ("RETURN ", "[x IN ", "[]", " WHERE true | 1]"),
    ("RETURN ", "reduce(a = 1, x IN ", "[]", " | 1)"),
    ("RETURN ", "trim(", "1", ")"),
    ("RETURN ", "(1 OR 2 AND NOT 3 = 4 + 5 * 6 ^ -", "1", ")"),
    ("RETURN ", "(", "1", " ^ 1 * 1 + 1 IS NULL = 1 AND 1 XOR 1 OR 1)"),
    ("RETURN a", ".b", "", ""),
    ("RETURN a", "[0]", "", ""),
    ("RETURN x IS :: ", "LIST<", "INT", ">"),
    ("MATCH (n:", "(", "A", ")) RETURN n"),
    ("MATCH (n:", "!", "A) RETURN n", ""),
    ("MATCH ", "(", "(a)-->(b)", ") RETURN 1"),
    ("", "CALL { ", "RETURN 1 AS x", " }"),
    ("", "FOREACH (x IN [1] | ", "CREATE (a)", ")"),
    ("", "{ ", "RETURN 1", " }"),
]

LONG = [
    "RETURN " + " AND ".join(["n.x = 1"] * 12_000),
    "RETURN " + " + ".join(["1"] * 30_000),
    "RETURN [" + ", ".join(["1"] * 30_000) + "]",
    "CREATE (a)-[:R {x: 1}]->(b)\n" * 3_500,
    " UNION ".join(["RETURN 1 AS x"] * 5_000),
    "RETURN 1; " * 10_000,
    "MATCH (a)" + "-->()" * 20_000 + " RETURN a",
    "MATCH (n:" + "|".join(["A"] * 50_000) + ") RETURN n",
    "RETURN [x IN xs WHERE x:" + "|".join(["A"] * 40_000) + " | 1]",
    "RETURN " + ", ".join(["[x IN [1, 2] WHERE x > 1 | x]"] * 3_500),
    "RETURN " + ", ".join(["(a)-[1]"] * 11_000),
    "RETURN " + ", ".join(["[x IN " * 30 + "[1]" + "]" * 30] * 400),
    "RETURN " + "s'{1}' + " * 11_000 + "1",
    "RETURN " + "(" * 100_000,
    "RETURN " + "[x IN " * 16_000,
    "RETURN " + "{" * 100_000,
]


@pytest.mark.parametrize(("before", "opening", "inner", "closing"), NESTED)
def test_deep_nesting_is_refused_in_one_line(
    before: str, opening: str, inner: str, closing: str
) -> None:
    text = before + opening * 10_000 + inner + closing * 10_000
    with pytest.raises(CypherSyntaxError, match="nested too deeply"):
        parse(text)


@pytest.mark.parametrize(("before", "opening", "inner", "closing"), NESTED)
def test_what_is_accepted_can_be_walked_by_recursion(
    before: str, opening: str, inner: str, closing: str
) -> None:
    deepest, refused = 0, ""
    for depth in (5, 10, 14, 20, 30, 45, 60, 80, 130):
        # A label's or a path's last parenthesis closes the node.
        head, tail = closing[:1], closing[1:]
        repeated = head * depth + tail if " RETURN" in closing else closing * depth
        try:
            tree = parse(before + opening * depth + inner + repeated)
        except CypherSyntaxError as error:
            refused = error.message
            continue
        deepest = depth
        assert parse(print_query(tree)) == tree
        assert transform(tree, lambda node: node) == tree
        assert hash(tree) == hash(parse(print_query(tree, pretty=True)))
        assert repr(tree)
    assert deepest >= 10
    assert refused == "nested too deeply"


@pytest.mark.parametrize("text", LONG, ids=lambda text: text[:30])
def test_long_texts_take_linear_time(text: str) -> None:
    started = time.process_time()
    try:
        tree = parse(text)
    except CypherSyntaxError:
        tree = None
    # 0.15 s on the slowest; quadratic time would be minutes
    assert time.process_time() - started < 5
    if tree is not None:
        assert print_query(tree)
        assert time.process_time() - started < 10


PIECES = """
MATCH OPTIONAL WHERE RETURN WITH UNWIND CREATE MERGE SET REMOVE DELETE CALL YIELD FOREACH UNION ALL
ORDER BY SKIP LIMIT AS AND OR XOR NOT IN IS NULL CASE WHEN THEN ELSE END EXISTS COUNT COLLECT ON
SHORTEST ANY shortestPath reduce trim normalize vector SHOW INDEXES INDEX CONSTRAINT FOR REQUIRE
DROP GRANT USE LOAD CSV FROM STARTS ENDS CONTAINS DISTINCT LET FILTER NEXT :: TYPED INTEGER LIST <
n m x `a b` `` 1 2.5 0x 'a' "b" 'open $p $ $( ( ) [ ] { } , : ; . .. = <> <= >= =~ += + - * / % ^ |
|| & ! ? -> <- --> <-- s'{ s'a{1}' // /* */ \\ @ # ~ é \u0301 \u2014 \x00 \ud800 🙂 :use EXPLAIN
""".split()  # noqa: SIM905 (a list of 150 literals is no easier to read)


def _junk(random: Random, seeds: list[str]) -> str:
    """A random row of words and signs, or a construct with some of its tokens changed, or one
    with some of its characters changed."""
    kind = random.randrange(3)
    if kind == 0:
        blank = random.choice([" ", "", "\n"])
        return blank.join(random.choices(PIECES, k=random.randint(1, 25)))
    text = random.choice(seeds)
    for _ in range(random.randint(1, 3)):
        if kind == 1:
            found = tokenize(text)
            index = random.randrange(len(found.kinds) - 3)
            start, end = found.starts[index], found.ends[index]
            piece = random.choice(["", random.choice(PIECES), text[start:end] * 2])
            text = f"{text[:start]} {piece} {text[end:]}"
        else:
            at = random.randrange(len(text) + 1)
            character = chr(random.choice([random.randrange(128), random.randrange(0x11000)]))
            text = text[:at] + random.choice(["", character]) + text[at + random.randrange(2) :]
    return text


@pytest.mark.parametrize("seed", range(8))
def test_junk_leads_to_no_other_exception(seed: int) -> None:
    random = Random(seed)
    path = Path(__file__).parent / "every_construct.cypher"
    seeds = [line for line in path.read_text("utf-8").splitlines() if line.strip()]
    accepted = 0
    errors = []
    for _ in range(700):
        text = _junk(random, seeds)
        try:
            tree = parse(text)
        except CypherSyntaxError as error:
            errors.append(error)
            continue
        accepted += 1
        printed = print_query(tree)
        assert parse(printed) == tree, (text, printed)
    assert accepted > 20
    for error in errors:
        assert 0 <= error.offset <= error.end <= len(error.text)
        assert error.caret()

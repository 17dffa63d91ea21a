"""Text to tokens."""

from __future__ import annotations

import time

import pytest

from heimdall_lang_cypher import tokens as t
from heimdall_lang_cypher.lexer import comments, position, tokenize


def pairs(text: str) -> list[tuple[str, str]]:
    """Kind and text of each token, without the ends."""
    found = tokenize(text)
    return list(zip(found.kinds, found.texts, strict=True))[:-4]


def test_kinds_of_an_ordinary_query() -> None:
    assert pairs("Match (n:Äpfel {a: 1.5})-[*1..3]->() // rest\nRETURN $p <> 'x'") == [
        ("MATCH", "Match"),
        ("(", "("),
        (t.NAME, "n"),
        (":", ":"),
        (t.NAME, "Äpfel"),
        ("{", "{"),
        (t.NAME, "a"),
        (":", ":"),
        (t.FLOAT, "1.5"),
        ("}", "}"),
        (")", ")"),
        ("-", "-"),
        ("[", "["),
        ("*", "*"),
        (t.INTEGER, "1"),
        ("..", ".."),
        (t.INTEGER, "3"),
        ("]", "]"),
        ("-", "-"),
        (">", ">"),
        ("(", "("),
        (")", ")"),
        ("RETURN", "RETURN"),
        (t.PARAMETER, "$p"),
        ("<>", "<>"),
        (t.STRING, "'x'"),
    ]


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("0", t.INTEGER),
        ("42", t.INTEGER),
        ("1_000", t.INTEGER),
        ("0x1F", t.INTEGER),
        ("0xFF_FF", t.INTEGER),
        ("0o17", t.INTEGER),
        ("1.5", t.FLOAT),
        (".5", t.FLOAT),
        ("1e3", t.FLOAT),
        ("1.5E-3", t.FLOAT),
        ("6e+1_0", t.FLOAT),
        ("00.5", t.FLOAT),
        ("007", t.BAD_NUMBER),
        ("0x", t.BAD_NUMBER),
        ("0xG", t.BAD_NUMBER),
        ("0o8", t.BAD_NUMBER),
        ("1__0", t.BAD_NUMBER),
        ("1_", t.BAD_NUMBER),
        ("12ab", t.BAD_NUMBER),
        ("1.5f", t.BAD_NUMBER),
        ("9223372h54775808", t.BAD_NUMBER),
    ],
)
def test_numbers_are_one_token_good_or_bad(number: str, kind: str) -> None:
    assert pairs(f"({number})")[1:-1] == [(kind, number)]


def test_names_in_backticks_lose_them() -> None:
    assert pairs("`a``b` `` `MATCH`") == [(t.NAME, "a`b"), (t.NAME, ""), (t.NAME, "MATCH")]


def test_names_with_combining_marks_and_currency() -> None:
    decomposed = "e\u0301tage"
    assert pairs(f"{decomposed} a€b हिन्दी") == [
        (t.NAME, decomposed),
        (t.NAME, "a€b"),
        (t.NAME, "हिन्दी"),
    ]


def test_letters_whose_capital_is_ascii_spell_no_keyword() -> None:
    # U+017F is a letter whose capital is `S`
    assert pairs("\u017fet") == [(t.NAME, "\u017fet")]


def test_strings_keep_escapes_and_quotes_of_the_other_kind() -> None:
    assert pairs(r"""'it\'s' "say 'x'" ''""") == [
        (t.STRING, r"'it\'s'"),
        (t.STRING, "\"say 'x'\""),
        (t.STRING, "''"),
    ]


def test_prefixed_strings_hold_expressions() -> None:
    assert pairs("s'a {x['b']} c' S\"d\" as 's'") == [
        (t.INTERPOLATED, "s'a {x['b']} c'"),
        (t.INTERPOLATED, 'S"d"'),
        ("AS", "as"),
        (t.STRING, "'s'"),
    ]


@pytest.mark.parametrize("opening", ["'", '"', "`", "/*", "s'"])
def test_what_is_never_closed_takes_the_rest(opening: str) -> None:
    assert pairs(f"RETURN {opening}x = 1")[1:] == [(t.UNTERMINATED, f"{opening}x = 1")] or (
        opening == "`" and pairs(f"RETURN {opening}x = 1")[1][0] == t.UNTERMINATED
    )


def test_comments_are_left_out_but_can_be_found() -> None:
    text = "RETURN /* a */ 1 // b\n+ 2 / 3"
    assert [token for _, token in pairs(text)] == ["RETURN", "1", "+", "2", "/", "3"]
    assert [text[start:end] for start, end in comments(text)] == ["/* a */", "// b"]


def test_arrows_beyond_ascii() -> None:
    kinds = [kind for kind, _ in pairs("(a)⟨—[r]–⟩(b)")]
    assert kinds[3:5] == [t.LEFT_HEAD, t.DASH]
    assert kinds[8:10] == [t.DASH, t.RIGHT_HEAD]


def test_positions_count_characters_from_one() -> None:
    text = "ab\n\U0001f600 x\r\ny"
    assert position(text, 0) == (1, 1)
    assert position(text, text.index("x")) == (2, 3)
    assert position(text, text.index("y")) == (3, 1)
    found = tokenize("ä\n bc")
    assert (found.starts[1], found.ends[1]) == (3, 5)


@pytest.mark.parametrize(
    "piece",
    [
        "'\\",
        "/*",
        "s'{",
        "`",
        "s'{a",
        "1_",
        "1.e",
        "$",
        "x'",
        "\u0301",
        "{",
        "1e",
        "/",
        "\x00",
        "🙂",
    ],
)
def test_time_grows_with_the_text_alone(piece: str) -> None:
    tokenize(piece * 10)
    started = time.process_time()
    tokenize(piece * 30_000)
    assert time.process_time() - started < 2

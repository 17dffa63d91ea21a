"""The lexical reader of Go sources."""

from __future__ import annotations

import pytest

from heimdall_repo_nornicdb.checkout.golang import (
    arguments,
    calls,
    function_body,
    joined_string,
    line_of,
    tokens,
    unquote,
)


def _texts(source: str) -> list[tuple[str, str]]:
    return [(t.kind, t.text) for t in tokens(source)]


def test_strings_comments_and_runes_are_told_apart() -> None:
    source = 'a := "x // y" // "z"\nb := `q "w" // e` /* `"` */\nc := \'"\'\n'
    assert [t for k, t in _texts(source) if k == "string"] == ["x // y", 'q "w" // e']
    assert [t for k, t in _texts(source) if k == "rune"] == ["'\"'"]


def test_a_back_tick_in_a_string_opens_no_raw_string() -> None:
    found = [t for k, t in _texts('f("a ` b", `c "d`, "e")') if k == "string"]
    assert found == ["a ` b", 'c "d', "e"]


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        (r'"a\tb"', "a\tb"),
        (r'"\""', '"'),
        (r'"\\n"', "\\n"),
        (r'"→"', "→"),
        (r'"\x41\101"', "AA"),
        (r'"\ud800"', "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_escapes(literal: str, value: str) -> None:
    assert unquote(literal) == value


@pytest.mark.parametrize(
    "source", ["", '"open', "`open", "/* open", "func f(", "func", "'", "\x00\x01", "f(((", "])}"]
)
def test_any_text_is_read(source: str) -> None:
    tokens(source)
    function_body(tokens(source), "f")
    for at in calls(tokens(source), "f"):
        arguments(tokens(source), at)


def test_the_body_of_a_method_with_braces_in_its_signature() -> None:
    source = "func (r *T) f(m map[string]interface{}) interface{} { return g(1) }\nfunc h() { f() }"
    assert [t.text for t in function_body(tokens(source), "f")] == ["return", "g", "(", "1", ")"]
    assert [t.text for t in function_body(tokens(source), "h")] == ["f", "(", ")"]
    assert list(function_body(tokens(source), "absent")) == []


def test_arguments_and_joined_strings() -> None:
    found = tokens('strings.Contains(upper, "A" + "B", g(1, 2), []int{3, 4})')
    [at] = calls(found, "strings.Contains")
    parts = arguments(found, at)
    assert [joined_string(p) for p in parts] == [None, "AB", None, None]
    assert len(parts) == 4


def test_lines_begin_at_one() -> None:
    assert line_of("a\nb\nc", 4) == 3
    assert line_of("a", 0) == 1

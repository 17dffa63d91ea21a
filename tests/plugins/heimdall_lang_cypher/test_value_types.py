"""Static types: joining, elements of lists, names."""

from __future__ import annotations

import pytest

from heimdall_lang_cypher.value_types import (
    ANY,
    BOOLEAN,
    FLOAT,
    INTEGER,
    NODE,
    NULL,
    NUMBER,
    PROPERTY,
    STRING,
    ZONED_DATETIME,
    describe,
    element_of,
    join,
    list_of,
    parse_type,
)


def test_lists_remember_their_elements_at_any_depth() -> None:
    nested = list_of(list_of(NODE))
    assert element_of(element_of(nested)) == NODE
    assert element_of(list_of(ANY)) == ANY
    assert element_of(INTEGER) == ANY


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (INTEGER, INTEGER, INTEGER),
        (INTEGER, FLOAT, NUMBER),
        (INTEGER, STRING, ANY),
        (NULL, STRING, STRING),
        (STRING, NULL, STRING),
        (list_of(INTEGER), list_of(FLOAT), list_of(NUMBER)),
        (list_of(INTEGER), list_of(STRING), list_of(ANY)),
        (list_of(INTEGER), INTEGER, ANY),
    ],
)
def test_join_keeps_one_kind_and_gives_up_on_two(left: int, right: int, expected: int) -> None:
    assert join(left, right) == expected


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (INTEGER, "Integer"),
        (NUMBER, "Integer or Float"),
        (BOOLEAN | STRING | NODE, "Boolean, String or Node"),
        (list_of(NODE), "List<Node>"),
        (list_of(ANY), "List"),
        (ANY, "Any"),
        (NULL, "Null"),
        (PROPERTY, "a property value"),
    ],
)
def test_describe_names_the_kinds(type_: int, text: str) -> None:
    assert describe(type_) == text


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("STRING", STRING),
        ("integer?", INTEGER),
        ("INTEGER NOT NULL", INTEGER),
        ("DATE_TIME", ZONED_DATETIME),
        ("ZONED DATETIME", ZONED_DATETIME),
        ("INTEGER | FLOAT", NUMBER),
        ("LIST<STRING>", list_of(STRING)),
        ("LIST? OF INTEGER?", list_of(INTEGER)),
        ("STRING | LIST<STRING>", STRING | list_of(STRING)),
        ("String[]", list_of(STRING)),
        ("LIST", list_of(ANY)),
        ("SOMETHING ELSE", ANY),
    ],
)
def test_reads_the_names_that_signatures_and_schemas_use(text: str, type_: int) -> None:
    assert parse_type(text) == type_

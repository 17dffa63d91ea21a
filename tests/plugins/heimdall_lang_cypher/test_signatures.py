"""Signatures: their notation and the built-in tables."""

from __future__ import annotations

import pytest

from heimdall_lang_cypher.signatures import (
    SignatureError,
    aggregating_functions,
    functions,
    instead_of_function,
    parse_signature,
    procedures,
)
from heimdall_lang_cypher.value_types import ANY, FLOAT, INTEGER, NODE, NULL, STRING, list_of


def test_reads_arguments_defaults_and_columns() -> None:
    signature = parse_signature(
        "my.proc(name :: STRING?, config = {} :: MAP) :: (node :: NODE, score :: FLOAT?)"
    )
    assert [(each.name, each.optional) for each in signature.arguments] == [
        ("name", False),
        ("config", True),
    ]
    assert (signature.minimum, signature.maximum) == (1, 2)
    assert signature.argument(0).type == STRING | NULL
    assert signature.columns == (("node", NODE), ("score", FLOAT))


def test_an_integer_fits_where_a_float_is_wanted() -> None:
    assert parse_signature("f(x :: FLOAT) :: FLOAT").argument(0).type & INTEGER


def test_a_procedure_may_yield_nothing() -> None:
    assert parse_signature("my.proc() :: VOID").columns == ()
    assert parse_signature("my.proc() :: ANY").columns is None


def test_a_variadic_argument_may_be_repeated() -> None:
    signature = parse_signature("f(first :: STRING, rest :: INTEGER...) :: T")
    assert (signature.minimum, signature.argument(7).type) == (2, INTEGER | NULL)


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("head", [list_of(NODE)], NODE),
        ("collect", [NODE], list_of(NODE)),
        ("max", [STRING], STRING),
        ("coalesce", [NULL, NODE, NODE], NODE),
        ("coalesce", [STRING, NODE], ANY),
        ("size", [STRING], INTEGER),
        ("nodes", [ANY], list_of(NODE)),
    ],
)
def test_the_result_follows_from_the_arguments(name: str, given: list[int], expected: int) -> None:
    table = functions(("aggregating", "standard"))
    assert table[name].result_type(given) == expected


@pytest.mark.parametrize("text", ["", "f", "f(x)", "f(x) :: INTEGER", "(x :: STRING) :: STRING"])
def test_refuses_what_is_no_signature(text: str) -> None:
    with pytest.raises(SignatureError, match=r"no signature|no type"):
        parse_signature(text)


def test_the_built_in_tables_are_read() -> None:
    groups = ("aggregating", "aggregating25", "standard", "neo4j", "cypher25", "nornicdb")
    assert len(functions(groups)) > 150
    assert "count" in aggregating_functions()
    assert "size" not in aggregating_functions()
    assert procedures(("nornicdb",))["nornicdb.version"].columns is not None
    assert instead_of_function("TOINT") == "toInteger"
    assert instead_of_function("size") == ""

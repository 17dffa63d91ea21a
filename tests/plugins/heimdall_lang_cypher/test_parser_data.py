"""Acceptance on data that nobody on this project wrote: TCK, LLM-written queries, mutations."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from heimdall_lang_cypher.lexer import tokenize
from heimdall_lang_cypher.parser import parse
from heimdall_lang_cypher.printer import print_query
from heimdall_lang_cypher.syntax_errors import CypherSyntaxError

DATA = Path(__file__).parents[4] / "shared" / "data"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no data in {DATA}")


@cache
def rows(name: str) -> list[dict[str, Any]]:
    with (DATA / name).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def rejected(queries: list[str]) -> list[tuple[str, str]]:
    """Those that do not parse, with the reason; the others must survive printing."""
    found = []
    for query in queries:
        try:
            tree = parse(query)
        except CypherSyntaxError as error:
            found.append((query, str(error)))
            continue
        for pretty in (False, True):
            assert parse(print_query(tree, pretty=pretty)) == tree, query
    return found


def test_tck() -> None:
    cases = rows("tck/cases.jsonl")
    queries = {case["query"] for case in cases if case["expect"] != "compile_error"}
    queries |= {query for case in cases for query in case["setup"]}
    assert rejected(sorted(queries)) == []


def test_modern_queries() -> None:
    cases = rows("cypher/modern.jsonl")
    assert rejected([case["query"] for case in cases if case["valid_cypher25"]]) == []


def test_llm_written_queries() -> None:
    cases = rows("cypher/llm_written.jsonl")
    assert rejected([case["query"] for case in cases if case["frontend_valid"]]) == []


def test_valid_mutations() -> None:
    cases = rows("cypher/mutations.jsonl")
    assert rejected([case["query"] for case in cases if case["valid"]]) == []


def test_mutations_are_found_where_they_are() -> None:
    cases = [
        case
        for case in rows("cypher/mutations.jsonl")
        if not case["valid"] and any("Invalid input" in each for each in case["messages"])
    ]
    missed, near = [], 0
    for case in cases:
        try:
            parse(case["query"])
        except CypherSyntaxError as error:
            near += abs(_token_at(case["query"], error.offset) - _first_change(case)) <= 3
        else:
            missed.append(case["query"])
    assert missed == []
    assert near / len(cases) >= 0.98


def _token_at(text: str, offset: int) -> int:
    return next(index for index, start in enumerate(tokenize(text).starts) if start >= offset)


def _first_change(case: dict[str, Any]) -> int:
    """Index of the first token that differs from the original query."""
    before, after = tokenize(case["orig"]).texts, tokenize(case["query"]).texts
    pairs = enumerate(zip(before, after, strict=False))
    return next((index for index, (one, other) in pairs if one != other), len(after))

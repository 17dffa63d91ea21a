"""Rows over a checkout's queries say nothing that does not follow from the query."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path

import pytest
from nornic_tree import write_tree

from heimdall_core.dataset import read_examples
from heimdall_core.pipeline.steps.generate import Source, generate_dataset
from heimdall_core.registry import Registry
from heimdall_core.types import CheckRequest
from heimdall_gen_nornicdb.families import checkout
from heimdall_lang_cypher.describe import describe
from heimdall_lang_cypher.language import check
from heimdall_repo_nornicdb.checkout.sources import Snippet
from heimdall_repo_nornicdb.rows.families import Draft

TEXTS = (
    "MATCH (p:Person) WHERE p.name = 'Ada, Countess' RETURN p.name, p.age LIMIT 3",
    "CREATE (a:Person {name: 'Ada'})-[:KNOWS]->(b:Person {name: 'Bo'})",
    "MATCH (n:City) RETURN n.name ORDER BY n.size DESC",
    "MATCH (a)-[r:KNOWS]->(b) DELETE r",
    "RETURN abs(abs(-5))",
)


def snippets(*texts: str) -> list[Snippet]:
    found = [Snippet(text, "docs/guide.md", 10 * at) for at, text in enumerate(texts, 1)]
    return list(checkout.usable(found, check))


def drawn(count: int = 400) -> dict[str, list[Draft]]:
    found = defaultdict(list)
    for family in checkout.families(snippets(*TEXTS), check):
        rng = random.Random(4)
        for _ in range(count):
            if (draft := family.draw(rng)) is not None:
                found[family.name].append(draft)
    return found


def test_what_is_usable() -> None:
    two = "// Two\n\n// First\nMATCH (n:A) RETURN n\n\n// Second\nMATCH (n:B)\nRETURN n;\n"
    assert [(s.text, s.line) for s in snippets(two)] == [
        ("MATCH (n:A) RETURN n", 12),
        ("MATCH (n:B) RETURN n", 15),
    ]
    assert len(snippets(two, two)) == 2, "each text once"
    assert snippets("MATCH (n:A)\n\nRETURN n") == [
        Snippet("MATCH (n:A) RETURN n", "docs/guide.md", 10)
    ]
    refused = ("MATCH (n RETURN n", "CALL unknown.procedure()", "EXPLAIN MATCH (n) RETURN n", "")
    assert snippets(*refused) == []


def test_a_query_and_its_words_belong_together() -> None:
    found = drawn()
    asked = found["checkout_query"]
    assert {d.answer for d in asked} == set(TEXTS[:4]), "a question made of code is none"
    assert all(d.prompt.endswith(describe(d.answer)) for d in asked)
    told = found["checkout_query_in_words"]
    assert {d.input for d in told} == set(TEXTS)
    for draft in told:
        assert draft.answer == describe(draft.input)
        assert draft.language == ""
        assert draft.fact == draft.meta["checkout"] != ""


def test_a_spoilt_query_is_refused_and_its_answer_is_the_query() -> None:
    mended = drawn()["checkout_query_mended"]
    assert {d.answer for d in mended} == set(TEXTS)
    request = CheckRequest(dialect="nornicdb", performance=False)
    for draft in mended:
        assert any(f.severity == "error" for f in check(draft.input, request)), draft.input
        assert not any(f.severity == "error" for f in check(draft.answer, request))
    kinds = ("==", ",,", "'Bo'}", "MTACH")
    assert all(any(kind in d.input for d in mended) for kind in kinds)
    assert not any("'Ada,," in d.input for d in mended), "strings are left alone"


def test_the_pipeline_takes_these_rows(tmp_path: Path) -> None:
    """They name labels that no schema describes: a row that named no schema would be refused."""
    registry = Registry(third_party=False)
    generator = registry.generator("nornicdb")
    options = generator.options(categories=("nornicdb_checkout",), checkout=1.0)
    result = generate_dataset(
        registry,
        (Source(generator, options),),
        total=12,
        seed=2,
        output=tmp_path / "rows.jsonl",
        repo=write_tree(tmp_path / "repo"),
    )
    assert result.rejected == 0
    rows = list(read_examples(tmp_path / "rows.jsonl"))
    assert len(rows) == 12
    assert any(row.schema == "checkout" and row.language == "cypher" for row in rows)


def test_no_snippet_no_family() -> None:
    assert checkout.families([], check) == ()
    found = checkout.families(snippets(*TEXTS), check)
    assert sum(family.weight for family in found) == pytest.approx(1)

"""Any text: no exception but the language's own, no hang, and what parses prints and normalises."""

from __future__ import annotations

import os
from random import Random

import pytest
from cypher_fuzz import attempt, run, seeds
from cypher_mutations import KINDS, SURE, mutate

from heimdall_core.types import CheckRequest
from heimdall_lang_cypher.checker import check

#: `python benchmarks/cypher_fuzz.py` does the same for ten minutes.
SECONDS = float(os.environ.get("HEIMDALL_FUZZ_SECONDS", "20"))

QUERIES = [
    "MATCH (n:Person {name: 'Ann'})-[:KNOWS]->(m) WHERE m.age > 30 AND n.age = 2 RETURN m.name "
    "ORDER BY m.age LIMIT 5",
    "MATCH (a:A)-[r:R]->(b:B) WHERE a.x = 'u' AND r.y = 1 WITH a, count(b) AS c WHERE c > 2 "
    "RETURN a.x AS x, c ORDER BY c DESC LIMIT 3",
    'UNWIND [1, 2] AS i MATCH (n {id: i}) WHERE n.name = "x" AND n.x > i RETURN n.name LIMIT 7',
]


def test_no_text_breaks_a_promise() -> None:
    tried, parsed = run(seed=int(SECONDS * 1000), seconds=SECONDS)
    assert tried > 50
    assert 0 < parsed < tried


@pytest.mark.parametrize("size", [1, 7, 40, 300])
def test_any_bytes_in(size: int) -> None:
    random = Random(size)
    for _ in range(60):
        data = bytes(random.randrange(256) for _ in range(size))
        attempt(data.decode("latin-1"))
        attempt(data.decode("utf-8", "surrogateescape"))
        attempt(data.decode("utf-16", "replace"))


def test_a_broken_promise_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cypher_fuzz.print_query", lambda script: "RETURN 1")
    with pytest.raises(AssertionError):
        attempt("RETURN 2")


def test_there_are_twenty_kinds_of_mutations() -> None:
    assert len(KINDS) == 20
    assert set(SURE) <= set(KINDS)


@pytest.mark.parametrize("kind", SURE)
@pytest.mark.parametrize("dialect", ["neo4j", "neo4j5", "opencypher9"])
def test_what_cannot_be_valid_is_rejected(kind: str, dialect: str) -> None:
    random = Random(kind)
    request = CheckRequest(dialect=dialect, performance=False)
    spoilt = 0
    for query in QUERIES:
        assert not [each for each in check(query, request) if each.severity == "error"]
        for _ in range(10):
            text = mutate(query, kind, random)
            if text is not None:
                spoilt += 1
                assert [each for each in check(text, request) if each.severity == "error"], text
    assert spoilt


def test_seeds_hold_every_construct() -> None:
    assert len(seeds()) > 200
    assert all(attempt(each) for each in seeds())

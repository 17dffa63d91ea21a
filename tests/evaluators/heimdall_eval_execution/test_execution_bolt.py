"""Execution through the neo4j driver, against a server on loopback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from bolt_server import BoltServer, free_port

from heimdall_core import Registry
from heimdall_core.errors import HeimdallError
from heimdall_core.pipeline.steps.evaluate import evaluate_model
from heimdall_core.types import Completion, EvaluateContext, Example, Measurement
from heimdall_eval_execution.measure import measure
from heimdall_eval_execution.options import ExecutionOptions

pytest.importorskip("neo4j")
LANGUAGE = Registry(third_party=False).find_language
DATA = [
    "CREATE (a:Person {name: 'Ada', age: 36}), (b:Person {name: 'Ivo', age: 52}), "
    "(c:Person {name: 'Jun', age: 52}), (a)-[:KNOWS {since: 1999}]->(b), (b)-[:KNOWS]->(c)"
]


@pytest.fixture
def server() -> Iterator[BoltServer]:
    with BoltServer(DATA) as found:
        yield found


def run(uri: str, pairs: list[tuple[str, str]], **settings) -> list[Measurement]:
    rows = [Example("q", output=ref, language="cypher") for ref, _ in pairs]
    answers = [Completion(answer, 5, "stop") for _, answer in pairs]
    context = EvaluateContext(rows, answers, None, LANGUAGE)
    return list(measure(context, ExecutionOptions(engine="bolt", uri=uri, **settings)))


def test_results_of_a_server_are_compared(server):
    names = "MATCH (p:Person) WHERE p.age > 40 RETURN p.name"
    found = run(
        server.uri,
        [
            (names, "MATCH (x:Person) WHERE 40 < x.age RETURN x.name"),
            (names, "MATCH (x:Person) RETURN x.name"),
            ("MATCH (p:Person) RETURN p", "MATCH (x:Person) RETURN x"),
            ("MATCH (p:Person) RETURN p", "MATCH (x:Person {name: 'Ada'}) RETURN x"),
            ("MATCH ()-[k:KNOWS]->() RETURN k", "MATCH ()<-[r:KNOWS]-() RETURN r"),
            (
                "MATCH (p:Person) RETURN p.name ORDER BY p.age DESC LIMIT 1",
                "MATCH (p:Person {name: 'Jun'}) RETURN p.name",
            ),
        ],
    )
    assert [m.value for m in found] == [1, 0, 1, 0, 1, 1], found
    assert found[1].detail["failure"] == "wrong_filter"


def test_every_query_is_rolled_back_and_reads_in_read_mode(server):
    found = run(
        server.uri,
        [
            ("MATCH (n) RETURN count(n)", "MATCH (n) DETACH DELETE n"),
            ("MATCH (n) RETURN count(n)", "MATCH (m) RETURN count(m)"),
        ],
    )
    assert [m.value for m in found] == [0, 1]
    assert found[0].detail["failure"] == "writes"
    assert not any("DELETE" in query for query in server.queries)
    assert {begun.get("mode") for begun in server.begun} == {"r"}
    assert set(server.ended) == {"rollback"}
    assert all(begun["tx_timeout"] == 10_000 for begun in server.begun)


def test_writing_compares_what_is_left_behind_and_undoes_it(server):
    wanted = "MATCH (p:Person {name: 'Ada'}) SET p.age = 37"
    found = run(
        server.uri,
        [
            (wanted, "MATCH (x:Person) WHERE x.name = 'Ada' SET x.age = 37"),
            (wanted, "MATCH (x:Person) SET x.age = 37"),
        ],
        writes=True,
    )
    assert [m.value for m in found] == [1, 0]
    assert server.engine.run("MATCH (p:Person {age: 37}) RETURN p").rows == ()
    assert "commit" not in server.ended


def test_a_server_that_hangs_is_left_at_the_time_limit(server):
    pairs = [
        ("MATCH (n) RETURN count(n)", "MATCH (n) WHERE hang() RETURN count(n)"),
        ("MATCH (n) RETURN count(n)", "MATCH (m) RETURN count(m)"),
    ]
    found = run(server.uri, pairs, timeout=0.5)
    assert [m.value for m in found] == [0, 1], found
    assert found[0].detail["failure"] == "timeout"


def test_nobody_there_no_password(monkeypatch):
    with pytest.raises(HeimdallError, match="does not answer"):
        run(f"bolt://127.0.0.1:{free_port()}", [("RETURN 1", "RETURN 1")], timeout=2.0)
    monkeypatch.delenv("NEO4J_PASSWORD", raising=False)
    with pytest.raises(HeimdallError, match="NEO4J_PASSWORD holds no password"):
        run("bolt://127.0.0.1:1", [("RETURN 1", "RETURN 1")], user="neo4j")
    with pytest.raises(HeimdallError, match="does not answer"):
        run("no address at all", [("RETURN 1", "RETURN 1")])


COUNT = "MATCH (n) RETURN count(n)"


@pytest.mark.parametrize("last", ["die()", "die() AND hang()"])
def test_rows_after_a_server_that_does_not_come_back_are_not_held_against_the_model(server, last):
    killer = f"MATCH (n) WHERE {last} RETURN count(n)"
    others = [(COUNT, "MATCH (m) RETURN count(m)"), (COUNT, "MATCH (m:Person) RETURN m.name")]
    found = run(server.uri, [others[0], (COUNT, killer), *others], timeout=0.5)
    assert [m.value for m in found[:1]] == [1]
    assert [m.weight for m in found[2:]] == [0, 0]
    assert all("does not answer" in m.detail["lost"] for m in found[2:])
    assert found[2].detail["skipped"] == found[2].detail["lost"]
    assert len([q for q in server.queries if "Person) RETURN m" in q]) == 0
    if "hang" in last:
        assert found[1].detail["failure"] == "timeout"
    else:
        assert (found[1].weight, "lost" in found[1].detail) == (0, True)


def test_a_broken_connection_is_opened_again_and_the_query_asked_once_more(server, capfd):
    broken = "MATCH (m) WHERE true OR 'reset()' = '' RETURN count(m)"
    found = run(server.uri, [(COUNT, broken), (COUNT, "MATCH (x) RETURN count(x)")], timeout=2.0)
    assert [(m.value, m.weight) for m in found] == [(1, 1), (1, 1)], found
    assert server.queries.count(broken) == 2
    assert capfd.readouterr().err == ""  # the driver does not tell of it as well


def test_a_server_that_is_not_there_is_known_before_any_answer_is_asked_for():
    registry = Registry(third_party=False)
    evaluator = registry.evaluator("execution")
    options = ExecutionOptions(engine="bolt", uri=f"bolt://127.0.0.1:{free_port()}", timeout=2.0)

    class Silent:
        name, context_size = "silent", 100

        def generate(self, prompts, **settings):
            raise AssertionError("was asked")

    with pytest.raises(HeimdallError, match="does not answer"):
        evaluator.ready(options)
    with pytest.raises(HeimdallError, match="does not answer"):
        evaluate_model(
            registry,
            Silent(),
            [Example("q", output=COUNT, language="cypher")],
            {"exact_match": None, "execution": options},
            max_new_tokens=9,
        )

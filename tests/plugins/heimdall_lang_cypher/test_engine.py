"""Embedded engines: values, kinds of errors, limits, and what happens when the process dies."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from heimdall_core.types import Engine, EngineResult
from heimdall_lang_cypher.engine import (
    ENGINES,
    EngineError,
    Limits,
    WorkerEngine,
    open_engine,
)

DATA = [
    "CREATE (a:Person:Actor {name: 'Ada', born: date('1815-12-10')})"
    "-[:KNOWS {since: 1830}]->(b:Person {name: 'Bob'})"
]
#: A cross product that takes minutes.
HEAVY = "UNWIND range(1, 9000) AS x UNWIND range(1, 9000) AS y RETURN sum(x * y)"


def needs(name: str) -> None:
    if find_spec(name) is None:
        pytest.skip(f"the engine {name} is not installed")


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[WorkerEngine]:
    needs(request.param)
    with open_engine(request.param) as opened:
        opened.load(DATA)
        yield opened


@pytest.fixture
def default() -> Iterator[WorkerEngine]:
    needs(ENGINES[0])
    with open_engine(limits=Limits(seconds=1.0, rows=100)) as opened:
        opened.load(DATA)
        yield opened


def test_is_an_engine(default: WorkerEngine) -> None:
    assert isinstance(default, Engine)
    assert default.name == "graphdblite"


def test_loading_may_take_longer_than_a_query() -> None:
    needs(ENGINES[0])
    with open_engine(limits=Limits(seconds=0.001)) as opened:
        opened.load(DATA)
        first = opened.pid
        assert opened.run(HEAVY).error_kind == "timeout"
        opened.reset()
        assert opened.pid not in (None, first)


def test_rows_are_plain_values(engine: WorkerEngine) -> None:
    result = engine.run(
        "MATCH p = (a:Actor)-[r:KNOWS]->(b) "
        "RETURN a, r, b.name AS b, [1, 2.5, 'x', true, null] AS l, {k: 1} AS m, p"
    )
    ada = {"labels": ["Actor", "Person"], "properties": {"name": "Ada", "born": "1815-12-10"}}
    bob = {"labels": ["Person"], "properties": {"name": "Bob"}}
    knows = {"type": "KNOWS", "properties": {"since": 1830}}
    assert result.error == ""
    assert result.columns == ("a", "r", "b", "l", "m", "p")
    path = {"nodes": [ada, bob], "relationships": [knows]}
    assert result.rows == ((ada, knows, "Bob", [1, 2.5, "x", True, None], {"k": 1}, path),)


def test_columns_without_alias_and_without_rows(engine: WorkerEngine) -> None:
    result = engine.run("MATCH (n:Nobody) RETURN n.name, [x IN [1] | x], [y IN [2] | y]")
    assert result == EngineResult(("n.name", "[x IN [1] | x]", "[y IN [2] | y]"))
    result = engine.run("RETURN [x IN [1] | x], [y IN [2] | y]")
    assert result.rows == (([1], [2]),)


def test_parameters(engine: WorkerEngine) -> None:
    result = engine.run("MATCH (n:Person) WHERE n.name = $name RETURN n.name", {"name": "Bob"})
    assert result.rows == (("Bob",),)


def test_writing_without_return_gives_no_rows(engine: WorkerEngine) -> None:
    assert engine.run("MATCH (n:Person) SET n.seen = true") == EngineResult()
    assert engine.run("MATCH (n:Person) RETURN count(n.seen) AS c").rows == ((2,),)
    engine.reset()
    assert engine.run("MATCH (n:Person) RETURN count(n.seen) AS c").rows == ((0,),)


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("MATCH (n) RETRUN n", "syntax"),
        ("MATCH (n) RETURN m", "syntax"),
        ("MATCH (n:Person) CALL (n) { RETURN 1 AS x } RETURN x", "unsupported"),
        ("RETURN date('tomorrow')", "runtime"),
        ("UNWIND range(1, 101) AS x RETURN x", "too_many_rows"),
        ("MATCH p = shortestPath((a:Actor)-[*]-(b:Person)) RETURN length(p)", "unsupported"),
    ],
)
def test_kinds_of_errors(default: WorkerEngine, query: str, kind: str) -> None:
    result = default.run(query)
    assert result.error_kind == kind
    assert result.error
    assert result.rows == ()


def test_a_query_that_hangs_is_stopped(default: WorkerEngine) -> None:
    before = default.pid
    started = time.monotonic()
    result = default.run(HEAVY)
    assert result.error_kind == "timeout"
    assert time.monotonic() - started < 20
    # The next query finds a new process with the old data.
    assert default.run("MATCH (n:Person) RETURN count(n) AS c").rows == ((2,),)
    assert default.pid != before


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs signals")
def test_a_process_that_dies_is_replaced(default: WorkerEngine) -> None:
    assert default.pid is not None
    os.kill(default.pid, signal.SIGKILL)
    result = default.run("MATCH (n:Person) RETURN count(n) AS c")
    if result.error:  # Whether the death was noticed before the question is a matter of chance.
        assert result.error_kind == "crash"
        assert "SIGKILL" in result.error
        result = default.run("MATCH (n:Person) RETURN count(n) AS c")
    assert result.rows == ((2,),)


def test_closing_ends_the_process() -> None:
    needs(ENGINES[0])
    with open_engine() as opened:
        pid = opened.pid
        assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_set_up_statement_that_fails(default: WorkerEngine) -> None:
    with pytest.raises(EngineError, match=r"statement 2 failed.*line 1:11.*CREATE \(:C$"):
        default.load(["CREATE (:B)", "CREATE (:C"])


def test_an_unknown_engine() -> None:
    with pytest.raises(EngineError, match="did you mean 'graphqlite'"):
        open_engine("graphqlit")


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_that_is_not_installed(name: str) -> None:
    if find_spec(name) is not None:
        pytest.skip(f"the engine {name} is installed")
    with pytest.raises(EngineError, match=r"not installed; install it with: pip install"):
        open_engine(name)


def test_filled_data_are_there_until_the_engine_starts_anew(default):
    assert default.fill(["CREATE (:Town {name: 'Rye'})", "CREATE (:Town {name: 'Ely'})"]) == ""
    count = "MATCH (t:Town) RETURN count(t) AS n"
    assert default.run(count).rows == ((2,),)
    default.reset()
    assert default.run(count).rows == ((0,),)
    assert default.fill(["CREATE (:Town)", "CREATE (", "CREATE (:Town)"])
    assert default.run(count).rows == ((1,),)  # what stands before the one that failed

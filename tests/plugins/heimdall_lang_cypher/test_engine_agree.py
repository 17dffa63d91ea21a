"""Agreement between engines, with engines that answer what the test says."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from types import TracebackType
from typing import Any, Self

import pytest

from heimdall_core.types import EngineResult, Json
from heimdall_lang_cypher.engine import ENGINES, open_engine
from heimdall_lang_cypher.engine_agree import agree, same_rows
from heimdall_lang_cypher.engine_query import prepare, sort_keys
from heimdall_lang_cypher.populate import populate


class Fixed:
    """An engine with one answer."""

    def __init__(self, name: str, *rows: Sequence[Any], error: str = "") -> None:
        self.name = name
        kind = "runtime" if error else ""
        self._result = EngineResult(("a",), tuple(map(tuple, rows)), error, kind)

    def load(self, statements: Sequence[str]) -> None:
        return None

    def run(self, query: str, parameters: Json | None = None) -> EngineResult:
        return self._result

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None


def test_two_engines_agree_in_any_order() -> None:
    found = agree("RETURN 1 AS a", [Fixed("x", [1], [2]), Fixed("y", [2], [1.0])])
    assert (found.verdict, found.engines, found.rows) == ("agreed", ("x", "y"), ((1,), (2,)))


def test_the_majority_decides() -> None:
    engines = [Fixed("x", [1]), Fixed("y", [2]), Fixed("z", [2])]
    found = agree("RETURN 1 AS a", engines)
    assert (found.verdict, found.engines, found.rows) == ("agreed", ("y", "z"), ((2,),))


def test_disagreement_is_no_result() -> None:
    found = agree("RETURN 1 AS a", [Fixed("x", [1]), Fixed("y", [1], [1])])
    assert (found.verdict, found.rows) == ("disagreed", ())
    assert found.results["y"].rows == ((1,), (1,))


def test_one_engine_alone_is_not_trusted() -> None:
    found = agree("RETURN 1 AS a", [Fixed("x", [1]), Fixed("y", error="no such thing")])
    assert found.verdict == "unknown"
    assert found.results["y"].error == "no such thing"


def test_order_counts_where_it_is_asked_for() -> None:
    engines = [Fixed("x", [1], [2]), Fixed("y", [2], [1])]
    assert agree("MATCH (n) RETURN n.a AS a ORDER BY a", engines).verdict == "disagreed"
    assert agree("MATCH (n) RETURN n.a AS a", engines).verdict == "agreed"


def test_lists_of_unordered_rows() -> None:
    found = agree(
        "MATCH (n) RETURN collect(n.a) AS a", [Fixed("x", [[1, 2]]), Fixed("y", [[2, 1]])]
    )
    assert (found.verdict, found.list_order) == ("agreed", False)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ([[1]], [[1.0]], True),
        ([[1]], [[True]], False),
        ([[None]], [[0]], False),
        ([["1"]], [[1]], False),
        ([[0.1 + 0.2]], [[0.3]], True),
        ([[1.5]], [[1.6]], False),
        ([[float("nan")]], [[float("nan")]], True),
        ([["2020-01-01T10:00Z"]], [["2020-01-01T10:00:00+00:00"]], True),
        ([["2020-01-01T10:00Z"]], [["2020-01-01T10:00:01Z"]], False),
        ([[{"a": 1, "b": [2]}]], [[{"b": [2], "a": 1}]], True),
        ([[{"a": 1}]], [[{"a": 1, "b": None}]], False),
        ([[1], [1]], [[1]], False),
    ],
)
def test_equal_values(left: Any, right: Any, same: bool) -> None:
    assert same_rows(left, right) is same


def test_rows_with_equal_sort_keys_may_change_places() -> None:
    one, other = [["x", 2], ["y", 2], ["z", 1]], [["y", 2], ["x", 2], ["z", 1]]
    assert same_rows(one, other, (1,))
    assert not same_rows(one, other[::-1], (1,))
    assert not same_rows(one, other, (None,))


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("MATCH (n) RETURN n.a AS a, n.b ORDER BY a DESC, n.b", (0, 1)),
        ("MATCH (n) RETURN n.a AS a ORDER BY n.a", (0,)),
        ("MATCH (n) RETURN n.a AS a ORDER BY n.c", (None,)),
        ("MATCH (n) WITH n ORDER BY n.a RETURN n", ()),
        ("RETURN", ()),
    ],
)
def test_sort_keys(query: str, keys: tuple[int | None, ...]) -> None:
    assert sort_keys(query) == keys


def test_columns_are_named_and_paths_taken_apart() -> None:
    query = "MATCH p = (a)-->(b) RETURN p, a.x, size([1])"
    prepared = prepare(query, "graphdblite")
    assert prepared.columns == ("p", "a.x", "size([1])")
    assert "nodes(p)" in prepared.text
    assert prepared.text.endswith("a.x AS `a.x`, size([1]) AS `size([1])`")
    assert "nodes(p)" not in prepare(query, "ocg").text
    # A sort key needs the path itself.
    assert "nodes(p)" not in prepare(f"{query} ORDER BY length(p)", "graphdblite").text


@pytest.mark.parametrize(
    ("engine", "query"),
    [
        ("graphqlite", "MATCH (n) CALL { WITH n MATCH (n)-->(m) RETURN count(m) AS c } RETURN c"),
        ("graphdblite", "MATCH (n) RETURN n.x, collect(n.y)[0] AS y"),
        ("graphdblite", "MATCH p = shortestPath((a)-[*]-(b)) RETURN p"),
        ("graphdblite", "MERGE (a)-[r:R]->(b) ON CREATE SET r.w = 1 RETURN r"),
        ("ocg", "MATCH (n) WHERE EXISTS { (n)-->({x: 1}) } RETURN n"),
        ("ocg", "MATCH (n) SET n += {x: 1} RETURN n"),
    ],
)
def test_what_an_engine_answers_wrong_is_not_asked(engine: str, query: str) -> None:
    assert engine in prepare(query, engine).refused
    assert not prepare(query, "graphqlite" if engine != "graphqlite" else "ocg").refused


def test_existence_of_a_pattern_is_asked_as_a_bare_pattern() -> None:
    query = "MATCH (n) WHERE NOT exists((n)-->()) AND exists(n.x) RETURN *"
    assert prepare(query, "ocg").text == "MATCH (n) WHERE NOT (n)-->() AND exists(n.x) RETURN *"


def test_installed_engines_agree() -> None:
    installed = [name for name in ENGINES if find_spec(name)]
    if len(installed) < 2:
        pytest.skip(f"needs two engines; installed: {', '.join(installed) or 'none'}")
    schema = {
        "nodes": {"A": {"properties": {"x": "INTEGER"}}},
        "relationships": [{"type": "R", "from": "A", "to": "A"}],
    }
    engines = [open_engine(name) for name in installed]
    for engine in engines:
        engine.load(populate(schema, 1))
    found = agree("MATCH (a:A)-[:R]->(b) RETURN a.x AS x, count(b) AS c ORDER BY c DESC", engines)
    for engine in engines:
        engine.close()
    assert found.verdict == "agreed"
    assert len(found.rows) > 3

"""Which results are the same: bags, ties, windows, floats, types."""

from __future__ import annotations

import pytest

from heimdall_core.types import EngineResult
from heimdall_eval_execution.compare import contains, in_groups
from heimdall_eval_execution.data import literals_of, with_values
from heimdall_eval_execution.measure import same_results
from heimdall_eval_execution.reference import read_reference, writes


def same(reference: str, right: list[tuple], answer: list[tuple], columns: str = "ab") -> bool:
    width = len(right[0]) if right else len(columns)
    names = tuple(f"c{i}" for i in range(width))
    found = read_reference(reference)
    answer_names = names[: len(answer[0])] if answer else names[: width - found.hidden]
    return same_results(
        found, EngineResult(names, tuple(right)), EngineResult(answer_names, tuple(answer)), 1e-6
    )


def test_rows_are_a_bag_where_no_order_is_asked_for():
    query = "MATCH (n) RETURN n.a, n.b"
    assert same(query, [(1, "x"), (2, "y"), (2, "y")], [(2, "y"), (1, "x"), (2, "y")])
    assert not same(query, [(1, "x"), (2, "y"), (2, "y")], [(2, "y"), (1, "x"), (1, "x")])
    assert not same(query, [(1, "x"), (2, "y"), (2, "y")], [(2, "y"), (1, "x")])
    assert not same(query, [(1, "x")], [(1, "x"), (1, "x")])


def test_order_counts_where_it_is_asked_for_and_ties_may_change_places():
    query = "MATCH (n) RETURN n.a, n.b ORDER BY n.b"
    right = [("p", 1), ("q", 2), ("r", 2), ("s", 3)]
    assert same(query, right, right)
    assert same(query, right, [("p", 1), ("r", 2), ("q", 2), ("s", 3)])
    assert not same(query, right, [("q", 2), ("p", 1), ("r", 2), ("s", 3)])


def test_a_sort_key_that_is_no_column_is_fetched_to_find_the_ties():
    reference = read_reference("MATCH (n) RETURN n.a ORDER BY n.b DESC LIMIT 2")
    assert reference.hidden == 1
    assert "LIMIT" not in reference.query
    assert "n.b AS" in reference.query
    right = EngineResult(("n.a", "k"), (("p", 9), ("q", 5), ("r", 5), ("s", 1)))

    def answer(*rows: str) -> EngineResult:
        return EngineResult(("x",), tuple((row,) for row in rows))

    assert same_results(reference, right, answer("p", "q"), 0)
    assert same_results(reference, right, answer("p", "r"), 0)  # the limit cuts a tie
    assert not same_results(reference, right, answer("p", "s"), 0)
    assert not same_results(reference, right, answer("q", "p"), 0)
    assert not same_results(reference, right, answer("p"), 0)


def test_a_limit_without_an_order_takes_any_rows():
    query = "MATCH (n) RETURN n.a LIMIT 2"
    right = [(1,), (2,), (3,)]
    assert same(query, right, [(3,), (1,)])
    assert not same(query, right, [(3,), (4,)])
    assert not same(query, right, [(1,), (1,)])
    assert not same(query, right, [(1,), (2,), (3,)])


def test_skip_moves_the_window():
    query = "MATCH (n) RETURN n.a ORDER BY n.a SKIP 1 LIMIT 2"
    right = [(1,), (2,), (3,), (4,)]
    assert same(query, right, [(2,), (3,)])
    assert not same(query, right, [(1,), (2,)])


def test_an_order_over_groups_has_no_hidden_column():
    reference = read_reference("MATCH (n) RETURN n.a, count(*) AS c ORDER BY c DESC")
    assert (reference.hidden, reference.keys) == (0, (1,))
    # An alias inside an expression cannot be a column of its own: then rows have one order.
    assert read_reference("MATCH (n) RETURN n.a AS x ORDER BY x + 1").keys is None


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (0.1 + 0.2, 0.3, True),
        (1.0, 1, True),
        (1000000.4, 1000000.6, True),  # below the tolerance, though they round apart
        (1.0, 1.1, False),
        (1, True, False),
        (1, "1", False),
        (None, 0, False),
        (float("nan"), float("nan"), True),
        ([1, 2], [1, 2], True),
        ([1, 2], [2, 1], False),
        ({"a": 1.0000000001, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": 1}, {"a": 1, "b": None}, False),
        (10**17, 10**17 + 1, False),
    ],
)
def test_values(one, other, equal):
    assert contains([(one,)], [(other,)], tolerance=1e-6) is equal


def test_lists_of_collected_rows_have_no_order():
    assert same("MATCH (n) RETURN collect(n.a)", [([1, 2],)], [([2, 1],)])
    assert not same("MATCH (n) RETURN n.list", [([1, 2],)], [([2, 1],)])


def test_columns_go_by_place_and_else_by_name():
    reference = read_reference("MATCH (n) RETURN n.a AS a, n.b AS b")
    right = EngineResult(("a", "b"), ((1, 2), (3, 4)))
    rows = ((2, 1), (4, 3))
    assert same_results(reference, right, EngineResult(("b", "a"), rows), 0)
    assert not same_results(reference, right, EngineResult(("x", "y"), rows), 0)
    assert not same_results(reference, right, EngineResult(("a",), ((1,), (3,))), 0)


def test_a_window_past_the_end_is_no_window():
    assert not in_groups([[(1,)]], [(1,), (2,)])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("MATCH (n) RETURN n", False),
        ("MATCH (n) DETACH DELETE n", True),
        ("MATCH (n) SET n.x = 1", True),
        ("MERGE (n:A) RETURN n", True),
        ("MATCH (n) CALL { WITH n CREATE (m) } RETURN n", True),
        ("CREATE INDEX FOR (n:A) ON (n.b)", True),
        ("CALL db.labels()", False),
        ("CALL apoc.periodic.iterate('MATCH (n) RETURN n', 'DELETE n', {})", True),
        ("LOAD CSV FROM 'file:///etc/passwd' AS row RETURN row", True),
        ("SHOW INDEXES", False),
    ],
)
def test_what_writes(query, expected):
    assert writes(query) is expected


def test_the_references_literals_are_among_the_data():
    query = (
        "MATCH (p:Person {name: 'Zoë'}) WHERE p.age > 40 AND p.city IN ['Oslo', 'Rome'] RETURN p"
    )
    found = literals_of(query)
    assert found == {"name": ("Zoë",), "age": (40,), "city": ("Oslo", "Rome")}
    schema = {"nodes": {"Person": {"properties": {"name": "STRING", "age": "INTEGER"}}}}
    changed = with_values({**schema, "relationships": []}, found)["nodes"]["Person"]["properties"]
    assert changed["name"]["values"][0] == "Zoë"
    assert {39, 40, 41} <= set(changed["age"]["values"])
    listed = {"node_props": {"Person": [{"property": "age", "type": "INTEGER"}]}}
    [entry] = with_values(listed, found)["node_props"]["Person"]
    assert 40 in entry["values"]

"""Execution on the real embedded engine."""

from __future__ import annotations

import time

import pytest

from heimdall_core import Registry
from heimdall_core.errors import HeimdallError
from heimdall_core.types import Completion, EvaluateContext, Example
from heimdall_eval_execution.measure import measure
from heimdall_eval_execution.options import ExecutionOptions

SCHEMAS = {
    "films": {
        "name": "films",
        "nodes": {
            "Person": {"properties": {"name": "STRING", "age": "INTEGER"}},
            "Film": {"properties": {"title": "STRING", "year": "INTEGER", "rating": "FLOAT"}},
        },
        "relationships": [
            {"type": "ACTED_IN", "from": "Person", "to": "Film", "properties": {}},
            {"type": "KNOWS", "from": "Person", "to": "Person", "properties": {}},
        ],
    }
}
REGISTRY = Registry(third_party=False)


def run(pairs, options=None, schema="films"):
    """One measurement per (reference, answer) pair."""
    rows = [Example("q", output=ref, language="cypher", schema=schema) for ref, _ in pairs]
    answers = [a if isinstance(a, Completion) else Completion(a, 5, "stop") for _, a in pairs]
    context = EvaluateContext(rows, answers, None, REGISTRY.find_language, SCHEMAS)
    return list(measure(context, options))


NAMES = "MATCH (p:Person)-[:ACTED_IN]->(f:Film) WHERE f.year > 1990 RETURN p.name"


def test_right_in_other_words():
    found = run(
        [
            (NAMES, NAMES),
            (
                NAMES,
                "MATCH (f:Film)<-[:ACTED_IN]-(x:Person) WHERE 1990 < f.year RETURN x.name AS n",
            ),
            (
                NAMES,
                "MATCH (x:Person)-[:ACTED_IN]->(f) WITH x, f WHERE f.year > 1990 RETURN x.name",
            ),
            (NAMES, f"```cypher\n{NAMES}\n```\nThis lists the actors."),
        ]
    )
    assert [m.value for m in found] == [1.0] * 4, found
    assert all(m.weight == 1 for m in found)


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ("", "empty"),
        ("I cannot help with that.", "empty"),
        ("MATCH (p:Person RETURN p", "does_not_parse"),
        ("MATCH (p:Persona) RETURN p.name", "unknown_name"),
        (NAMES.replace("->", "-").replace(")-[", ")<-["), "wrong_direction"),
        (NAMES.replace("> 1990", "> 1991"), "wrong_filter"),
        (NAMES.replace("> 1990", ">= 1990"), "wrong_filter"),
        (NAMES.replace("p.name", "count(p)"), "wrong_aggregation"),
        (NAMES.replace("p.name", "f.title"), "wrong_projection"),
        (NAMES + " ORDER BY p.name LIMIT 1", "wrong_order"),
        ("MATCH (n) DETACH DELETE n", "writes"),
        (NAMES + " " + "x" * 100_000, "other"),
    ],
    ids=lambda value: value[:30],
)
def test_wrong_and_why(answer, failure):
    (found,) = run([(NAMES, answer)])
    assert (found.value, found.weight) == (0.0, 1.0)
    assert found.detail["failure"] == failure, found.detail


def test_a_query_that_would_write_is_not_run_and_the_next_row_is_measured():
    found = run([(NAMES, "MATCH (n) DETACH DELETE n"), (NAMES, NAMES.replace("p.name", "p.name "))])
    assert [m.value for m in found] == [0.0, 1.0]


def test_a_reference_that_writes_is_skipped_unless_told():
    pair = ("CREATE (f:Film {title: 'New'})", "CREATE (x:Film {title: 'New'})")
    (skipped,) = run([pair])
    assert skipped.weight == 0
    assert "writes" in skipped.detail["skipped"]
    other = (pair[0], "CREATE (x:Film {title: 'Old'})")
    twice = (pair[0], "CREATE (x:Film {title: 'New'}), (y:Film {title: 'New'})")
    found = run([pair, other, twice, (NAMES, NAMES)], ExecutionOptions(writes=True))
    assert [m.value for m in found] == [1.0, 0.0, 0.0, 1.0]


def test_rows_that_cannot_be_run_have_no_weight():
    rows = [
        Example("q", output=NAMES, language="cypher", schema="films"),
        Example("q", output="Hello.", language=""),
        Example("q", output=NAMES, language="cypher", schema="nowhere"),
        Example("q", output=NAMES, language="cypher"),
        Example("q", output="CALL gds.graph.list()", language="cypher", schema="films"),
    ]
    answers = [Completion(row.output, 5, "stop") for row in rows]
    context = EvaluateContext(rows, answers, None, REGISTRY.find_language, SCHEMAS)
    found = measure(context)
    assert [m.weight for m in found] == [1, 0, 0, 0, 0]
    assert [m.detail.get("skipped", "")[:20] for m in found[1:]] == [
        "language is ''",
        "unknown graph schema",
        "the row names no gra",
        "the reference does n",
    ]


def test_a_query_that_hangs_is_ended_at_the_time_limit():
    slow = (
        "MATCH (a), (b), (c), (d), (e) WHERE a.name + b.name + c.name + d.name + e.name = 'x' "
        "RETURN count(*)"
    )
    start = time.monotonic()
    found = run([(NAMES, slow), (NAMES, NAMES)], ExecutionOptions(timeout=1.0))
    assert time.monotonic() - start < 20
    assert found[0].value == 0
    assert found[0].detail["failure"] == "timeout"
    assert found[1].value == 1.0


def test_an_answer_that_was_cut_off_is_wrong():
    (found,) = run([(NAMES, Completion(NAMES, 5, "length"))])
    assert found.value == 0
    assert "cut off" in found.detail["why"]


def test_two_empty_results_are_not_taken_for_agreement():
    nothing = "MATCH (p:Person) WHERE p.age > 40 AND p.age < 40 RETURN p.name"
    found = run([(nothing, "MATCH (f:Film) WHERE f.year < 0 RETURN f.title"), (nothing, nothing)])
    assert [m.value for m in found] == [0.0, 1.0]


def test_settings_that_cannot_be():
    with pytest.raises(HeimdallError, match="did you mean 'graphdblite'"):
        run([(NAMES, NAMES)], ExecutionOptions(engine="graphdblit"))
    with pytest.raises(HeimdallError, match="is for the engine 'bolt'"):
        run([(NAMES, NAMES)], ExecutionOptions(uri="bolt://localhost"))
    with pytest.raises(HeimdallError, match="needs an address"):
        run([(NAMES, NAMES)], ExecutionOptions(engine="bolt"))
    context = EvaluateContext([Example("q", output=NAMES, language="cypher")], [], None)
    with pytest.raises(HeimdallError, match="lang-cypher"):
        measure(context)

"""Answers read as NornicDB's handler reads them, and judged by what comes of it."""

from __future__ import annotations

import json

import pytest

from heimdall_core import Registry
from heimdall_core.types import Completion, EvaluateContext, Example
from heimdall_eval_actions.handler import read_answer
from heimdall_eval_actions.measure import measure, measure_shown
from heimdall_eval_actions.options import ActionsOptions

LANGUAGE = Registry(third_party=False).find_language
STATUS = '{"action": "heimdall.watcher.status", "params": {}}'
QUERY = json.dumps(
    {"action": "heimdall.watcher.query", "params": {"cypher": "MATCH (n:Person) RETURN count(n)"}}
)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (STATUS, "action"),
        ('{"action": "heimdall.watcher.status"}', "action"),
        (f"  \n{STATUS}\n", "action"),
        (f"```json\n{STATUS}\n```", "action"),
        (f"I will look. {STATUS} Done.", "action"),
        ('{"Action": "heimdall.help", "PARAMS": {}}', "action"),
        ('{"action": "heimdall.help", "params": null, "note": 1}', "action"),
        (STATUS + STATUS, "empty"),
        (f"First {STATUS} then {STATUS}", "text"),
        (STATUS[:-1], "empty"),
        (STATUS.rstrip("}"), "empty"),
        ("{action: 'heimdall.help'}", "empty"),
        ('{"action": "heimdall.help", "params": []}', "empty"),
        ('{"action": "heimdall.help", "params": {"a": NaN}}', "empty"),
        ('{"action": 7}', "empty"),
        ('{"query": "MATCH (n) RETURN n"}', "empty"),
        ("{}", "empty"),
        ("", "empty"),
        (" \n", "empty"),
        ("[" * 100_000, "text"),
        ("{" * 100_000 + "}" * 100_000, "empty"),
        ("The database is healthy.", "text"),
        ("MATCH (n) RETURN n", "text"),
        ('{"action": "heimdall.watcher.explode"}', "unknown_action"),
        (
            '{"action": "heimdall.watcher.query", "params": {"query": "RETURN 1"}}',
            "missing_parameter",
        ),
        ('{"action": "heimdall.watcher.query", "params": {"cypher": 1}}', "missing_parameter"),
        ('{"action": "heimdall.watcher.query"}', "missing_parameter"),
    ],
    ids=lambda value: value[:40],
)
def test_what_the_handler_makes_of_an_answer(answer, kind):
    assert read_answer(answer).kind == kind


def test_without_streaming_a_broken_action_is_shown_as_text():
    assert read_answer(STATUS[:-1], streaming=False).kind == "text"
    assert read_answer("", streaming=False).kind == "empty"


def judge(expected: str, answer: str, finish="stop", **options):
    rows = [Example("Do it.", output=expected)]
    completions = [Completion(answer, 5, finish)]
    context = EvaluateContext(rows, completions, None, LANGUAGE)
    (found,) = measure(context, ActionsOptions(**options))
    return found


def action(name: str, **params) -> str:
    return json.dumps({"action": f"heimdall.watcher.{name}", "params": params})


@pytest.mark.parametrize(
    ("expected", "answer", "value"),
    [
        (STATUS, '{"action": "heimdall.watcher.status"}', 1),
        (STATUS, action("health"), 0),
        (STATUS, "All is well.", 0),
        (STATUS, "", 0),
        (STATUS, STATUS + STATUS, 0),
        (QUERY, QUERY.replace("(n:Person)", "(p:Person)").replace("count(n)", "count(p)"), 1),
        (QUERY, QUERY.replace("Person", "City"), 0),
        (QUERY, QUERY.replace("cypher", "query"), 0),
        (action("events", limit=10), action("events", limit=10.0), 1),
        (action("events", limit=10), action("events", limit=5), 0),
        (action("events", limit=1), action("events", limit=True), 0),
        (action("discover", query="x"), action("discover", query="x", limit=10, depth=2), 1),
        (action("discover", query="x"), action("discover", query="x", depth=3), 0),
        (action("discover", query="x", types=["A"]), action("discover", query="x"), 0),
        (action("broadcast", message="Hi"), action("broadcast", message=" Hi "), 1),
        (action("broadcast", message="Hi"), action("notify", message="Hi"), 0),
    ],
)
def test_right_action_with_right_parameters(expected, answer, value):
    found = judge(expected, answer)
    assert (found.value, found.weight) == (value, 1)
    assert bool(found.detail) == (not value)


def test_an_answer_that_was_cut_off_is_wrong_whatever_it_says():
    assert judge(STATUS, STATUS, finish="length").value == 0


def test_causes_are_named():
    assert judge(STATUS, STATUS + STATUS).detail["failure"] == "empty"
    assert judge(STATUS, action("health")).detail["failure"] == "wrong_action"
    assert judge(QUERY, QUERY.replace("cypher", "query")).detail["failure"] == "missing_parameter"
    assert judge(QUERY, QUERY.replace("Person", "City")).detail["failure"] == "wrong_parameter"
    assert judge(STATUS, '{"action": "help"}').detail["failure"] == "unknown_action"


def test_rows_that_ask_for_no_action_have_no_weight():
    for expected in ("It is a database.", "MATCH (n) RETURN n"):
        assert judge(expected, STATUS).weight == 0


def test_actions_of_ones_own_plugins():
    own = '{"action": "heimdall.mine.dig", "params": {"deep": 3}}'
    assert judge(own, own).value == 1  # the row itself says that there is such an action
    other = '{"action": "heimdall.mine.fill"}'
    assert judge(own, other).detail["failure"] == "unknown_action"
    assert judge(own, other, known=("heimdall.mine.fill",)).detail["failure"] == "wrong_action"


def test_what_the_user_sees():
    rows = [
        Example("a", output="Prose."),
        Example("b", output="Prose."),
        Example("c", output=STATUS),
        Example("d", output="MATCH (n) RETURN n", language="cypher"),
    ]
    texts = ["It is.", '{"help": "no action"}', STATUS, "MATCH (n) RETURN n"]
    completions = [Completion(text, 5, "stop") for text in texts]
    found = measure_shown(EvaluateContext(rows, completions, None, LANGUAGE))
    assert [(m.value, m.weight) for m in found[:3]] == [(1, 1), (0, 1), (1, 1)]
    assert found[3].weight == 0
    assert found[1].detail["shown_as"] == "empty"

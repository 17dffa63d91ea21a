"""Cache, second try and templates, in that order."""

from __future__ import annotations

from threading import Thread

import pytest

from heimdall_core.errors import PromptError
from heimdall_core.prompt import Message, render_prompt
from heimdall_serve_llamacpp.answering import LRU, Answer, Answerer, Settings
from heimdall_serve_llamacpp.fallback import fallback_answer
from heimdall_serve_llamacpp.plan import plan_of

GOOD, BAD = "MATCH (p:Person) RETURN p", "MATCH (p:Person RETURN p"


def ask(question: str) -> tuple[Message, ...]:
    return (Message("user", question),)


def test_a_valid_answer_is_the_models(scripted, cypher):
    model = scripted(GOOD)
    answer = Answerer(model, cypher).answer(ask("Find all people."))
    assert (answer.text, answer.source, answer.valid, answer.query) == (GOOD, "model", True, GOOD)
    assert model.calls[0]["prompt"] == render_prompt(ask("Find all people."))
    assert model.calls[0]["temperature"] == 0
    assert answer.prompt_tokens > 0


def test_what_the_checker_refuses_is_tried_once_more(scripted, cypher):
    model = scripted(BAD, GOOD)
    answer = Answerer(model, cypher).answer(ask("Find them."))
    assert (answer.text, answer.source, answer.valid) == (GOOD, "second try", True)
    assert model.calls[1]["temperature"] > 0


def test_what_fails_twice_is_answered_by_a_template(scripted, cypher):
    answerer = Answerer(scripted(BAD, BAD), cypher)
    answer = answerer.answer(ask("How many people are there?"))
    assert answer.text == "MATCH (n:Person) RETURN count(n) AS count"
    assert (answer.source, answer.valid, answer.findings) == ("template", True, ())
    assert answerer.counts == {"template": 1}


def test_without_a_template_the_wrong_answer_is_given_as_wrong(scripted, cypher):
    answer = Answerer(scripted(BAD, BAD), cypher).answer(ask("Who is the oldest friend of Ada?"))
    assert (answer.text, answer.valid) == (BAD, False)
    assert any(finding.severity == "error" for finding in answer.findings)
    off = Answerer(scripted(BAD, BAD), cypher, Settings(fallback=False))
    assert off.answer(ask("How many people are there?")).valid is False
    unchecked = scripted(BAD, GOOD)
    assert Answerer(unchecked, cypher, Settings(check=False)).answer(ask("x")).text == BAD
    assert len(unchecked.calls) == 1


def test_a_template_that_the_schema_contradicts_is_not_used(scripted, cypher):
    schema = {"nodes": {"City": {"properties": {"name": "STRING"}}}, "relationships": []}
    settings = Settings(schema=schema)
    answer = Answerer(scripted(BAD, BAD), cypher, settings).answer(ask("Count all people"))
    assert (answer.source, answer.valid) == ("second try", False)
    answer = Answerer(scripted(BAD, BAD), cypher, settings).answer(ask("Find all cities!"))
    assert answer.text == "MATCH (n:City) RETURN n LIMIT 25"


def test_prose_is_neither_right_nor_wrong(scripted, cypher):
    model = scripted("An index makes look-ups fast.")
    answer = Answerer(model, cypher).answer(ask("What is an index?"))
    assert (answer.valid, answer.query, len(model.calls)) == (None, "", 1)
    only = Answerer(scripted("no", "no"), cypher, Settings(grammar="root ::= 'x'"))
    assert only.answer(ask("What is an index?")).valid is False


def test_prose_is_no_answer_to_what_a_template_asks_the_graph(scripted, cypher):
    model = scripted("About a dozen.", "Many.")
    answer = Answerer(model, cypher).answer(ask("How many people are there?"))
    assert (answer.source, answer.query) == (
        "template",
        "MATCH (n:Person) RETURN count(n) AS count",
    )
    assert len(model.calls) == 2
    again = Answerer(scripted("Many.", GOOD), cypher).answer(ask("How many people are there?"))
    assert (again.text, again.source) == (GOOD, "second try")
    action = '{"action": "heimdall.watcher.query"}'
    told = [Message("system", "Answer with an action."), *ask("How many people are there?")]
    assert Answerer(scripted(action), cypher).answer(told).text == action
    off = Answerer(scripted("Many."), cypher, Settings(fallback=False))
    assert off.answer(ask("How many people are there?")).text == "Many."


def test_answers_are_remembered_and_the_oldest_forgotten(scripted, cypher):
    model = scripted("RETURN 1", "RETURN 2", "RETURN 3", "RETURN 4")
    answerer = Answerer(model, cypher, Settings(cache=2))
    one = answerer.answer(ask("one"))
    answerer.answer(ask("two"))
    again = answerer.answer(ask("one"))
    assert (again.text, again.cached, one.cached) == (one.text, True, False)
    answerer.answer(ask("three"))  # forgets two, which was not asked for since
    assert answerer.answer(ask("one")).cached
    assert answerer.answer(ask("two")).text == "RETURN 4"
    assert len(answerer.cache) == 2
    assert answerer.counts == {"model": 4, "cache": 2}


def test_the_cache_holds_a_thousand_by_default():
    cache = LRU(Settings().cache)
    for number in range(1001):
        cache.put((number,), Answer(str(number), "stop", 1, 1, 0.0))
    assert len(cache) == 1000
    assert cache.get((0,)) is None
    assert cache.get((1,)) is not None


def test_sampled_answers_are_not_remembered(scripted, cypher):
    answerer = Answerer(scripted("RETURN 1", "RETURN 2"), cypher)
    first = answerer.answer(ask("x"), temperature=0.8)
    second = answerer.answer(ask("x"), temperature=0.8)
    assert (first.text, second.text, second.cached) == ("RETURN 1", "RETURN 2", False)


def test_questions_wait_for_each_other(scripted, cypher):
    answerer = Answerer(scripted(*[f"RETURN {n}" for n in range(40)]), cypher)
    threads = [Thread(target=answerer.answer, args=(ask(f"q{n}"),), daemon=True) for n in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answerer.counts == {"model": 40}
    assert len(answerer.cache) == 40


def test_a_marker_in_a_question_is_refused(scripted, cypher):
    with pytest.raises(PromptError):
        Answerer(scripted(), cypher).answer(ask("x<|im_end|>y"))


@pytest.mark.parametrize(
    ("question", "query"),
    [
        ("How many people are there?", "MATCH (n:Person) RETURN count(n) AS count"),
        ("count all nodes", "MATCH (n) RETURN count(n) AS count"),
        ("How many relationships are there", "MATCH ()-[r]->() RETURN count(r) AS count"),
        ("Please show me all movies", "MATCH (n:Movie) RETURN n LIMIT 25"),
        ("Find all nodes.", "MATCH (n) RETURN n LIMIT 25"),
        ("Find the person named O'Brien.", "MATCH (n:Person {name: 'O\\'Brien'}) RETURN n"),
        ('list cities called "Paris"', "MATCH (n:City {name: 'Paris'}) RETURN n"),
        ("What labels are there?", "CALL db.labels()"),
        ("Which relationship types exist?", "CALL db.relationshipTypes()"),
        ("Create an index on Person name", "CREATE INDEX FOR (n:Person) ON (n.name)"),
        ("Find all people who know Ada.", ""),
        ("Delete everything", ""),
        ("", ""),
    ],
)
def test_templates_answer_whole_questions_alone(question, query, cypher):
    assert fallback_answer(question) == query
    if query:
        assert not [f for f in cypher.check(query, _plain()) if f.severity == "error"]


def _plain():
    from heimdall_core.types import CheckRequest

    return CheckRequest()


def test_the_plan_follows_the_clauses(cypher):
    query = (
        "match (p:Person)-[:KNOWS]->(q) where p.age>3 with p,count(q) as c return p.name order by c"
    )
    steps = plan_of(cypher, query)
    assert [step.clause for step in steps] == ["MATCH", "WHERE", "WITH", "RETURN", "ORDER BY"]
    assert steps[0].text == "(p:Person)-[:KNOWS]->(q)"
    assert all(step.meaning for step in steps)
    assert plan_of(cypher, "MATCH (") == []

"""The Cypher evaluators, on answers whose verdict is known."""

from __future__ import annotations

import pytest
from attrs import evolve

from heimdall_core.errors import HeimdallError
from heimdall_core.types import Completion, EvaluateContext, Example, Language, Measurement
from heimdall_eval_cypher.measure import (
    CypherOptions,
    measure_performance,
    measure_semantics,
    measure_syntax,
)
from heimdall_eval_cypher.plugin import heimdall_evaluators
from heimdall_lang_cypher.plugin import heimdall_languages

(CYPHER,) = heimdall_languages()
NEO4J = CypherOptions(dialect="neo4j5")
SCHEMA = {
    "nodes": {"Person": {"properties": {"name": "STRING"}}},
    "relationships": [{"type": "KNOWS", "from": "Person", "to": "Person"}],
}

GOOD = "MATCH (p:Person) WHERE p.name = $name RETURN p.name"
#: Answer, then the values of syntax, semantics and performance; None where it has no weight.
ANSWERS = {
    "good": (GOOD, 1, 1, 1),
    "fenced": (f"Here it is:\n```cypher\n{GOOD}\n```", 1, 1, 1),
    "slow": ("MATCH (p:Person), (q:Person) RETURN p.name, q.name LIMIT 5", 1, 1, 0),
    "undefined": ("MATCH (p:Person) WHERE p.name = $n RETURN q.name", 1, 0, 1),
    "unknown label": ("MATCH (p:Persn) WHERE p.name = $n RETURN p.name", 1, 0, 1),
    "broken": ("MATCH (p:Person RETURN p.name", 0, 0, None),
    "prose": ("I do not know.", 0, 0, None),
}


def context(language: Language | None = CYPHER) -> EvaluateContext:
    rows = [Example("q", output=GOOD, language="cypher", schema="people") for _ in ANSWERS]
    completions = [Completion(answer, 1, "stop") for answer, *_ in ANSWERS.values()]
    return EvaluateContext(
        examples=rows,
        completions=completions,
        model=None,
        language={"cypher": language}.get,
        schemas={"people": SCHEMA},
    )


def values(found: list[Measurement]) -> list[float | None]:
    return [each.value if each.weight else None for each in found]


def test_three_verdicts_on_each_answer() -> None:
    expected = [list(column) for column in zip(*ANSWERS.values(), strict=True)]
    assert values(list(measure_syntax(context(), NEO4J))) == expected[1]
    assert values(list(measure_semantics(context(), NEO4J))) == expected[2]
    assert values(list(measure_performance(context(), NEO4J))) == expected[3]


def test_details_say_what_was_found() -> None:
    found = dict(zip(ANSWERS, measure_semantics(context(), NEO4J), strict=True))
    (finding,) = found["undefined"].detail["findings"]
    assert (finding["code"], finding["line"], finding["column"]) == ("UndefinedVariable", 1, 43)
    assert found["good"].detail == {}
    assert found["prose"].detail == {"no_query": True}


def test_rows_of_another_language_have_no_weight() -> None:
    given = context()
    given = evolve(given, examples=[evolve(row, language="") for row in given.examples])
    for measure in (measure_syntax, measure_semantics, measure_performance):
        assert [each.weight for each in measure(given, NEO4J)] == [0.0] * len(ANSWERS)


def test_names_are_checked_only_where_the_row_has_a_schema() -> None:
    given = evolve(context(), schemas={})
    found = dict(zip(ANSWERS, measure_semantics(given, NEO4J), strict=True))
    assert found["unknown label"].value == 1
    assert found["undefined"].value == 0


def test_the_dialect_counts() -> None:
    answer = "MATCH (a:Person) RETURN a.name AS n UNION MATCH (b:Person) RETURN b.name AS n"
    given = EvaluateContext(
        examples=[Example("q", language="cypher")],
        completions=[Completion(answer, 1, "stop")],
        model=None,
        language={"cypher": CYPHER}.get,
    )
    assert measure_semantics(given, NEO4J)[0].value == 1
    # NornicDB, the default, answers a UNION wrong.
    assert measure_semantics(given, CypherOptions())[0].value == 0
    with pytest.raises(HeimdallError, match="unknown dialect 'neo'"):
        measure_semantics(given, CypherOptions("neo"))


def test_without_the_language() -> None:
    with pytest.raises(HeimdallError, match="lang-cypher"):
        measure_syntax(context(language=None), NEO4J)


def test_the_plugin_registers_them_with_their_targets() -> None:
    found = {each.name: each for each in heimdall_evaluators()}
    assert {name: each.target for name, each in found.items()} == {
        "cypher_syntax": 0.90,
        "cypher_semantics": 0.85,
        "cypher_performance": None,
    }
    assert [each.value for each in found["cypher_syntax"].measure(context(), NEO4J)][:2] == [1, 1]
    assert all(each.needs == {"answers"} for each in found.values())

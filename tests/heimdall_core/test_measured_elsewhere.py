"""Metrics and proofs come out the same wherever they are made."""

from __future__ import annotations

import pytest
from elsewhere import Elsewhere

from heimdall_core import Registry
from heimdall_core.dataset import read_examples
from heimdall_core.dataset.parallel import spread_over
from heimdall_core.pipeline.steps.evaluate import _measure
from heimdall_core.pipeline.steps.generate import all_schemas, generate_dataset
from heimdall_core.pipeline.steps.mix import default_mix
from heimdall_core.pipeline.steps.prove import prove
from heimdall_core.types import Completion, EvaluateContext, Example

REGISTRY = Registry(third_party=False, environ={})
SOURCES = default_mix(REGISTRY)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Example]:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    generate_dataset(REGISTRY, SOURCES, total=120, seed=3, output=path, max_rejected=1.0)
    return list(read_examples(path))


@pytest.mark.parametrize(
    "name",
    ["exact_match", "cypher_syntax", "cypher_semantics", "cypher_performance", "actions_shown"],
)
def test_a_metric(rows: list[Example], name: str) -> None:
    evaluator = REGISTRY.evaluator(name)
    assert evaluator.rowwise
    # Every third answer is right, every third of another row, every third broken.
    answers = [
        Completion(
            (row.output, rows[at - 1].output, row.output[: len(row.output) // 2])[at % 3], 9, "stop"
        )
        for at, row in enumerate(rows)
    ]
    context = EvaluateContext(
        examples=rows,
        completions=answers,
        model=None,
        language=REGISTRY.find_language,
        schemas=all_schemas(SOURCES),
        seed=3,
    )
    session = Elsewhere()
    here = _measure(evaluator, context, evaluator.options(), REGISTRY)
    with spread_over(session):
        there = _measure(evaluator, context, evaluator.options(), REGISTRY)
    assert there == here
    assert session.maps == 1
    assert len({measurement.value for measurement in here}) > 1


def test_a_proof(rows: list[Example]) -> None:
    pytest.importorskip("graphdblite", reason="graphdblite is not installed (extra `eval`)")
    drawn = {"some": rows[::4], "others": rows[1::4]}
    drawn = {name: [row for row in some if row.language] for name, some in drawn.items()}
    session = Elsewhere()
    found = []
    for where in (None, session):
        with spread_over(where):
            found.append(prove(REGISTRY, drawn, all_schemas(SOURCES), seed=3))
    assert {n: p.to_dict() for n, p in found[0].items()} == {
        n: p.to_dict() for n, p in found[1].items()
    }
    assert session.maps == 1
    assert found[0]["some"].executed > 0
    assert found[0]["some"].drawn == len(drawn["some"])

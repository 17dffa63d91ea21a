"""Locked suites, and rows of the training set among those of the test set."""

from __future__ import annotations

import json

import attrs
import pytest
import toy_plugins
from toy_evaluation import ROWS, call

from heimdall_core import HeimdallError, Registry, hookimpl
from heimdall_core.pipeline.steps import suite as suite_module
from heimdall_core.pipeline.steps.suite import (
    differences,
    refuse_leaks,
    refuse_near_leaks,
    require_suite,
    suite_of,
)
from heimdall_core.types import Evaluator, Example


@pytest.fixture
def registry() -> Registry:
    return Registry(discover=False, plugins=[("toy", toy_plugins)])


def test_a_suite_knows_rows_prompts_limit_and_evaluators(registry, monkeypatch):
    evaluators = {"same": registry.evaluator("same").options()}
    locked = suite_of(registry, ROWS, evaluators, max_new_tokens=9)
    assert differences(locked, suite_of(registry, ROWS, evaluators, max_new_tokens=9)) == []
    found = suite_of(registry, ROWS, evaluators, max_new_tokens=10)
    assert differences(locked, found) == ["answers of 9 and 10 tokens"]
    with pytest.raises(HeimdallError, match="has changed since it was locked: answers of 9"):
        require_suite(locked, found, "lock.json")
    monkeypatch.setattr("heimdall_core.pipeline.steps.suite.prompt_of", lambda row: "another way")
    found = suite_of(registry, ROWS, evaluators, max_new_tokens=9)
    assert differences(locked, found) == ["the same rows are rendered to other prompts"]


def test_a_suite_knows_what_judges_and_on_what(registry, monkeypatch):
    """A changed checker, other contents of a graph schema, another engine or model."""
    rows = [attrs.evolve(ROWS[0], schema="town", language="toy"), ROWS[1]]
    evaluators = {"same": registry.evaluator("same").options(), "deep": None, "scores": None}
    versions = {"engine": "e 1"}

    class Deep:
        @hookimpl
        def heimdall_evaluators(self):
            def measure(context, options):
                return []

            yield Evaluator("deep", "depends", measure, depends=lambda options: versions)
            yield Evaluator("scores", "asks a model", measure, needs=frozenset({"model"}))

    registry = Registry(discover=False, plugins=[("toy", toy_plugins), ("deep", Deep())])
    if "toy" not in registry.names("language"):
        rows = [attrs.evolve(row, language=registry.names("language")[0]) for row in rows]

    def suite(schemas):
        return suite_of(registry, rows, evaluators, max_new_tokens=9, schemas=schemas)

    town = {"nodes": {"Town": {}}}
    locked = suite({"town": town, "other": {}})
    assert differences(locked, suite({"town": dict(town), "other": {"changed": 1}})) == []
    changed = differences(locked, suite({"town": {"nodes": {"City": {}}}}))
    assert changed == [
        "'deep' has graph schemas with other contents",
        "'same' has graph schemas with other contents",
    ]
    versions = {"engine": "e 2"}
    assert differences(locked, suite({"town": town})) == ["'deep' has another dependency (engine)"]
    versions = {"engine": "e 1"}
    name = "heimdall_core.pipeline.steps.suite.code_digest"
    real = suite_module.code_digest
    owner = registry.provider("language", rows[0].language).module
    evaluator = registry.provider("evaluator", "deep").module
    monkeypatch.setattr(name, lambda module: "x" if module == owner else real(module))
    changed = differences(locked, suite({"town": town}), ["deep", "scores"])
    assert changed[0].startswith(f"'deep' has another language plugin ({rows[0].language})")
    assert owner == evaluator or len(changed) == 1  # a model's scores do not depend on it


def test_real_evaluators_name_their_engine_and_model(monkeypatch):
    from heimdall_eval_execution import measure
    from heimdall_eval_semantic_similarity import model

    registry = Registry(third_party=False)
    execution = registry.evaluator("execution")
    before = execution.depends(execution.options())
    assert before["engine"].startswith("graphdblite ")
    monkeypatch.setattr(measure, "version", lambda name: "99")
    assert execution.depends(execution.options()) == {"engine": "graphdblite 99"}
    pytest.importorskip("sentence_transformers")
    similarity = registry.evaluator("semantic_similarity")
    found = similarity.depends(similarity.options())
    assert len(found["model"]) == 16
    assert found["sentence-transformers"][0].isdigit()
    model._digest.cache_clear()
    monkeypatch.setattr(model, "model_digest", lambda folder: "f" * 64)
    assert similarity.depends(similarity.options())["model"] == "f" * 16
    model._digest.cache_clear()


def test_the_lock_keeps_its_limit_of_rows(tmp_path):
    from heimdall_core.dataset import write_examples

    data = tmp_path / "test.jsonl"
    write_examples(data, ROWS)
    lock = tmp_path / "test.suite.json"
    done = call("suite", "lock", data, "--metric", "exact_match", "--max-rows", 10)
    assert done.exit_code == 0, done.output
    assert call("suite", "check", lock, data).exit_code == 0
    assert "other rows (10 and 20" in str(
        call("suite", "check", lock, data, "--max-rows", 20).exception
    )
    plain = json.loads(lock.read_text(encoding="utf-8"))
    del plain["max_rows"]  # as it was written before
    lock.write_text(json.dumps(plain), encoding="utf-8")
    assert call("suite", "check", lock, data).exit_code == 0
    arguments = ("evaluate", "--model-dir", tmp_path / "no.gguf", "--test-dataset", data)
    done = call(*arguments, "--metric", "exact_match", "--suite", lock)
    assert "no such file" in str(done.exception)  # the suite was not what stopped it
    done = call(*arguments, "--metric", "exact_match", "--suite", lock, "--max-rows", 11)
    assert "other rows (10 and 11" in str(done.exception)


def test_a_search_that_was_left_out_is_noted(tmp_path, monkeypatch):
    from heimdall_core.dataset import write_examples

    monkeypatch.setattr(suite_module, "available", lambda: False)
    data, train = tmp_path / "test.jsonl", tmp_path / "train.jsonl"
    write_examples(data, ROWS[:2])
    write_examples(train, ROWS[5:])
    arguments = ("--model-dir", tmp_path / "no.gguf", "--train-dataset", train)
    done = call("evaluate", *arguments, "--test-dataset", data)
    assert done.stderr.count("were not looked for: that needs numpy and rensa") == 1
    monkeypatch.undo()
    assert "not looked for" not in call("evaluate", *arguments, "--test-dataset", data).stderr


def test_training_rows_in_the_test_set_are_refused(tmp_path):
    from heimdall_core.dataset import write_examples

    train = tmp_path / "train.jsonl"
    write_examples(train, [Example("else", output="x"), ROWS[3], ROWS[4]])
    with pytest.raises(
        HeimdallError, match=r"2 of 40 test rows stand in the training set.*number 3"
    ):
        refuse_leaks(train, ROWS, "test.jsonl")
    # Another answer to the same question is a leak as well.
    write_examples(train, [attrs.evolve(ROWS[3], output="FETCH other")])
    with pytest.raises(HeimdallError, match="1 of 40"):
        refuse_leaks(train, ROWS, "test.jsonl")
    shouted = attrs.evolve(ROWS[3], instruction=f"{ROWS[3].instruction.upper()} !")
    write_examples(train, [shouted])
    with pytest.raises(HeimdallError, match="1 of 40"):
        refuse_leaks(train, ROWS, "test.jsonl")
    write_examples(train, [Example("else", output="x")])
    refuse_leaks(train, ROWS, "test.jsonl")


def test_almost_equal_rows_with_the_same_answer_are_refused(tmp_path):
    from heimdall_core.dataset import write_examples

    asked = "Please list the names of all persons that live in the old town by the river"
    train, test = tmp_path / "train.jsonl", tmp_path / "test.jsonl"
    query = {"output": "MATCH (p:Person) RETURN p.name", "language": "cypher"}
    write_examples(test, [Example(asked, **query)])
    write_examples(train, [Example(f"{asked}s", **query)])
    refuse_leaks(train, [Example(asked, **query)], "test.jsonl")
    with pytest.raises(HeimdallError, match="1 almost equal rows of the test set stand"):
        refuse_near_leaks(train, test, "test.jsonl")
    write_examples(train, [Example(f"{asked}s", output="MATCH (t:Town) RETURN t")])
    refuse_near_leaks(train, test, "test.jsonl")

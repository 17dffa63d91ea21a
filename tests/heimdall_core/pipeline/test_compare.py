"""Which of two models is better, and what quantisation costs."""

from __future__ import annotations

import json
import random

import attrs
import pytest
import toy_plugins
from toy_evaluation import ROWS, call, measured

from heimdall_core import HeimdallError, Registry
from heimdall_core.errors import FindingsError
from heimdall_core.pipeline.compare import compare_files, paired
from heimdall_core.pipeline.deltas import in_order, quantisation_deltas
from heimdall_core.pipeline.steps.answers import read_answers
from heimdall_core.pipeline.steps.suite import (
    read_suite,
    suite_path,
)
from heimdall_core.types import Example, Measurement


def marks(values) -> list[Measurement]:
    return [Measurement(float(value)) for value in values]


@pytest.fixture
def registry() -> Registry:
    return Registry(discover=False, plugins=[("toy", toy_plugins)])


def test_clear_cases_are_told_and_unclear_ones_are_not():
    base = [n % 2 for n in range(200)]
    better = [1 if n % 10 == 0 else value for n, value in enumerate(base)]
    found = paired("m", marks(base), marks(better))
    assert (found.verdict, found.differing) == ("better", 20)
    assert found.low <= found.difference <= found.high
    assert found.difference == pytest.approx(0.1)
    assert paired("m", marks(better), marks(base)).verdict == "worse"
    assert paired("m", marks(base), marks(base)).verdict == "can't tell"
    rng = random.Random(1)
    noise = [rng.randint(0, 1) for _ in range(200)]
    other = [rng.randint(0, 1) for _ in range(200)]
    assert paired("m", marks(noise), marks(other)).verdict == "can't tell"


def test_pairing_tells_what_two_separate_intervals_would_not():
    """Two rows in a hundred come out better, none worse: the intervals of 0.50 and 0.58 overlap."""
    base = [n % 2 for n in range(100)]
    better = [1 if n in range(0, 16, 2) else value for n, value in enumerate(base)]
    assert paired("m", marks(base), marks(better)).verdict == "better"


def test_a_handful_of_rows_tells_nothing():
    assert paired("m", marks([0] * 5), marks([1] * 5)).verdict == "can't tell"
    assert paired("m", marks([0] * 6), marks([1] * 6)).verdict == "better"


def test_lower_may_be_better_and_an_aggregate_of_its_own_is_used():
    first, second = marks([10 + n % 3 for n in range(60)]), marks([8 + n % 3 for n in range(60)])
    found = paired(
        "m", first, second, higher_is_better=False, aggregate=lambda m: max(x.value for x in m)
    )
    assert (found.first, found.second, found.verdict) == (12, 10, "better")


def test_rows_without_weight_are_left_out():
    first = [*marks([1] * 10), *(Measurement(0.0, weight=0.0) for _ in range(5))]
    second = [*marks([0] * 10), *(Measurement(0.0, weight=0.0) for _ in range(5))]
    found = paired("m", first, second)
    assert (found.rows, found.first, found.verdict) == (10, 1.0, "worse")
    nothing = [Measurement(0.0, weight=0.0)]
    assert paired("m", nothing, nothing).verdict == "can't tell"


def test_it_is_right_about_nineteen_times_in_twenty():
    """Two equally good models: at most one comparison in ten says otherwise."""
    rng = random.Random(5)
    told = 0
    for seed in range(60):
        pair = [[float(rng.random() < 0.6) for _ in range(80)] for _ in range(2)]
        told += paired("m", *map(marks, pair), seed=seed, resamples=300).verdict != "can't tell"
    assert told <= 6


def test_files_of_one_suite_are_compared(registry, tmp_path):
    one = measured(registry, tmp_path / "one.jsonl", 10)
    two = measured(registry, tmp_path / "two.jsonl", 30)
    [found] = compare_files(registry, one, two)
    assert (found.metric, found.first, found.second) == ("same", 0.25, 0.75)
    assert found.verdict == "better"


def test_a_changed_suite_is_refused(registry, tmp_path):
    one = measured(registry, tmp_path / "one.jsonl", 10)
    fewer = measured(registry, tmp_path / "fewer.jsonl", 30, ROWS[:-1])
    with pytest.raises(HeimdallError, match=r"other rows \(40 and 39 rows\)"):
        compare_files(registry, one, fewer)
    other = [attrs.evolve(row, output=row.output + " ") for row in ROWS]
    with pytest.raises(HeimdallError, match="other rows"):
        compare_files(registry, one, measured(registry, tmp_path / "o.jsonl", 30, other))
    two = measured(registry, tmp_path / "two.jsonl", 30)
    suite = json.loads(suite_path(two).read_text(encoding="utf-8"))
    suite["evaluators"]["same"]["version"] = "2"
    suite_path(two).write_text(json.dumps(suite), encoding="utf-8")
    with pytest.raises(HeimdallError, match="'same' has another version"):
        compare_files(registry, one, two)
    suite_path(two).unlink()
    with pytest.raises(HeimdallError, match="cannot be read"):
        compare_files(registry, one, two)


def test_what_quantisation_costs():
    def entry(kind, value, test_set="test"):
        return {"value": value, "artefact": kind, "test_set": test_set, "higher_is_better": True}

    metrics = {
        "same": entry("Q4_K_M", 0.7),
        "same@F16": entry("F16", 0.9),
        "same@Q8_0": entry("Q8_0", 0.85),
        "same/unseen": entry("Q4_K_M", 0.1, "test_unseen"),
        "train.loss": {"value": 1},
    }
    [row] = quantisation_deltas(metrics)
    assert list(row.values) == ["F16", "Q8_0", "Q4_K_M"]
    assert row.delta("Q4_K_M") == pytest.approx(-0.2)
    assert in_order(["Q4_K_M", "Q2_K", "model", "BF16", "Q8_0", "F16", "Q5_0"]) == [
        "model", "BF16", "F16", "Q8_0", "Q5_0", "Q4_K_M", "Q2_K",
    ]  # fmt: skip


def test_compare_and_suite_on_the_command_line(tmp_path, taught_gguf):
    from heimdall_core.dataset import write_examples

    rows = [
        Example("Find all people.", output="MATCH (p:Person) RETURN p", language="cypher"),
        Example("Count the cities.", output="MATCH (c:City) RETURN count(c)", language="cypher"),
        Example("Smile.", output="nothing of the kind"),
    ]
    data = tmp_path / "test.jsonl"
    write_examples(data, rows)
    done = call("suite", "lock", data, "--metric", "exact_match", "--max-new-tokens", 48)
    assert done.exit_code == 0, done.output
    lock = tmp_path / "test.suite.json"
    assert read_suite(lock)["rows"]["count"] == 3
    assert call("suite", "check", lock, data).exit_code == 0
    output = tmp_path / "answers.jsonl"
    arguments = (
        *(
            "evaluate",
            "--model_dir",
            taught_gguf,
            "--test_dataset",
            data,
            "--metric",
            "exact_match",
        ),
        *("--max-new-tokens", 48, "--output", output, "--suite", lock),
    )
    done = call(*arguments)
    assert done.exit_code == 0, done.output
    assert [r.measurements["exact_match"].value for r in read_answers(output)] == [1, 1, 0]
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []
    assert "missed (own)" in done.output
    assert "the evaluator's own target, which gates nothing" in done.output
    done = call(*arguments, "--target", "exact_match=0.6")
    assert "(own)" not in done.output
    done = call(*arguments, "--target", "exact_match=0.9")
    assert isinstance(done.exception, FindingsError)
    assert "exact_match 0.6667 (target 0.9)" in str(done.exception)
    assert "exact_match" in done.output  # the table is shown all the same
    done = call("compare", output, output, "--json", "--suite", lock)
    assert json.loads(done.output)["exact_match"]["verdict"] == "can't tell"
    write_examples(data, rows[:2])
    done = call(*arguments)
    assert "has changed since it was locked" in str(done.exception)
    done = call("suite", "check", lock, data)
    assert "other rows (3 and 2 rows)" in str(done.exception)
    done = call(*arguments[:-2], "--train-dataset", data)
    assert "2 of 2 test rows stand in the training set" in str(done.exception)

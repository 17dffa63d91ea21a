"""Which of two models is better; locked suites; answers taken up again."""

from __future__ import annotations

import json
import random
from pathlib import Path

import attrs
import pytest
import toy_plugins
from click.testing import CliRunner

from heimdall_core import HeimdallError, Registry, hookimpl
from heimdall_core.cli.main import cli
from heimdall_core.errors import FindingsError
from heimdall_core.pipeline.compare import compare_files, paired
from heimdall_core.pipeline.deltas import in_order, quantisation_deltas
from heimdall_core.pipeline.steps import suite as suite_module
from heimdall_core.pipeline.steps.answers import AnswerLog, read_answers
from heimdall_core.pipeline.steps.evaluate import (
    difficulty,
    evaluate_model,
    missed_targets,
    write_report,
)
from heimdall_core.pipeline.steps.guard import guarded
from heimdall_core.pipeline.steps.models import answer_rows, prompt_of
from heimdall_core.pipeline.steps.suite import (
    differences,
    read_suite,
    refuse_leaks,
    refuse_near_leaks,
    require_suite,
    suite_of,
    suite_path,
)
from heimdall_core.types import Completion, Evaluator, Example, Measurement


def marks(values) -> list[Measurement]:
    return [Measurement(float(value)) for value in values]


@pytest.fixture
def registry() -> Registry:
    return Registry(discover=False, plugins=[("toy", toy_plugins)])


ROWS = [Example(f"fetch the number {n}", output=f"FETCH {n}", category="even") for n in range(40)]


class Parrot:
    """Answers from a table, and counts what it was asked."""

    name, context_size = "parrot", 100

    def __init__(self, right: int = 40) -> None:
        self.answers = {prompt_of(row): row.output for row in ROWS[:right]}
        self.asked: list[str] = []

    def generate(self, prompts, *, max_new_tokens, **settings):
        self.asked += prompts
        return [Completion(self.answers.get(p, "no"), 3, "stop", 0.5) for p in prompts]


# --- the statistics ------------------------------------------------------------------------------


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


# --- suites --------------------------------------------------------------------------------------


def measured(registry: Registry, path: Path, right: int, rows=ROWS) -> Path:
    report = evaluate_model(
        registry,
        Parrot(right),
        rows,
        {"same": registry.evaluator("same").options()},
        max_new_tokens=9,
    )
    write_report(path, rows, report)
    return path


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


def test_skipped_rows_are_counted_by_reason():
    from heimdall_core.cli.summary import skipped_lines
    from heimdall_core.pipeline.steps.evaluate import skipped_reasons

    def skipped(*reasons):
        return [Measurement(1.0), *(Measurement(0.0, 0.0, {"skipped": r}) for r in reasons)]

    assert skipped_reasons(skipped("b: 1", "a", "b: 1")) == {"b: 1": 2, "a": 1}
    assert skipped_reasons(skipped(*(f"b: {n}" for n in range(20)))) == {"b": 20}
    assert skipped_reasons([Measurement(0.0, 0.0)]) == {"no reason given": 1}
    lines = skipped_lines({"m": {"skipped": {"b": 2, "a": 1}}, "n": {"skipped": {}}})
    assert lines == ["m: 3 rows not measured (2: b; 1: a)"]


# --- answers -------------------------------------------------------------------------------------


def test_answers_are_taken_up_where_a_killed_run_has_left_them(tmp_path):
    path = tmp_path / "log.jsonl"
    model = Parrot()
    with AnswerLog(path, "key") as log:
        first = answer_rows(model, ROWS[:30], max_new_tokens=9, log=log)
        assert len(path.read_text(encoding="utf-8").splitlines()) == 31
    with path.open("a", encoding="utf-8") as file:
        file.write(
            '{"prompt": "ab',
        )  # the line that was being written
    model = Parrot()
    with AnswerLog(path, "key") as log:
        found = answer_rows(model, ROWS, max_new_tokens=9, log=log)
    assert len(model.asked) == 10
    assert found[:30] == first
    assert [a.text for a in found] == [row.output for row in ROWS]
    model = Parrot()
    with AnswerLog(path, "another model") as log:
        answer_rows(model, ROWS, max_new_tokens=9, log=log)
    assert len(model.asked) == 40


def test_a_prompt_that_several_rows_share_is_asked_once():
    model = Parrot()
    found = answer_rows(model, [ROWS[0], ROWS[1], ROWS[0]], max_new_tokens=9)
    assert len(model.asked) == 2
    assert [a.text for a in found] == ["FETCH 0", "FETCH 1", "FETCH 0"]


def test_an_answers_file_reads_back(registry, tmp_path):
    path = measured(registry, tmp_path / "a.jsonl", 10)
    rows = list(read_answers(path))
    assert [row.measurements["same"].value for row in rows] == [1.0] * 10 + [0.0] * 30
    assert rows[0].expected == rows[0].answer == "FETCH 0"
    assert rows[0].category == "even"
    path.write_text('{"instruction": "a row of a dataset", "output": "x"}\n', encoding="utf-8")
    with pytest.raises(HeimdallError, match=r"a\.jsonl:1.*no line of an answers file"):
        list(read_answers(path))


# --- gates and groups ----------------------------------------------------------------------------


def evaluate(registry, rows=ROWS, **arguments):
    evaluators = {"same": registry.evaluator("same").options()}
    return evaluate_model(registry, Parrot(10), rows, evaluators, max_new_tokens=9, **arguments)


def test_a_missed_target_is_said_and_one_that_nothing_was_measured_for(registry):
    [result] = evaluate(registry, targets={"same": 0.9}).results
    assert missed_targets({"same": result.to_dict()}) == ["same 0.25 (target 0.9)"]
    [result] = evaluate(registry, targets={"same": 0.2}).results
    assert missed_targets({"same": result.to_dict()}) == []

    class Weightless:
        @staticmethod
        def measure(context, options):
            return [Measurement(0.0, weight=0.0) for _ in context.examples]

    plugin = Evaluator("none", "measures nothing", Weightless.measure, target=0.5)

    class Plugin:
        @hookimpl
        def heimdall_evaluators(self):
            yield plugin

    registry = Registry(discover=False, plugins=[("nothing", Plugin())])
    for targets, missed in (({}, []), ({"none": 0.5}, ["none was not measured (target 0.5)"])):
        [result] = evaluate_model(
            registry, Parrot(), ROWS, {"none": None}, max_new_tokens=9, targets=targets
        ).results
        assert missed_targets({"none": result.to_dict()}) == missed


def test_aggregates_by_category_difficulty_and_context_size(registry):
    rows = [
        attrs.evolve(
            row,
            category="odd" if n % 2 else "even",
            context_size="small" if n < 20 else "xl",
            meta={"difficulty": "hard"} if n < 10 else {},
        )
        for n, row in enumerate(ROWS)
    ]
    report = evaluate(registry, rows)
    [result] = report.results
    assert {k: m.n for k, m in result.by_category.items()} == {"even": 20, "odd": 20}
    assert {k: m.value for k, m in result.by_difficulty.items()} == {"hard": 1.0, "none": 0.0}
    assert {k: m.value for k, m in result.by_context_size.items()} == {"small": 0.5, "xl": 0.0}
    for groups in (result.by_category, result.by_difficulty, result.by_context_size):
        assert all(m.low <= m.value <= m.high for m in groups.values())


def test_difficulty_comes_from_the_row_or_its_language():
    registry = Registry(third_party=False)
    query = "MATCH (p:Person) RETURN p.name"
    assert difficulty(Example("q", output=query, language="cypher"), registry) == "1"
    assert difficulty(Example("q", output=query, meta={"difficulty": 3}), registry) == "3"
    assert difficulty(Example("q", output="prose"), registry) == ""
    assert difficulty(Example("q", output="MATCH (", language="cypher"), registry) in ("", "1")


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


# --- what goes wrong ----


class Measures:
    """Evaluators of somebody else."""

    @hookimpl
    def heimdall_evaluators(self):
        def broken(context, options):
            raise TypeError("unsupported operand")

        def lost(context, options):
            gone = {"skipped": "the server is gone", "lost": "the server is gone"}
            return [
                Measurement(1.0) if n < 3 else Measurement(0.0, 0.0, gone)
                for n in range(len(context.examples))
            ]

        def scores(context, options):
            return [Measurement(sum(s.log_probs)) for s in context.model.score([("a", "b")])]

        def odd(measurements):
            raise ZeroDivisionError("no rows")

        right = lambda context, options: [Measurement(1.0) for _ in context.examples]  # noqa: E731
        yield Evaluator("broken", "raises", broken)
        yield Evaluator("lost", "is left alone", lost)
        yield Evaluator("scores", "asks for scores", scores, needs=frozenset({"model"}))
        yield Evaluator("odd", "cannot be summed up", right, aggregate=odd)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("broken", "evaluator broken: TypeError: unsupported operand"),
        ("lost", "lost: the server is gone"),
        ("odd", "evaluator odd: aggregate: ZeroDivisionError: no rows"),
    ],
)
def test_a_metric_that_fails_leaves_the_others_their_figures(name, told):
    registry = Registry(discover=False, plugins=[("toy", toy_plugins), ("m", Measures())])
    events = []
    evaluators = {name: None, "same": registry.evaluator("same").options()}
    report = evaluate_model(
        registry, Parrot(10), ROWS, evaluators, max_new_tokens=9, emit=events.append
    )
    values = {r.metric: r.value.value for r in report.results}
    assert values["same"] == 0.25
    assert [str(error) for error in report.failed.values()] == [told]
    assert any(told.split(": ", 1)[1] in e.message for e in events if e.kind == "warning")
    with pytest.raises(HeimdallError, match=r"not measured to the end: .*; nothing is lost"):
        report.require_all("m", "nothing is lost")
    if name == "lost":
        [result] = [r for r in report.results if r.metric == "lost"]
        assert result.skipped == {"the server is gone": 37}


@pytest.mark.parametrize(
    ("score", "told"),
    [
        (lambda self, pairs: None + 1, "score: TypeError: unsupported operand"),
        (lambda self, pairs: None, "score: returned NoneType for 1 prompts"),
        (lambda self: [], "score: TypeError: "),
    ],
)
def test_what_a_runtime_does_wrong_is_not_the_evaluators_fault(score, told):
    registry = Registry(discover=False, plugins=[("toy", toy_plugins), ("m", Measures())])
    model = type("Model", (Parrot,), {"score": score})()
    report = evaluate_model(registry, model, ROWS[:1], {"scores": None}, max_new_tokens=9)
    error = str(report.failed["scores"])
    assert error.startswith("runtime of ")
    assert "test_compare.Model: " in error
    assert told in error
    assert "evaluator" not in error
    toy = toy_plugins.ToyModel.__new__(toy_plugins.ToyModel)
    assert guarded(registry, toy)._owner.startswith("runtime toy")


# --- the command line ----------------------------------------------------------------------------


def call(*arguments):
    return CliRunner().invoke(cli, list(map(str, arguments)))


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


def test_figures_are_shown_and_written_before_the_error(tmp_path, taught_gguf, monkeypatch):
    from heimdall_core.dataset import write_examples
    from heimdall_eval_exact_match import measure as exact

    monkeypatch.setattr(exact, "measure", lambda context, options=None: 1 / 0)
    data, output = tmp_path / "test.jsonl", tmp_path / "answers.jsonl"
    write_examples(data, [Example("Count the cities.", output="MATCH (c:City) RETURN count(c)")])
    arguments = ("--model-dir", taught_gguf, "--test-dataset", data, "--output", output)
    metrics = ("--metric", "exact_match", "--metric", "perplexity", "--max-new-tokens", 48)
    done = call("evaluate", *arguments, *metrics)
    assert done.exception.exit_code == 2
    assert "evaluator exact_match: ZeroDivisionError" in str(done.exception)
    assert f"the other figures are above and in {output}" in str(done.exception)
    assert "perplexity" in done.output
    [row] = read_answers(output)
    assert list(row.measurements) == ["perplexity"]
    assert (tmp_path / ".answers.jsonl.answers").exists()  # the next call need not ask again
    found = json.loads(call("evaluate", *arguments, *metrics, "--json").stdout)
    assert list(found["metrics"]) == ["perplexity"]
    assert "ZeroDivisionError" in found["failed"]["exact_match"]


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (("--metric", "exact_mach"), "did you mean 'exact_match'"),
        (("--metric", "exact_match", "--set", "exact_match.mod=raw"), "did you mean 'mode'"),
        (("--metric", "exact_match", "--set", "mode=raw"), "METRIC.KEY=VALUE"),
        (("--metric", "exact_match", "--target", "exact=1"), "did you mean 'exact_match'"),
        (("--metric", "exact_match", "--target", "exact_match=high"), "'high' is no number"),
    ],
)
def test_bad_settings_are_one_clear_line(tmp_path, extra, message):
    from heimdall_core.dataset import write_examples

    data = tmp_path / "test.jsonl"
    write_examples(data, ROWS[:2])
    done = call("evaluate", "--model-dir", tmp_path / "no.gguf", "--test-dataset", data, *extra)
    assert isinstance(done.exception, HeimdallError)
    assert message in str(done.exception)

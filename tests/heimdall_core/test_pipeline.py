"""The pipeline: caching, resume after a kill, the lock, the manifest, and what goes wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
import toy_plugins
from toy_recipe import RECIPE

from heimdall_core import (
    Estimate,
    Event,
    Generator,
    HeimdallError,
    Recipe,
    Registry,
    RunResult,
    hookimpl,
    run,
)
from heimdall_core.errors import FindingsError, PluginError
from heimdall_core.pipeline import list_runs, read_manifest
from heimdall_core.pipeline.plan import plan
from heimdall_core.pipeline.runner import prune_run, remove_run
from heimdall_core.pipeline.store import RunFolder
from heimdall_core.recipe_data import merge

SUPPORT = Path(__file__).parents[1] / "support"
STAGES = ["generate", "validate", "correct", "split", "train", "export", "verify", "evaluate"]

Runner = Callable[..., RunResult]


@pytest.fixture
def registry() -> Registry:
    return Registry(discover=False, plugins=[("toy", toy_plugins)])


@pytest.fixture
def go(registry: Registry, tmp_path: Path) -> Runner:
    def start(changes: dict[str, Any] | None = None, **arguments: Any) -> RunResult:
        recipe = Recipe.from_dict(merge(RECIPE, changes or {}), registry)
        return run(recipe, registry=registry, **{"runs": tmp_path / "runs", **arguments})

    return start


def fresh(result: RunResult) -> list[str]:
    return [name for name, stage in result.stages.items() if not stage.cached]


def digests(result: RunResult) -> dict[str, str]:
    return {name: stage.record.digest for name, stage in result.stages.items()}


def test_a_run_goes_through_every_stage_and_says_what_it_came_to(go: Runner) -> None:
    result = go()
    assert list(result.stages) == STAGES
    metric = result.metrics["same"]
    assert metric["value"] == 1.0
    assert metric["n"] == 20
    assert metric["low"] < 1.0 <= metric["high"]
    assert metric["reached"] is True
    manifest = json.loads((result.folder / "manifest.json").read_text(encoding="utf-8"))
    for stage in manifest["stages"]:
        assert stage["seconds"] >= 0
        assert stage["peak_bytes"] > 0
        assert stage["versions"]["python"]
    [file] = [a for a in manifest["artefacts"] if a["path"].endswith(".toy")]
    path = result.folder / file["path"]
    assert path.stat().st_size == file["bytes"]
    assert len(file["sha256"]) == 64


def test_a_second_run_does_nothing(go: Runner) -> None:
    first, second = go(), go()
    assert fresh(second) == []
    assert digests(first) == digests(second)


def test_the_same_recipe_gives_the_same_bytes_however_long_the_training_took(
    go: Runner, tmp_path: Path
) -> None:
    first, second = go(runs=tmp_path / "one"), go(runs=tmp_path / "two")
    assert digests(first) == digests(second)
    one, two = (read_manifest(r.folder.parent, r.folder.name) for r in (first, second))
    assert one["artefacts"] == two["artefacts"]  # the model card and its figures among them
    # … and the manifest still tells the times, which differ.
    assert one["metrics"]["train.seconds"]["value"] != two["metrics"]["train.seconds"]["value"]
    assert "tokens_per_second" in first.stages["train"].record.counts["history"][0]


@pytest.mark.parametrize(
    ("changes", "redone"),
    [
        ({"evaluate": {"max_rows": 10}}, ["evaluate"]),
        (
            {"export": {"options": {"toy": {"types": ["T1", "T2"]}}}},
            ["export", "verify", "evaluate"],
        ),
        ({"train": {"learning_rate": 0.2}}, ["train", "export", "verify", "evaluate"]),
        ({"validate": {"max_duplicate_share": 0.5}}, ["validate"]),
        ({"generate": {"mix": {"toy": {"word": "thing"}}}}, STAGES),
        ({"seed": 4}, None),
    ],
    ids=["evaluate", "export", "train", "validate", "generate", "seed"],
)
def test_one_change_redoes_its_stage_and_what_hangs_on_it(
    go: Runner, changes: dict[str, Any], redone: list[str] | None
) -> None:
    go()
    result = go(changes)
    if redone is not None:
        # A stage whose inputs came out as before is not redone, though an earlier one was.
        assert fresh(result) == redone
    else:
        assert fresh(result)[0] == "generate"
    assert fresh(go()) == []  # the first recipe's outputs are still there


def test_a_changed_output_is_made_again(go: Runner) -> None:
    first = go()
    model = first.stages["train"].folder / "model" / "table.json"
    model.write_text("[]", encoding="utf-8")
    second = go()
    assert fresh(second) == ["train"]
    assert digests(first) == digests(second)


@pytest.mark.parametrize("moment", ["early", "late"])
@pytest.mark.parametrize("stage", STAGES)
def test_kill_9_in_any_stage_and_a_new_run_gives_the_same(
    go: Runner, tmp_path: Path, stage: str, moment: str
) -> None:
    expected = digests(go())
    other = tmp_path / "killed"
    child = subprocess.Popen(
        [sys.executable, str(SUPPORT / "killed_run.py"), str(other), stage, moment],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdin is not None
    try:
        assert child.stdout.readline() == "reached\n"
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
        child.stdin.close()
    registry = Registry(discover=False, plugins=[("toy", toy_plugins)])
    result = run(Recipe.from_dict(RECIPE, registry), registry=registry, runs=other)
    assert digests(result) == expected
    assert fresh(result) == STAGES[STAGES.index(stage) :]
    assert not list(result.folder.rglob("rubbish*"))
    assert not list(result.folder.rglob(".partial*"))


def test_a_second_run_at_once_is_refused_and_a_dead_one_holds_nothing(
    go: Runner, tmp_path: Path
) -> None:
    child = subprocess.Popen(
        [sys.executable, str(SUPPORT / "killed_run.py"), str(tmp_path / "runs"), "train", "early"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdin is not None
    try:
        assert child.stdout.readline() == "reached\n"
        with pytest.raises(HeimdallError, match="another run is at work"):
            go()
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
        child.stdin.close()
    assert fresh(go())[0] == "train"


def test_until_stops_after_a_stage(go: Runner) -> None:
    assert list(go(until="split").stages) == STAGES[:4]
    with pytest.raises(HeimdallError, match="did you mean 'split'"):
        go(until="splt")


def test_rows_with_an_error_stop_the_run_and_are_named(go: Runner, tmp_path: Path) -> None:
    with pytest.raises(FindingsError, match=r"3 of 403 rows rejected .* must start with FETCH"):
        go({"generate": {"mix": {"toy": {"wrong": 3}}}})
    result = go({"generate": {"mix": {"toy": {"wrong": 3}}, "max_rejected": 0.01}})
    record = result.stages["generate"].record
    assert record.counts["rejected"] == 3
    rejects = (result.stages["generate"].folder / "rejected.jsonl").read_text(encoding="utf-8")
    assert len(rejects.splitlines()) == 3
    assert "BAD" not in (result.stages["generate"].folder / "rows.jsonl").read_text("utf-8")
    assert list(tmp_path.glob("runs/toy/stages/.partial*")) == []


def test_shortfall_and_copies_are_said_not_filled(go: Runner) -> None:
    result = go({"generate": {"mix": {"toy": {"most": 200, "copies": 5}}}})
    counts = result.stages["generate"].record.counts
    assert (counts["rows"], counts["wanted"], counts["duplicates"]) == (200, 400, 5)
    text = " ".join(counts["notes"])
    assert "toy can make 200 rows" in text
    assert "400 rows wanted, 200 made" in text


def test_a_plugin_that_raises_is_named(tmp_path: Path) -> None:
    def boom(context: object, options: object) -> None:
        raise KeyError("lost")

    @hookimpl
    def heimdall_generators():  # type: ignore[no-untyped-def]
        yield Generator("boom", "raises", ("c",), boom)  # type: ignore[arg-type]

    registry = Registry(
        discover=False,
        plugins=[
            ("toy", toy_plugins),
            ("b", SimpleNamespace(heimdall_generators=heimdall_generators)),
        ],
    )
    recipe = Recipe.from_dict({**RECIPE, "generate": {"mix": {"boom": {}}}}, registry)
    with pytest.raises(PluginError, match="generator boom: KeyError: 'lost'"):
        run(recipe, registry=registry, runs=tmp_path)


def test_events_reach_the_observer_and_the_log(go: Runner) -> None:
    seen: list[Event] = []
    result = go(on_event=seen.append)
    assert any(e.kind == "metric" and e.stage == "train" for e in seen)
    text = (result.folder / "log.jsonl").read_text(encoding="utf-8")
    log = [json.loads(line) for line in text.splitlines()]
    assert len({entry["attempt"] for entry in log}) == 1
    assert {entry["run"] for entry in log} == {"toy"}
    metrics = [e for e in log if (e["stage"], e["kind"]) == ("train", "metric")]
    assert [entry["values"]["loss"] for entry in metrics][-1] == 0.25
    finished = [e for e in log if e["message"].startswith("finished")]
    assert [entry["stage"] for entry in finished] == list(result.stages)
    assert all(entry["values"]["seconds"] >= 0 for entry in finished)
    made = [e for e in log if (e["stage"], e["kind"]) == ("generate", "progress")]
    assert (made[-1]["done"], made[-1]["total"]) == (400, 400)
    assert (log[-1]["stage"], log[-1]["kind"]) == ("run", "ended")


def test_the_saved_recipe_runs_again_and_finds_everything_done(
    go: Runner, registry: Registry, tmp_path: Path
) -> None:
    first = go()
    again = Recipe.load(first.folder / "recipe.toml", registry)
    assert fresh(run(again, registry=registry, runs=tmp_path / "runs")) == []


def test_the_plan_says_what_is_done_and_what_is_not(
    go: Runner, registry: Registry, tmp_path: Path
) -> None:
    recipe = Recipe.from_dict(RECIPE, registry)
    before = {line.stage: line for line in plan(recipe, registry, tmp_path / "runs")}
    assert [line.state for line in before.values()] == ["run"] + ["depends"] * 7
    assert before["generate"].seconds is not None
    assert before["export"].basis == "the trainer makes no forecast"
    assert list_runs(tmp_path / "runs") == []  # planning makes no folder
    go()
    after = plan(recipe, registry, tmp_path / "runs")
    assert {line.state for line in after} == {"cached"}
    changed = Recipe.from_dict(merge(RECIPE, {"train": {"learning_rate": 0.5}}), registry)
    lines = {line.stage: line for line in plan(changed, registry, tmp_path / "runs")}
    assert [name for name, line in lines.items() if line.state != "cached"] == STAGES[4:]
    assert lines["train"].basis == "its last run in this folder"


def test_the_plan_forecasts_what_follows_training(tmp_path: Path) -> None:
    """Ten rows of a model of 1 M parameters at 100 tokens a second."""

    def estimate(config: object, rows: int, tokens: float) -> Estimate:
        return Estimate(60.0, 10**9, {"parameters": 10**6, "tokens_per_second": 100.0})

    @hookimpl
    def heimdall_trainers():  # type: ignore[no-untyped-def]
        [toy] = toy_plugins.heimdall_trainers()
        yield attrs.evolve(toy, name="timed", estimate=estimate)

    timed = SimpleNamespace(heimdall_trainers=heimdall_trainers)
    registry = Registry(discover=False, plugins=[("toy", toy_plugins), ("timed", timed)])
    recipe = Recipe.from_dict(merge(RECIPE, {"train": {"trainer": "timed"}}), registry)
    lines = {line.stage: line for line in plan(recipe, registry, tmp_path)}
    assert (lines["train"].seconds, lines["train"].bytes) == (60.0, 10**9)
    twice = merge(RECIPE, {"train": {"trainer": "timed"}, "verify": {"answers": 100}})
    double = {
        line.stage: line for line in plan(Recipe.from_dict(twice, registry), registry, tmp_path)
    }
    for stage in ("export", "verify", "evaluate"):
        assert (lines[stage].seconds or 0) > 0
        assert (lines[stage].bytes or 0) > 8 * 10**6
        assert lines[stage].basis.startswith("rough: ")
    assert "100 answers" in lines["verify"].basis  # 50 prompts, asked of both
    assert double["verify"].seconds - 1 == pytest.approx(2 * (lines["verify"].seconds - 1))  # type: ignore[operator]


def test_runs_are_listed_and_an_unknown_one_is_told_with_the_nearest(
    go: Runner, tmp_path: Path
) -> None:
    go()
    assert list_runs(tmp_path / "runs") == ["toy"]
    with pytest.raises(HeimdallError, match="did you mean 'toy'"):
        read_manifest(tmp_path / "runs", "toi")


def test_a_damaged_manifest_is_said_and_breaks_no_listing(go: Runner, tmp_path: Path) -> None:
    result = go()
    (result.folder / "manifest.json").write_text("{}", encoding="utf-8")
    with pytest.raises(HeimdallError, match="is damaged"):
        read_manifest(tmp_path / "runs", "toy")
    assert fresh(go()) == []  # the stages are whole; the run mends its manifest
    assert read_manifest(tmp_path / "runs", "toy")["name"] == "toy"


def test_pruning_keeps_what_the_newest_settings_use(
    go: Runner, registry: Registry, tmp_path: Path
) -> None:
    go()
    changed = Recipe.from_dict(merge(RECIPE, {"train": {"learning_rate": 0.5}}), registry)
    run(changed, registry=registry, runs=tmp_path / "runs")
    removed, freed = prune_run(tmp_path / "runs", "toy")
    assert removed == len(STAGES[4:])  # train and what hangs on it, of the first run
    assert freed > 0
    assert fresh(run(changed, registry=registry, runs=tmp_path / "runs")) == []
    assert fresh(go()) == STAGES[4:]
    assert prune_run(tmp_path / "runs", "toy")[0] == len(STAGES[4:])


def test_a_removed_run_is_gone_and_a_busy_one_stays(go: Runner, tmp_path: Path) -> None:
    result = go()
    with (
        RunFolder(result.folder).lock(),
        pytest.raises(HeimdallError, match="another run is at work"),
    ):
        remove_run(tmp_path / "runs", "toy")
    assert result.folder.is_dir()
    remove_run(tmp_path / "runs", "toy")
    assert list_runs(tmp_path / "runs") == []


def test_an_unfinished_run_says_how_to_go_on(go: Runner, tmp_path: Path) -> None:
    result = go(until="split")
    (result.folder / "manifest.json").unlink()
    with pytest.raises(HeimdallError, match=r"go on with: heimdall run .*recipe\.toml --runs"):
        read_manifest(tmp_path / "runs", "toy")


def test_what_cannot_start_is_said_before_the_first_stage(tmp_path: Path) -> None:
    def ready(config: object) -> None:
        raise HeimdallError("torch is missing")

    @hookimpl
    def heimdall_trainers():  # type: ignore[no-untyped-def]
        [toy] = toy_plugins.heimdall_trainers()
        yield attrs.evolve(toy, name="late", ready=ready)

    late = SimpleNamespace(heimdall_trainers=heimdall_trainers)
    registry = Registry(discover=False, plugins=[("toy", toy_plugins), ("late", late)])
    recipe = Recipe.from_dict(merge(RECIPE, {"train": {"trainer": "late"}}), registry)
    with pytest.raises(HeimdallError, match="torch is missing"):
        run(recipe, registry=registry, runs=tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert list(run(recipe, registry=registry, runs=tmp_path, until="split").stages) == STAGES[:4]


def test_a_changed_input_of_a_generator_makes_its_rows_again(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"

    def examples(context: Any, options: Any) -> Any:
        options = attrs.evolve(options, word=words.read_text(encoding="utf-8"))
        return toy_plugins.examples(context, options)

    class Reader:
        @hookimpl
        def heimdall_generators(self) -> Any:
            yield Generator(
                "reader",
                "Reads a file.",
                ("even", "odd"),
                examples,
                options=toy_plugins.ToyOptions,
                inputs=lambda options: [words],
            )

    found = Registry(discover=False, plugins=[("toy", toy_plugins), ("reader", Reader())])
    recipe = attrs.evolve(
        Recipe.from_dict(merge(RECIPE, {"generate": {"num_examples": 400}}), found),
    )
    recipe = attrs.evolve(
        recipe, generate=attrs.evolve(recipe.generate, mix={"reader": {"weight": 1.0}})
    )
    words.write_text("apple", encoding="utf-8")
    folder = tmp_path / "runs"
    assert "generate" in fresh(run(recipe, registry=found, runs=folder))
    assert fresh(run(recipe, registry=found, runs=folder)) == []
    words.write_text("pear", encoding="utf-8")
    assert "generate" in fresh(run(recipe, registry=found, runs=folder))


def test_a_run_that_a_launcher_starts_several_times_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(HeimdallError, match=r"one of 2 that a launcher started; .*--until split"):
        run("nano", runs=tmp_path)
    assert not list(tmp_path.iterdir())

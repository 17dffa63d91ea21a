"""The production list: what is checked is checked, what is not known counts as open."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fake_nornicdb import fake_nornicdb
from tiny_models import LESSONS

from heimdall_core.cli.main import cli
from heimdall_core.errors import FindingsError, HeimdallError
from heimdall_core.types import Example
from heimdall_export_nornicdb.checklist import accuracy_point, checklist, rows_point


def rows(count: int, families: int = 40, categories: int = 5, **changes: Any) -> list[Example]:
    made = []
    for number in range(count):
        given = {
            "instruction": f"question {number}",
            "output": "RETURN 1",
            "family": f"f{number % families}",
            "category": f"c{number % categories}",
        }
        made.append(Example(**given | changes))
    return made


@pytest.fixture
def run(tmp_path: Path, taught_gguf: Path) -> Path:
    """A run as the pipeline leaves it, with 5,000 rows and a real file."""
    folder = tmp_path / "runs" / "good"
    for stage in ("split", "export", "verify"):
        (folder / "stages" / stage).mkdir(parents=True)
    with (folder / "stages/split/train.jsonl").open("w") as file:
        for row in rows(5000):
            line = {
                "instruction": row.instruction,
                "output": row.output,
                "family": row.family,
                "category": row.category,
            }
            file.write(json.dumps(line) + "\n")
    with (folder / "stages/split/test.jsonl").open("w") as file:
        for question, answer in LESSONS:
            file.write(json.dumps({"instruction": question, "output": answer}) + "\n")
    shutil.copyfile(taught_gguf, folder / "stages/export/x-Q4_K_M.gguf")
    write(
        folder / "stages/export/artefacts.json",
        [{"path": "x-Q4_K_M.gguf", "kind": "gguf:Q4_K_M", "exporter": "gguf", "details": {}}],
    )
    write(folder / "stages/verify/proof.json", [{"name": "prompt", "passed": True, "detail": ""}])
    write(
        folder / "manifest.json",
        {
            "stages": [
                {"stage": s, "folder": f"stages/{s}"} for s in ("split", "export", "verify")
            ],
            "metrics": {"exact_match": {"value": 0.91, "low": 0.88, "high": 0.94, "n": 400}},
        },
    )
    return folder


def write(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data), "utf-8")


def states(points: list[Any]) -> dict[str, str]:
    return {point.name: point.state for point in points}


def test_a_good_run_leaves_only_what_nobody_but_a_person_knows(run):
    seen = []
    points = checklist(run, latency=lambda file, asked: seen.append((file.name, len(asked))) or 120)
    assert seen == [("x-Q4_K_M.gguf", 8)]
    assert states(points) == {
        "dataset": "passed",
        "accuracy": "passed",
        "quantisation": "passed",
        "proof": "passed",
        "integration": "asked",
        "latency": "passed",
        "cache": "asked",
        "monitoring": "asked",
        "fallback": "asked",
        "documentation": "asked",
    }


def test_each_point_can_fail(run):
    write(run / "stages/verify/proof.json", [{"name": "answers", "passed": False, "detail": ""}])
    write(
        run / "stages/export/artefacts.json",
        [{"path": "x-Q4_K_M.gguf", "kind": "gguf:F16", "exporter": "gguf", "details": {}}],
    )
    points = checklist(
        run,
        latency=lambda file, asked: 900,
        integration=lambda: (False, "chat: HTTP 500"),
        serving=lambda: (True, False, "cache of 1000 answers, fallback off"),
    )
    found = states(points)
    for name in ("quantisation", "proof", "integration", "latency", "fallback"):
        assert found[name] == "failed", name
    assert found["cache"] == "passed"


def test_slow_answers_fail(run):
    [point] = [p for p in checklist(run, latency=lambda file, asked: 500.0) if p.name == "latency"]
    assert point.state == "failed"
    assert "500 ms are wanted" in point.detail


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (rows(4999), "fewer than 5,000 rows"),
        (rows(5000, instruction="the same"), "repeated prompts"),
        (rows(5000, families=3), "fewer than 30 families"),
        (rows(5000, categories=2), "fewer than 4 categories"),
        (rows(4000) + rows(2000, category="c0"), "further apart than 3:1"),
        ([], "fewer than 5,000 rows"),
    ],
)
def test_many_rows_alone_are_no_diversity(changed, reason):
    point = rows_point(changed)
    assert point.state == "failed"
    assert reason in point.detail


@pytest.mark.parametrize(
    ("metrics", "state", "detail"),
    [
        ({"exact_match": {"value": 0.71, "n": 200}}, "passed", "71.0%"),
        ({"exact_match": {"value": 0.70, "n": 200}}, "failed", "70% are wanted"),
        ({"exact_match": {"value": 0.99, "n": 20}}, "failed", "too few to know"),
        (
            {"execution": {"value": 0.5, "n": 200}, "exact_match": {"value": 0.9, "n": 200}},
            "failed",
            "execution 50.0%",
        ),
        (
            {"execution": {"value": None, "n": 0}, "exact_match": {"value": 0.9, "n": 200}},
            "passed",
            "exact_match",
        ),
        ({}, "failed", "measured none"),
    ],
)
def test_accuracy_is_the_best_evidence_there_is(metrics, state, detail):
    point = accuracy_point(metrics)
    assert point.state == state
    assert detail in point.detail


def test_the_command_measures_asks_and_fails_until_all_is_confirmed(run):
    with fake_nornicdb() as server:
        base = ["checklist", str(run), "--url", server.url, "--threads", "1", "--json"]
        done = CliRunner().invoke(cli, base)
        assert isinstance(done.exception, FindingsError)
        found = {point["name"]: point for point in json.loads(done.stdout)}
        assert found["integration"]["state"] == "passed"
        assert " ms (x-Q4_K_M.gguf, here)" in found["latency"]["detail"]
        confirmed = [
            arg
            for name in ("cache", "monitoring", "fallback", "documentation")
            for arg in ("--confirm", name)
        ]
        done = CliRunner().invoke(cli, [*base, *confirmed])
        assert done.exit_code == 0, done.output
    done = CliRunner().invoke(cli, ["checklist", str(run), "--confirm", "accuracy"])
    assert "'accuracy' cannot be confirmed" in str(done.exception)


def test_folders_without_a_run_are_refused(tmp_path):
    for text, message in (
        (None, "holds no finished run"),
        ("{", "cannot be read"),
        ("{}", "stages"),
    ):
        if text is not None:
            (tmp_path / "manifest.json").write_text(text, "utf-8")
        with pytest.raises(HeimdallError, match=message):
            checklist(tmp_path, latency=lambda file, asked: 0)

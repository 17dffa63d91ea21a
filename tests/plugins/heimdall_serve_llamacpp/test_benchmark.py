"""What the benchmark counts is what the model does."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from heimdall_core.cli.main import cli
from heimdall_core.errors import HeimdallError
from heimdall_run_llamacpp.load import load
from heimdall_serve_llamacpp.benchmark import (
    Sample,
    _row,
    beside_guide,
    measure,
    percentiles,
    read_questions,
)


def test_speeds_and_percentiles_come_from_the_samples():
    slow = [Sample(100, 11, 0.5, 1.5), Sample(100, 11, 0.5, 1.5)]
    fast = [Sample(100, 11, 0.25, 0.75), Sample(100, 11, 0.25, 0.75)]
    row = _row(2, 0, [slow, fast, fast])
    assert row.answers == 6
    assert (row.prompt_speed, row.prompt_spread) == (400, (200, 400))
    assert (row.speed, row.spread) == (20, (10, 20))  # ten tokens after the first
    assert row.first == {50: 250, 90: 500, 95: 500, 99: 500}
    assert row.latency[50] == 750
    assert percentiles(range(1, 101)) == {50: 50, 90: 90, 95: 95, 99: 99}
    lines = {line[0]: line[3] for line in beside_guide("Q4_K_M", 10**9, row)}
    assert lines["tokens per second (CPU)"] == "missed"
    assert lines["latency, 95 %"] == "missed"


def test_prompts_are_filled_up_to_the_context(taught_gguf):
    rows = measure(
        taught_gguf,
        ["Find all people."],
        threads=[1],
        contexts=[0, 200],
        runs=2,
        max_new_tokens=20,
    )
    plain, filled = rows
    with load(taught_gguf) as model:
        from heimdall_core.prompt import messages_for, render_prompt

        prompt = render_prompt(messages_for("Find all people."))
        assert plain.prompt_tokens == len(model.tokenize(prompt))
    assert 150 < filled.prompt_tokens <= 180
    assert plain.answers == filled.answers == 2
    assert plain.first[50] <= plain.latency[50]
    assert plain.speed > 0
    with pytest.raises(HeimdallError, match="made for 256 tokens, not 4096"):
        measure(taught_gguf, ["x"], threads=[1], contexts=[4096], runs=1, max_new_tokens=8)


def test_the_command_prints_tables_and_json(taught_gguf, tmp_path):
    path = tmp_path / "q.txt"
    path.write_text("Find all people.\n\nCount the cities.\n", "utf-8")
    arguments = ["benchmark", "--model", str(taught_gguf), "--queries", str(path)]
    arguments += ["--threads", "1", "--runs", "2", "--max-new-tokens", "16"]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.output
    assert "beside the guide's figures" in done.stdout
    found = json.loads(CliRunner().invoke(cli, [*arguments, "--json"]).stdout)
    assert found["rows"][0]["answers"] == 4
    assert found["guide"][0]["figure"] == "size"
    done = CliRunner().invoke(cli, [*arguments, "--contexts", "a,b"])
    assert "cannot read 'a,b'" in str(done.exception)


def test_files_without_questions_are_refused(tmp_path):
    (tmp_path / "q.txt").write_text("\n \n", "utf-8")
    with pytest.raises(HeimdallError, match="holds no questions"):
        read_questions(tmp_path / "q.txt")
    rows = tmp_path / "q.jsonl"
    rows.write_text(json.dumps({"instruction": "a", "input": "b", "output": "c"}) + "\n", "utf-8")
    assert read_questions(rows) == ["a\nb"]

"""The guide's command line on a tiny base: what it writes, and what a refusal leaves behind."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
from tiny_bases import ROWS, write_rows

from heimdall_core.cli.main import entry
from heimdall_core.dataset.io import write_examples

Bases = Callable[[str], Path]


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        entry(list(arguments))
    code = int(left.value.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


def guide(folder: Path, base: Path, *more: str) -> list[str]:
    return [
        *("train", "--preset", "heimdall", "--base-model", str(base)),
        *("--dataset", str(folder / "train.jsonl"), "--output_dir", str(folder / "model")),
        *("--batch_size", "4", "--gradient_accumulation", "2", "--max_seq_length", "128"),
        *("--lora_r", "4", "--epochs", "2", "--logging_steps", "2", "--eval_steps", "3"),
        *("--save_steps", "3", *more),
    ]


def test_the_guides_flags_are_what_is_trained(
    tmp_path: Path, bases: Bases, capsys: pytest.CaptureFixture[str]
) -> None:
    write_rows(tmp_path)
    code, out, _ = call(capsys, *guide(tmp_path, bases("qwen2"), "--use_qlora", "--json"))
    assert code == 0
    result = json.loads(out)
    model = tmp_path / "model"
    adapter = json.loads((model / "adapter_config.json").read_text("utf-8"))
    assert (adapter["r"], adapter["lora_alpha"], adapter["lora_dropout"]) == (4, 64, 0.05)
    assert sorted(adapter["target_modules"]) == ["k_proj", "o_proj", "q_proj", "v_proj"]
    facts = json.loads((model / "heimdall.json").read_text("utf-8"))
    assert facts["trained_on"] == "4-bit base (NF4)"
    steps = result["metrics"]["steps"]
    validated = [line["step"] for line in result["history"] if "validation_loss" in line]
    logged = [line["step"] for line in result["history"] if "loss" in line]
    assert validated == sorted({*range(3, int(steps) + 1, 3), steps})
    assert logged == sorted({*range(2, int(steps) + 1, 2), steps})
    # Of weights in 4 bits, too, every one counts.
    assert result["metrics"]["parameters"] > 80_000
    assert {"metrics.jsonl", "metrics.csv"} <= {p.name for p in (model / "runs").iterdir()}
    assert list((model / "runs").glob("events.out.tfevents.*"))
    assert not (tmp_path / ".model.work").exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--max_seq_length", "16"), "train.jsonl (its part for training): "),
        (("--max_seq_length", "4096"), "more than the base model's context of 128 tokens"),
        (("--use_metal",), "device 'mps' is not there"),
        (("--replay_dataset", "nowhere"), "nowhere: no such replay dataset"),
    ],
    ids=["too long", "context", "metal", "replay"],
)
def test_a_refusal_is_one_line_and_leaves_nothing(
    tmp_path: Path,
    bases: Bases,
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, ...],
    said: str,
) -> None:
    write_rows(tmp_path)
    before = {path.name for path in tmp_path.iterdir()}
    code, _, err = call(capsys, *guide(tmp_path, bases("qwen2"), *more))
    [line] = [line for line in err.splitlines() if line.startswith("error: ")]
    assert code == 2
    assert said in line
    assert {path.name for path in tmp_path.iterdir()} - {".heimdall-tokens"} == before


def test_rows_too_few_to_split_leave_nothing(
    tmp_path: Path, bases: Bases, capsys: pytest.CaptureFixture[str]
) -> None:
    write_examples(tmp_path / "train.jsonl", ROWS[:1])
    code, _, err = call(capsys, *guide(tmp_path, bases("qwen2")))
    assert code == 2
    assert "too few for train, validation" in err
    assert [path.name for path in tmp_path.iterdir()] == ["train.jsonl"]


@pytest.mark.parametrize(("preset", "tokens"), [("heimdall_nornicdb", 2300), ("heimdall", 150)])
def test_an_estimate_without_a_dataset_says_which_rows_it_assumes(
    capsys: pytest.CaptureFixture[str], preset: str, tokens: int
) -> None:
    estimate = ("estimate", "--preset", preset, "--device", "2080ti")
    code, out, _ = call(capsys, *estimate)
    assert code == 0
    assert f"Assumed: 5,000 rows of {tokens:,} tokens" in out
    assert f" rows of {tokens} tokens at once" in out
    _, out, _ = call(capsys, *estimate, "--tokens-per-row", "99", "--json")
    assert json.loads(out)["details"]["tokens_per_row"] == 99


def test_an_estimate_of_a_dataset_counts_its_longest_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Micro-batches are drawn by length: the longest rows come together."""
    long = attrs.evolve(ROWS[0], instruction="x" * 3500, id="")
    write_examples(tmp_path / "rows.jsonl", [*ROWS, long])
    code, out, _ = call(
        capsys,
        *("estimate", "--preset", "qwen_0_5b", "--device", "2080ti"),
        *("--dataset", str(tmp_path / "rows.jsonl")),
    )
    assert code == 0
    found = re.search(r"At the longest rows: .* \((\d+) tokens each\)", out)
    assert found is not None
    assert 1000 <= int(found[1]) < 1100

"""`heimdall export` and `verify` on real files."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from tiny_models import LESSONS

from heimdall_core.cli.main import cli
from heimdall_core.errors import HeimdallError
from heimdall_core.pipeline.steps.release import licence_files, model_card


def heimdall(*arguments: object) -> str:
    done = CliRunner().invoke(cli, [str(a) for a in arguments])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def model(taught_model: Path, tmp_path: Path) -> Path:
    copy = shutil.copytree(taught_model, tmp_path / "model")
    (copy / "LICENSE").write_text("The licence of the base.\n", "utf-8")
    facts = {"base_model": "Acme/base-1b", "licence": "Apache-2.0", "metrics": {"loss": 0.25}}
    (copy / "heimdall.json").write_text(json.dumps(facts), "utf-8")
    return copy


def test_the_types_are_listed():
    lines = heimdall("export", "--list").splitlines()
    names = [line.split()[0] for line in lines]
    assert {"F32", "F16", "BF16", "Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q4_K_S"} <= set(names)
    assert any(line.startswith("IQ2_XS") and "importance matrix" in line for line in lines)


def test_the_guides_command_gives_a_file_with_card_sums_and_licence(model, tmp_path):
    out = tmp_path / "out"
    text = heimdall(
        *("export", "--model_dir", model, "--output", out / "heimdall-q8.gguf"),
        *("--quant_type", "Q8_0", "--author", "Ada"),
    )
    assert "bits per weight, proved by 5 checks" in text
    names = sorted(path.name for path in out.iterdir())
    assert names == [
        "heimdall-q8.LICENSE",
        "heimdall-q8.README.md",
        "heimdall-q8.SHA256SUMS",
        "heimdall-q8.gguf",
    ]
    for line in (out / "heimdall-q8.SHA256SUMS").read_text("utf-8").splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest
    card = (out / "heimdall-q8.README.md").read_text("utf-8")
    assert "`sha256sum -c heimdall-q8.SHA256SUMS`" in card
    for part in ('license: "apache-2.0"', "base_model: ", "Ada", "| loss | 0.25 |", "gguf:Q8_0"):
        assert part in card
    from heimdall_run_llamacpp.gguf_file import read_gguf

    metadata = read_gguf(out / "heimdall-q8.gguf").metadata
    assert metadata["general.license"] == "Apache-2.0"
    assert metadata["general.base_model.0.name"] == "Acme/base-1b"
    assert metadata["general.author"] == "Ada"


def test_a_file_that_is_not_the_model_does_not_appear(model, tmp_path, monkeypatch):
    from heimdall_core.types import Check
    from heimdall_export_gguf import verify

    monkeypatch.setattr(verify, "_answers", lambda pair: Check("answers", False, "none agrees"))
    with pytest.raises(HeimdallError, match="the file is not the model: gguf:F16: answers"):
        heimdall(
            "export", "--model-dir", model, "--output", tmp_path / "x.gguf", "--quant-type", "F16"
        )
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_refusal_names_what_was_asked_for(model, tmp_path):
    arguments = ["export", "--model-dir", model, "--output", tmp_path / "x.gguf"]
    with pytest.raises(HeimdallError, match="2 types cannot go into one file") as caught:
        heimdall(*arguments, "--quant-type", "F16", "--quant-type", "Q8_0")
    assert caught.value.where == str(tmp_path / "x.gguf")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_metrics_of_both_are_compared(model, taught_gguf, tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text(
        "".join(json.dumps({"instruction": q, "output": a}) + "\n" for q, a in LESSONS[:4]), "utf-8"
    )
    text = heimdall(
        *("verify", "--model-dir", model, "--gguf", taught_gguf, "--dataset", rows),
        *("--metric", "exact_match", "--texts", 5, "--json"),
    )
    checks = {check["name"]: check for check in json.loads(text)}
    assert checks["metric exact_match"]["detail"] == "1 beside the model's 1 on 4 rows (+0)"
    with pytest.raises(HeimdallError, match="needs rows to be measured on"):
        heimdall("verify", "--model-dir", model, "--gguf", taught_gguf, "--metric", "exact_match")


def test_the_type_of_an_exporter_of_one_file_is_given_alike(model, tmp_path):
    out = tmp_path / "out"
    arguments = ["export", "--exporter", "ollama", "--model-dir", model, "--output", out]
    heimdall(*arguments, "--quant-type", "Q8_0", "--no-verify")
    assert "FROM ./model-Q8_0.gguf" in (out / "Modelfile").read_text("utf-8")
    with pytest.raises(HeimdallError, match="'ollama' makes one file, of one type"):
        heimdall(*arguments, "--quant-type", "Q8_0", "--quant-type", "F16")
    with pytest.raises(HeimdallError, match="'merged' has no quantisation types"):
        heimdall(
            *("export", "--exporter", "merged", "--model-dir", model),
            *("--output", tmp_path / "m", "--quant-type", "F16"),
        )


def test_a_card_holds_no_markup_of_names(tmp_path):
    card = model_card([], tmp_path, {"author": "a|b\n## c", "base_model": "/home/ada/base"})
    assert "| author | a b ## c |" in card
    assert "/home" not in card


def test_the_licence_of_an_adapters_base_is_found(tmp_path):
    base = tmp_path / "base"
    base.mkdir()
    (base / "LICENSE.txt").write_text("x", "utf-8")
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text(
        json.dumps({"base_model_name_or_path": str(base)}), "utf-8"
    )
    assert licence_files(adapter) == [base / "LICENSE.txt"]
    assert licence_files(tmp_path) == []

"""What is loaded, and one clear line for what is not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tiny_models import edit_json
from transformers import AutoTokenizer

from heimdall_core.errors import HeimdallError, ModelError
from heimdall_run_transformers import packages
from heimdall_run_transformers.load import load
from heimdall_run_transformers.options import TransformersOptions


@pytest.fixture
def copy(taught: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(taught, tmp_path / "model"))


def test_the_tokenizer_is_the_one_that_was_saved(copy: Path) -> None:
    """`AutoTokenizer` puts Qwen2's own normaliser in its place; then the two would agree."""
    edit_json(copy / "tokenizer.json", normalizer={"type": "Lowercase"})
    with load(copy) as model:
        assert model.tokenize("ABC") == model.tokenize("abc")
    auto = AutoTokenizer.from_pretrained(copy)
    assert auto("ABC").input_ids != auto("abc").input_ids


def test_a_saved_truncation_does_not_cut_prompts(copy: Path) -> None:
    cut = {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
    edit_json(copy / "tokenizer.json", truncation=cut)
    with load(copy) as model:
        assert len(model.tokenize("a b c d e f g h")) >= 8


def test_weights_are_fp32_on_the_cpu(copy: Path) -> None:
    edit_json(copy / "config.json", dtype="bfloat16")
    with load(copy, TransformersOptions(device="cpu")) as model:
        assert {p.dtype for p in model.model.parameters()} == {torch.float32}
        assert not model.model.training


def only_pickle(path: Path) -> None:
    (path / "model.safetensors").rename(path / "pytorch_model.bin")


def truncated_weights(path: Path) -> None:
    weights = path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (shutil.rmtree, "no such directory"),
        (lambda path: (path / "config.json").unlink(), "no config.json"),
        (lambda path: (path / "tokenizer.json").unlink(), "no tokenizer.json"),
        (lambda path: (path / "config.json").write_text("{"), "config.json: not valid JSON"),
        (lambda path: (path / "tokenizer.json").write_bytes(b"\xff"), "not valid JSON"),
        (lambda path: (path / "tokenizer.json").write_text("{}"), "tokenizer cannot be read"),
        (only_pickle, "found pytorch_model.bin, which can hold code"),
        (truncated_weights, "model cannot be loaded"),
        (lambda path: edit_json(path / "config.json", model_type="nothing"), "cannot be loaded"),
        (lambda path: edit_json(path / "config.json", vocab_size=7), "cannot be loaded"),
    ],
)
def test_a_damaged_directory_is_one_clear_line(
    copy: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(copy)
    with pytest.raises(ModelError, match=message) as caught:
        load(copy)
    assert "\n" not in str(caught.value)
    assert copy.name in str(caught.value)


def test_code_in_a_model_directory_is_not_run(copy: Path, tmp_path: Path) -> None:
    witness = tmp_path / "ran"
    (copy / "evil.py").write_text(f"import pathlib; pathlib.Path({str(witness)!r}).touch()")
    auto_map = {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"}
    edit_json(copy / "config.json", auto_map=auto_map, model_type="evil")
    with pytest.raises(ModelError):
        load(copy)
    assert not witness.exists()


def test_a_file_is_no_model(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.write_text(json.dumps({}))
    with pytest.raises(ModelError, match="is a file, not a model directory"):
        load(file)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_a_device_that_is_not_there(taught: Path) -> None:
    with pytest.raises(ModelError, match="device 'cuda' is not there; Available: auto, cpu"):
        load(taught, TransformersOptions(device="cuda"))


def test_a_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch, taught: Path) -> None:
    monkeypatch.setattr(packages, "NEEDED", ("no_such_package",))
    with pytest.raises(HeimdallError, match=r"heimdall-slm\[train\]"):
        load(taught)

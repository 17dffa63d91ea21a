"""What is written loads in transformers and is what PEFT merges."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from adapters import build_adapter
from peft import PeftModel
from tiny_models import build_model
from transformers import AutoModelForCausalLM

from heimdall_core.errors import ModelError
from heimdall_core.types import ExportContext
from heimdall_export_gguf.safetensors_file import read_header
from heimdall_export_merged.export import encode, export
from heimdall_export_merged.options import MergedOptions
from heimdall_run_transformers.load import load

IDS = torch.tensor([[1, 5, 9, 20, 33]])


def test_an_adapter_becomes_the_model_that_peft_merges(tmp_path):
    base = build_model(tmp_path / "base", tied=False, hidden=128)
    folder = build_adapter(base, tmp_path / "adapter", use_dora=True)
    options = MergedOptions(type="F32", shard_gb=0.0005)
    [artefact] = export(ExportContext(folder, tmp_path / "out", {"licence": "MIT"}), options)
    assert len(list(artefact.path.glob("*.safetensors"))) > 2
    with torch.no_grad():
        ours = AutoModelForCausalLM.from_pretrained(artefact.path)(IDS).logits
        model = AutoModelForCausalLM.from_pretrained(base)
        theirs = PeftModel.from_pretrained(model, str(folder)).merge_and_unload()(IDS).logits
    assert (ours - theirs).abs().max() < 1e-4
    facts = json.loads((artefact.path / "heimdall.json").read_text("utf-8"))
    assert (facts["merged"], facts["licence"]) == ("DoRA", "MIT")
    with load(artefact.path) as loaded:  # tokenizer and template have come along
        assert loaded.tokenize("<|im_end|>") == [2]
        assert loaded.tokenizer.chat_template


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_a_model_keeps_its_type_and_every_bit(dtype, tmp_path):
    model = build_model(tmp_path / "model", dtype=dtype, hidden=64)
    [artefact] = export(ExportContext(model, tmp_path / "out"), MergedOptions())
    before = read_header(model / "model.safetensors")
    after = read_header(artefact.path / "model.safetensors")
    assert before.keys() == after.keys()
    for name, stored in before.items():
        assert after[name].dtype == stored.dtype
        rows = stored.shape[0]
        assert np.array_equal(after[name].rows(0, rows), stored.rows(0, rows)), name


@pytest.mark.parametrize(("kind", "dtype"), [("BF16", torch.bfloat16), ("F16", torch.float16)])
def test_rounding_is_pytorchs(kind, dtype):
    values = torch.cat([torch.randn(4000), torch.tensor([1.00390625, 1.01171875, -0.0, 1e-40])])
    found = np.frombuffer(encode(values.numpy(), kind, "x"), dtype="<i2")
    assert np.array_equal(found, values.to(dtype).view(torch.int16).numpy())


def test_beyond_half_precision_nothing_is_left(tmp_path):
    model = build_model(tmp_path / "model", hidden=64)
    from safetensors.torch import load_file, save_file

    tensors = load_file(model / "model.safetensors")
    tensors["model.norm.weight"].fill_(1e6)
    save_file(tensors, model / "model.safetensors")
    with pytest.raises(ModelError, match="beyond 65504"):
        export(ExportContext(model, tmp_path / "out"), MergedOptions(type="F16"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model"]


def test_an_output_in_use_is_refused(tmp_path, taught_model):
    with pytest.raises(ModelError, match="must be a folder"):
        export(ExportContext(taught_model, tmp_path / "x.gguf"), MergedOptions())
    (tmp_path / "out" / "merged").mkdir(parents=True)
    (tmp_path / "out" / "merged" / "mine").touch()
    with pytest.raises(ModelError, match="exists already"):
        export(ExportContext(taught_model, tmp_path / "out"), MergedOptions())

"""An adapter is merged into its base row by row, to what PEFT makes of it in memory."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import peft
import pytest
import torch
from adapters import build_adapter
from tiny_models import LESSONS, build_model, edit_json
from transformers import AutoModelForCausalLM

from heimdall_core.errors import ModelError
from heimdall_core.types import Example, VerifyContext
from heimdall_export_gguf.options import GGUFOptions
from heimdall_export_gguf.verify import verify
from heimdall_run_llamacpp.gguf_file import read_gguf
from heimdall_run_transformers.base import base_mark


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_model(tmp_path_factory.mktemp("base") / "base", tied=False, hidden=128)


@pytest.fixture(scope="module")
def tied_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_model(tmp_path_factory.mktemp("tied") / "base", hidden=128)


def merged(base: Path, folder: Path) -> dict[str, np.ndarray]:
    """What PEFT makes of it."""
    model = AutoModelForCausalLM.from_pretrained(base)
    model = peft.PeftModel.from_pretrained(model, str(folder)).merge_and_unload()
    state = {name: value.detach().float().numpy() for name, value in model.named_parameters()}
    state["lm_head.weight"] = model.lm_head.weight.detach().float().numpy()
    return state


NAMES = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output.weight": "lm_head.weight",
    "blk.1.attn_q.weight": "model.layers.1.self_attn.q_proj.weight",
    "blk.0.attn_v.weight": "model.layers.0.self_attn.v_proj.weight",
    "blk.1.ffn_down.weight": "model.layers.1.mlp.down_proj.weight",
    "blk.0.ffn_up.weight": "model.layers.0.mlp.up_proj.weight",
}

METHODS: dict[str, dict[str, Any]] = {
    "LoRA": {},
    "rsLoRA": {"use_rslora": True},
    "DoRA": {"use_dora": True},
    "ranks by pattern": {
        "rank_pattern": {"q_proj": 8, "layers.1.mlp.down_proj": 2},
        "alpha_pattern": {"down_proj": 32, "v_proj": 1},
    },
    "embedding and head trained": {"modules_to_save": ["embed_tokens", "lm_head"]},
    "LoRA on the embedding": {"target_modules": ["q_proj", "embed_tokens", "lm_head"]},
    "single tokens": {"trainable_token_indices": [3, 7]},
}


@pytest.mark.parametrize("method", METHODS)
def test_merged_as_peft_merges(method, base, run, tmp_path):
    folder = build_adapter(base, tmp_path / "adapter", **METHODS[method])
    (artefact,) = run(folder, "F32")
    found = {tensor.name: tensor.data for tensor in gguf.GGUFReader(artefact.path).tensors}
    expected = merged(base, folder)
    plain = {tensor.name: tensor.data for tensor in gguf.GGUFReader(run_base(run, base)).tensors}
    changed = 0
    for name, source in NAMES.items():
        assert np.abs(found[name] - expected[source]).max() < 2e-6, name
        changed += not np.array_equal(found[name], plain[name])
    assert changed >= 2  # the adapter has done something


def run_base(run, base: Path) -> Path:
    (artefact,) = run(base, "F32", output=base.parent / "base.gguf", overwrite=True)
    return artefact.path


@pytest.mark.parametrize("method", ["embedding trained", "single tokens", "LoRA"])
def test_tied_matrices_part_where_peft_parts_them(method, tied_base, run, tmp_path):
    settings = {
        "embedding trained": {"modules_to_save": ["embed_tokens"]},
        "single tokens": {"trainable_token_indices": [3, 7]},
        "LoRA": {},
    }[method]
    folder = build_adapter(tied_base, tmp_path / "adapter", **settings)
    (artefact,) = run(folder, "F32")
    found = {tensor.name: tensor.data for tensor in gguf.GGUFReader(artefact.path).tensors}
    expected = merged(tied_base, folder)
    head = found.get("output.weight", found["token_embd.weight"])
    assert np.abs(found["token_embd.weight"] - expected["model.embed_tokens.weight"]).max() < 2e-6
    assert np.abs(head - expected["lm_head.weight"]).max() < 2e-6
    assert ("output.weight" in found) is (method == "embedding trained")


def test_an_embedding_that_has_grown_keeps_its_head(tied_base, run, tmp_path):
    """As `heimdall train` saves it: whole, with rows for new tokens, and no head beside it."""
    from safetensors.torch import load_file, save_file

    folder = build_adapter(tied_base, tmp_path / "adapter")
    path = folder / "adapter_model.safetensors"
    old = load_file(tied_base / "model.safetensors")["model.embed_tokens.weight"]
    grown = torch.cat([old, torch.full((3, old.shape[1]), 0.25)])
    name = "base_model.model.model.embed_tokens.weight"
    save_file({**load_file(path), name: grown}, path, {"format": "pt"})
    tokenizer = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    entry = {**tokenizer["added_tokens"][0], "id": len(old), "content": "<|plan|>"}
    tokenizer["added_tokens"].append(entry)
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), "utf-8")
    (artefact,) = run(folder, "F32")
    found = {tensor.name: tensor.data for tensor in gguf.GGUFReader(artefact.path).tensors}
    assert "output.weight" not in found
    assert np.array_equal(found["token_embd.weight"], grown.numpy())
    metadata = read_gguf(artefact.path).metadata
    assert metadata["tokenizer.ggml.tokens"][-3:] == [
        "<|plan|>",
        f"[PAD{len(old) + 1}]",
        f"[PAD{len(old) + 2}]",
    ]


def test_the_proof_merges_with_peft_and_compares(base, run, tmp_path):
    folder = build_adapter(base, tmp_path / "adapter", use_rslora=True)
    (artefact,) = run(folder, "F16")
    examples = tuple(Example(question, output=answer) for question, answer in LESSONS[:2])
    context = VerifyContext(folder, artefact.path, examples, answers=2, max_new_tokens=6)
    assert [check.detail for check in verify(context) if not check.passed] == []
    (plain,) = run(base, "F16", output=tmp_path / "plain.gguf")
    failed = [c.name for c in verify(VerifyContext(folder, plain.path, examples)) if not c.passed]
    assert "distributions" in failed


def test_the_base_may_be_named(base, run, tmp_path):
    folder = build_adapter(base, tmp_path / "adapter")
    edit_json(folder / "adapter_config.json", base_model_name_or_path="Acme/base-1.5b")
    with pytest.raises(ModelError, match=r"base model is not here: Acme/base-1.5b.*--base"):
        run(folder)
    run(folder, base=str(base))
    (folder / "heimdall.json").write_text(json.dumps({"base_path": str(base)}), "utf-8")
    (artefact,) = run(folder, overwrite=True)
    options = GGUFOptions(base=str(base))
    context = VerifyContext(folder, artefact.path, (), answers=1, max_new_tokens=2, options=options)
    edit_json(folder / "heimdall.json", base_path=None)
    assert all(check.passed for check in verify(context))


REFUSALS = {
    "no LoRA": (
        lambda f: edit_json(f / "adapter_config.json", peft_type="IA3"),
        "'IA3' is no LoRA",
    ),
    "PiSSA": (
        lambda f: edit_json(f / "adapter_config.json", init_lora_weights="pissa_niter_4"),
        "changed the base model as well",
    ),
    "no weights": (
        lambda f: (f / "adapter_model.safetensors").unlink(),
        "has no adapter_model.safetensors",
    ),
    "cut": (
        lambda f: (f / "adapter_model.safetensors").write_bytes(
            (f / "adapter_model.safetensors").read_bytes()[:-100]
        ),
        "cut short",
    ),
    "config is a list": (
        lambda f: (f / "adapter_config.json").write_text("[]", "utf-8"),
        "not a JSON object",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_adapters_that_cannot_be_merged_are_refused(case, base, run, tmp_path):
    folder = build_adapter(base, tmp_path / "adapter")
    spoil, message = REFUSALS[case]
    spoil(folder)
    with pytest.raises(ModelError, match=message):
        run(folder)


def test_a_quantised_base_is_refused(base, run, tmp_path):
    folder = build_adapter(base, tmp_path / "adapter")
    copy = shutil.copytree(base, tmp_path / "quantised")
    edit_json(copy / "config.json", quantization_config={"quant_method": "bitsandbytes"})
    with pytest.raises(ModelError, match=r"quantised \(bitsandbytes\).*full-precision model: --b"):
        run(folder, base=str(copy))


def test_a_base_of_the_same_shape_with_other_weights_is_refused(base, run, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = build_adapter(base, tmp_path / "adapter")
    facts = {"base_mark": base_mark(base), "base_model": "Acme/base-1.5b"}
    (folder / "heimdall.json").write_text(json.dumps(facts), "utf-8")
    run(folder, base=str(base))
    other = build_model(tmp_path / "other", tied=False, hidden=128)
    weights = load_file(other / "model.safetensors")
    weights["model.embed_tokens.weight"][0, 0] += 1
    save_file(weights, other / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=r"trained on other weights, those of Acme/base-1\.5b"):
        run(folder, base=str(other))


def test_another_base_is_refused(base, run, tmp_path):
    folder = build_adapter(base, tmp_path / "adapter")
    other = build_model(tmp_path / "other", hidden=64)
    with pytest.raises(ModelError, match=r"is made for .* the base model has"):
        run(folder, base=str(other))

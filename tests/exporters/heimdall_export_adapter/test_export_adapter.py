"""llama.cpp with base and adapter computes what it computes with the merged model."""

from __future__ import annotations

import ctypes
from pathlib import Path

import llama_cpp.llama_cpp as library
import numpy as np
import pytest
from adapters import build_adapter
from base_models import build_base

from heimdall_core.errors import ModelError
from heimdall_core.types import ExportContext
from heimdall_export_adapter.export import export
from heimdall_export_adapter.options import AdapterOptions, kinds
from heimdall_export_gguf.export import export as export_gguf
from heimdall_export_gguf.options import GGUFOptions
from heimdall_run_llamacpp.gguf_file import read_gguf
from heimdall_run_llamacpp.load import load
from heimdall_run_llamacpp.log import captured_log
from heimdall_run_llamacpp.native import Batch

PROMPT = "<|im_start|>user\nFind all people.<|im_end|>\n<|im_start|>assistant\n"


@pytest.fixture(scope="module", params=["qwen2", "llama", "phi3"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    kind = "qwen2" if request.param == "qwen2" else "spm"
    path = tmp_path_factory.mktemp("bases") / request.param
    return build_base(path, request.param, kind, hidden_size=128, intermediate_size=256)


def gguf(model: Path, output: Path) -> Path:
    [artefact] = export_gguf(ExportContext(model, output), GGUFOptions(quant_types=("F32",)))
    return artefact.path


def logits(path: Path, adapter: Path | None = None) -> np.ndarray:
    """Next-token logits, with the adapter laid over the model by llama.cpp itself."""
    with load(path) as model, captured_log() as log:
        native = model.native
        ids = native.tokenize(PROMPT)
        native.prepare(1, len(ids), shared=False)
        if adapter is not None:
            lora = library.llama_adapter_lora_init(native._model, str(adapter).encode())
            assert lora, log.reason()
            pointers = (library.llama_adapter_lora_p_ctypes * 1)(lora)
            scales = (ctypes.c_float * 1)(1.0)
            assert library.llama_set_adapters_lora(native._context, pointers, 1, scales) == 0
        batch = Batch()
        batch.add(ids, 0, 0, wanted=1)
        return native.decode(batch, log)[-1].copy()


def targets(base: Path) -> dict[str, object]:
    if base.name != "phi3":
        return {}
    return {"target_modules": ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"use_rslora": True},
        {"rank_pattern": {"o_proj": 8}, "alpha_pattern": {"down_proj": 3}},
    ],
    ids=["LoRA", "rsLoRA", "patterns"],
)
def test_base_and_adapter_are_the_merged_model(base, settings, tmp_path):
    folder = build_adapter(base, tmp_path / "adapter", **targets(base) | settings)
    [artefact] = export(ExportContext(folder, tmp_path / "a.gguf"), AdapterOptions(type="F32"))
    whole, merged = gguf(base, tmp_path / "base.gguf"), gguf(folder, tmp_path / "merged.gguf")
    plain, expected = logits(whole), logits(merged)
    found = logits(whole, artefact.path)
    assert np.abs(found - expected).max() < 1e-3
    assert np.abs(plain - expected).max() > 0.05  # the adapter does something
    metadata = read_gguf(artefact.path).metadata
    assert metadata["general.type"] == "adapter"
    assert metadata["adapter.type"] == "lora"
    if not settings:
        assert metadata["adapter.lora.alpha"] == 16
    if "use_rslora" in settings:
        assert metadata["adapter.lora.alpha"] == 32  # 16 · √4: divided by 4 it is 16 / √4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"use_dora": True}, "is DoRA"),
        ({"modules_to_save": ["lm_head"]}, "trains lm_head whole"),
        ({"target_modules": ["q_proj", "embed_tokens"]}, "embed_tokens"),
        ({"trainable_token_indices": [1]}, "trains model.embed_tokens whole"),
    ],
)
def test_what_a_lora_file_cannot_hold_is_refused_with_the_way_out(settings, message, tmp_path):
    base = build_base(tmp_path / "base", "qwen2", hidden_size=64, intermediate_size=64)
    folder = build_adapter(base, tmp_path / "adapter", **settings)
    with pytest.raises(ModelError, match=rf"{message}.*merge it instead"):
        export(ExportContext(folder, tmp_path / "out"), AdapterOptions())
    assert not (tmp_path / "out").exists()


def test_a_model_is_no_adapter(taught_model, tmp_path):
    with pytest.raises(ModelError, match="is no adapter"):
        export(ExportContext(taught_model, tmp_path / "out"), AdapterOptions())
    assert kinds(AdapterOptions()) == ("adapter:F16",)

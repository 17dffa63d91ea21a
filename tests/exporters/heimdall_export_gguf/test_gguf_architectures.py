"""Every architecture and tokenizer: the file does in llama.cpp what the model does in PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from base_models import build_base
from tiny_models import edit_json

from heimdall_core.errors import ModelError
from heimdall_core.types import Example, VerifyContext
from heimdall_export_gguf.sources import Constant, RotaryRows, blocks
from heimdall_export_gguf.verify import verify
from heimdall_run_llamacpp.gguf_file import read_gguf
from heimdall_run_llamacpp.load import load as load_gguf

EXAMPLES = (
    Example("Find all people.", output="MATCH (p:Person) RETURN p"),
    Example("Wer kennt Zoë?", output="MATCH (p)-[:KNOWS]->({name: 'Zoë'}) RETURN p.name"),
)

LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 10000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
YARN = {
    "rope_type": "yarn",
    "rope_theta": 10000.0,
    "factor": 4.0,
    "original_max_position_embeddings": 128,
}
LONGROPE = {
    "rope_type": "longrope",
    "rope_theta": 10000.0,
    "partial_rotary_factor": 1.0,
    "long_factor": [1.0 + 0.1 * n for n in range(32)],
    "short_factor": [1.0 + 0.02 * n for n in range(32)],
    "original_max_position_embeddings": 512,
}

CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "qwen2 yarn": ("qwen2", "qwen2", {"rope_parameters": YARN, "added": ("<tool>", "::")}),
    "qwen3": ("qwen3", "qwen2", {"head_dim": 128, "tie_word_embeddings": True}),
    "llama spm": ("llama", "spm", {"padded_vocab": 13}),
    "llama spm linear": (
        "llama",
        "spm",
        {"rope_parameters": {"rope_type": "linear", "rope_theta": 1e4, "factor": 2.0}},
    ),
    "llama 3": ("llama", "llama-bpe", {"rope_parameters": LLAMA3, "dtype": torch.bfloat16}),
    "smollm": ("llama", "smollm", {"tie_word_embeddings": True}),
    "gpt-2's rule": ("llama", "gpt-2", {}),
    "mistral": ("mistral", "spm", {}),
    "phi3": ("phi3", "spm", {"added": ("<extra>",)}),
    "phi3 longrope": (
        "phi3",
        "spm",
        {"rope_parameters": LONGROPE, "max_position_embeddings": 2048},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_file_is_the_model(case, run, tmp_path):
    architecture, kind, settings = CASES[case]
    model = build_base(tmp_path / "model", architecture, kind, **settings)
    kind_of_file = "F32" if settings.get("dtype") else "F16"
    (artefact,) = run(model, kind_of_file)
    context = VerifyContext(model, artefact.path, EXAMPLES, answers=2, max_new_tokens=8)
    checks = verify(context)
    assert [check.detail for check in checks if not check.passed] == []
    kl = next(check for check in checks if check.name == "distributions").detail
    assert float(kl.split()[3]) < 1e-4, kl


def test_bos_is_added_where_the_tokenizer_adds_it_and_nowhere_else(run, tmp_path):
    model = build_base(tmp_path / "model", "llama", "spm")
    (artefact,) = run(model)
    metadata = read_gguf(artefact.path).metadata
    assert metadata["tokenizer.ggml.add_bos_token"] is True
    assert metadata["tokenizer.ggml.model"] == "llama"
    edit_json(model / "tokenizer.json", post_processor=None)
    (artefact,) = run(model, overwrite=True)
    # llama.cpp adds it to SentencePiece text unless it is told not to.
    assert read_gguf(artefact.path).metadata["tokenizer.ggml.add_bos_token"] is False
    with load_gguf(artefact.path) as loaded:
        assert loaded.tokenize("") == []


def test_scores_are_made_of_merges_where_there_is_no_tokenizer_model(run, tmp_path):
    model = build_base(tmp_path / "model", "llama", "spm")
    (artefact,) = run(model)
    before = read_gguf(artefact.path).metadata
    (model / "tokenizer.model").unlink()
    events: list[Any] = []
    (artefact,) = run(model, overwrite=True, events=events)
    after = read_gguf(artefact.path).metadata
    assert any("no tokenizer.model" in event.message for event in events)
    for key in ("tokens", "token_type", "scores"):
        assert after[f"tokenizer.ggml.{key}"] == before[f"tokenizer.ggml.{key}"], key
    checks = verify(VerifyContext(model, artefact.path, EXAMPLES, answers=1, max_new_tokens=4))
    assert [check.detail for check in checks if not check.passed] == []


@pytest.mark.parametrize(("scheme", "told"), [("always", None), ("first", False)])
def test_spaces_in_front_follow_metaspace(scheme, told, run, tmp_path):
    model = build_base(tmp_path / "model", "llama", "spm", scheme=scheme)
    (artefact,) = run(model)
    assert read_gguf(artefact.path).metadata.get("tokenizer.ggml.add_space_prefix") is told
    checks = verify(VerifyContext(model, artefact.path, EXAMPLES, answers=1, max_new_tokens=4))
    assert [check.detail for check in checks if not check.passed] == []
    ids = next(check for check in checks if check.name == "token ids").detail
    assert "differ in a space at the beginning" in ids


def test_a_name_that_changes_tokens_is_respelt(run, tmp_path):
    model = build_base(tmp_path / "phi-3-tuned", "phi3", "spm")
    (artefact,) = run(model)
    assert read_gguf(artefact.path).metadata["general.name"] == "phi 3-tuned"
    text = "<|im_end|>\nx"
    with load_gguf(artefact.path) as loaded:
        assert len(loaded.tokenize(text)) == len(loaded.tokenize("<|im_end|>x")) + 1


def test_a_model_of_its_own_contract_keeps_its_end_token_and_template(run, tmp_path):
    model = build_base(tmp_path / "model", "llama", "llama-bpe", chatml=False)
    edit_json(model / "tokenizer_config.json", eos_token="<|endoftext|>")  # noqa: S106
    with pytest.raises(ModelError, match="no chat template"):
        run(model)
    (artefact,) = run(model, contract="own")
    metadata = read_gguf(artefact.path).metadata
    assert metadata["tokenizer.ggml.eos_token_id"] == 0
    assert "tokenizer.chat_template" not in metadata
    edit_json(model / "tokenizer_config.json", eos_token=None)
    edit_json(model / "config.json", eos_token_id=None)
    with pytest.raises(ModelError, match="names no end token"):
        run(model, contract="own", overwrite=True)


def test_a_tokenizer_model_of_another_model_is_refused(run, tmp_path):
    model = build_base(tmp_path / "model", "llama", "spm")
    other = build_base(tmp_path / "other", "llama", "spm", padded_vocab=1)
    data = (other / "tokenizer.model").read_bytes()
    (model / "tokenizer.model").write_bytes(data[:2000])
    with pytest.raises(ModelError, match=r"no SentencePiece model|cut short"):
        run(model)
    first = data.index(b"<0x41>")
    (model / "tokenizer.model").write_bytes(data[:first] + b"<0x42>" + data[first + 6 :])
    with pytest.raises(ModelError, match=r"'<0x41>' in tokenizer.json and '<0x42>' in tokenizer"):
        run(model)


@pytest.mark.parametrize(
    ("rope", "message"),
    [
        ({**LLAMA3, "factor": None}, "'factor' must be a positive number"),
        ({**LLAMA3, "rope_type": "longrope"}, "'longrope' cannot be exported for llama"),
        ({**YARN, "original_max_position_embeddings": None}, "'original_max_position_embeddings'"),
        ({**YARN, "mscale": 1.0}, "the yarn setting 'mscale'"),
    ],
)
def test_scalings_that_are_not_described_fully_are_refused(rope, message, run, tmp_path):
    model = build_base(tmp_path / "model", "llama", "smollm")
    edit_json(model / "config.json", rope_parameters=rope)
    with pytest.raises(ModelError, match=message):
        run(model)


def test_longrope_needs_a_factor_per_frequency(run, tmp_path):
    model = build_base(tmp_path / "model", "phi3", "spm", rope_parameters=LONGROPE)
    edit_json(model / "config.json", rope_parameters={**LONGROPE, "long_factor": [1.0] * 31})
    with pytest.raises(ModelError, match="'long_factor' must hold 32 numbers"):
        run(model)


def test_rows_are_reordered_in_blocks_as_at_once():
    rows, heads = 24, 3
    source = Constant("x", list(range(rows)))
    ordered = RotaryRows(source, heads)
    expected = np.arange(rows).reshape(heads, 2, 4).swapaxes(1, 2).reshape(-1)
    for size in (1, 5, 7, 24):
        assert np.array_equal(np.concatenate(list(blocks(ordered, size))), expected), size


def test_half_precision_models_are_quantised_from_half_precision(run, tmp_path: Path):
    model = build_base(tmp_path / "model", "llama", "smollm", dtype=torch.bfloat16)
    (half,) = run(model, "Q4_K_M", output=tmp_path / "a")
    assert half.details["intermediate"] == "BF16"
    _, whole = run(model, "F32", "Q4_K_M", output=tmp_path / "b")
    import gguf

    one, other = (gguf.GGUFReader(artefact.path).tensors for artefact in (half, whole))
    assert {t.name: t.data.tobytes() for t in one} == {t.name: t.data.tobytes() for t in other}

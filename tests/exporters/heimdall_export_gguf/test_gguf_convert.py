"""What is in the file: the model's weights, its shape and its tokenizer, nothing lost."""

from __future__ import annotations

import json

import gguf
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny_models import edit_json

from heimdall_core.errors import ModelError
from heimdall_core.prompt import CHAT_TEMPLATE, SPECIAL_TOKENS
from heimdall_export_gguf.safetensors_file import read_header
from heimdall_export_gguf.sources import blocks
from heimdall_run_llamacpp.gguf_file import read_gguf
from heimdall_run_llamacpp.load import load

#: The Hugging Face name of each tensor, spelt out: the exporter's own table is what is tested.
LAYER = {
    "attn_norm.weight": "input_layernorm.weight",
    "attn_q.weight": "self_attn.q_proj.weight",
    "attn_q.bias": "self_attn.q_proj.bias",
    "attn_k.weight": "self_attn.k_proj.weight",
    "attn_k.bias": "self_attn.k_proj.bias",
    "attn_v.weight": "self_attn.v_proj.weight",
    "attn_v.bias": "self_attn.v_proj.bias",
    "attn_output.weight": "self_attn.o_proj.weight",
    "ffn_norm.weight": "post_attention_layernorm.weight",
    "ffn_gate.weight": "mlp.gate_proj.weight",
    "ffn_up.weight": "mlp.up_proj.weight",
    "ffn_down.weight": "mlp.down_proj.weight",
}


def weights(model) -> dict[str, torch.Tensor]:
    """The model's weights by GGUF name, in float32."""
    stored = {}
    for file in model.glob("*.safetensors"):
        stored |= load_file(file)
    names = {
        "token_embd.weight": "model.embed_tokens.weight",
        "output_norm.weight": "model.norm.weight",
        **({"output.weight": "lm_head.weight"} if "lm_head.weight" in stored else {}),
        **{
            f"blk.{layer}.{target}": f"model.layers.{layer}.{source}"
            for layer in range(2)
            for target, source in LAYER.items()
        },
    }
    assert len(names) == len(stored)
    return {target: stored[source].float() for target, source in names.items()}


def written(path) -> dict[str, np.ndarray]:
    """The file's tensors by name as they lie in it."""
    return {tensor.name: tensor.data for tensor in gguf.GGUFReader(path).tensors}


@pytest.mark.parametrize("fixture", ["plain_model", "sharded_model"])
def test_f32_holds_every_weight_exactly(request, run, fixture):
    model = request.getfixturevalue(fixture)
    (artefact,) = run(model, "F32")
    expected, found = weights(model), written(artefact.path)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert np.array_equal(found[name], values.numpy()), name


@pytest.mark.parametrize(("kind", "dtype"), [("F16", torch.float16), ("BF16", torch.bfloat16)])
def test_half_types_round_matrices_and_keep_vectors(plain_model, run, kind, dtype):
    (artefact,) = run(plain_model, kind)
    found = written(artefact.path)
    for name, values in weights(plain_model).items():
        if values.dim() == 1:
            assert np.array_equal(found[name], values.numpy()), name
        else:
            bits = values.to(dtype).view(torch.int16).numpy()
            assert np.array_equal(found[name].view(np.int16), bits), name


def test_large_tensors_are_read_in_blocks_of_rows(plain_model):
    stored = read_header(plain_model / "model.safetensors")["model.embed_tokens.weight"]
    found = list(blocks(stored, max_values=1000))
    assert [len(block) for block in found[:-1]] == [3] * (len(found) - 1)
    whole = weights(plain_model)["token_embd.weight"].numpy()
    assert np.array_equal(np.concatenate(found), whole)


def test_shape_and_numbers_are_those_of_the_config(plain_model, run):
    metadata = read_gguf(run(plain_model, "F16")[0].path).metadata
    assert {key: value for key, value in metadata.items() if key.startswith("qwen2.")} == {
        "qwen2.block_count": 2,
        "qwen2.context_length": 256,
        "qwen2.embedding_length": 256,
        "qwen2.feed_forward_length": 512,
        "qwen2.attention.head_count": 4,
        "qwen2.attention.head_count_kv": 2,
        "qwen2.attention.layer_norm_rms_epsilon": pytest.approx(1e-6),
        "qwen2.rope.freq_base": 10000.0,
    }
    assert metadata["general.architecture"] == "qwen2"
    assert metadata["general.type"] == "model"
    assert metadata["general.file_type"] == 1
    assert metadata["general.size_label"] == "1.3M"


def test_the_tokenizer_is_carried_over(sharded_model, run):
    metadata = read_gguf(run(sharded_model, "F16")[0].path).metadata
    tokenizer = json.loads((sharded_model / "tokenizer.json").read_text("utf-8"))
    vocabulary = tokenizer["model"]["vocab"]
    tokens = metadata["tokenizer.ggml.tokens"]
    types = metadata["tokenizer.ggml.token_type"]
    rows = len(vocabulary) + 40
    assert len(tokens) == len(types) == rows
    assert all(tokens[number] == token for token, number in vocabulary.items())
    assert tokens[: len(SPECIAL_TOKENS)] == list(SPECIAL_TOKENS)
    assert types[:4] == [3, 3, 3, 1]
    assert tokens[-1] == f"[PAD{rows - 1}]"
    assert types[-40:] == [5] * 40
    assert metadata["tokenizer.ggml.merges"] == [" ".join(m) for m in tokenizer["model"]["merges"]]
    assert metadata["tokenizer.ggml.model"] == "gpt2"
    assert metadata["tokenizer.ggml.pre"] == "qwen2"
    assert metadata["tokenizer.ggml.eos_token_id"] == 2
    assert metadata["tokenizer.ggml.padding_token_id"] == 0
    assert "tokenizer.ggml.bos_token_id" not in metadata
    assert "tokenizer.ggml.add_bos_token" not in metadata  # llama.cpp adds none to qwen2's
    assert metadata["tokenizer.chat_template"] == CHAT_TEMPLATE


def test_answers_end_at_im_end_whatever_the_base_model_declared(broken, run):
    edit_json(broken / "tokenizer_config.json", eos_token="<|endoftext|>")  # noqa: S106
    edit_json(broken / "config.json", eos_token_id=0, bos_token_id=0)
    metadata = read_gguf(run(broken, "F16")[0].path).metadata
    assert metadata["tokenizer.ggml.eos_token_id"] == 2
    assert metadata["tokenizer.ggml.bos_token_id"] == 0


def test_merges_may_be_pairs_or_strings_and_added_tokens_may_be_plain(broken, run):
    path = broken / "tokenizer.json"
    tokenizer = json.loads(path.read_text("utf-8"))
    size = len(tokenizer["model"]["vocab"])
    tokenizer["model"]["merges"] = [" ".join(merge) for merge in tokenizer["model"]["merges"]]
    extra = {"lstrip": False, "rstrip": False, "single_word": False, "normalized": False}
    tokenizer["added_tokens"] += [
        {"id": size, "content": "<|tool|>", "special": False, **extra},
        {"id": size + 1, "content": "::", "special": False, **extra},
    ]
    path.write_text(json.dumps(tokenizer), "utf-8")
    from tiny_models import build_model

    wide = build_model(broken.parent / "wide", padded_vocab=2)
    (wide / "tokenizer.json").write_text(json.dumps(tokenizer), "utf-8")
    metadata = read_gguf(run(wide, "F16")[0].path).metadata
    assert metadata["tokenizer.ggml.tokens"][-2:] == ["<|tool|>", "::"]
    assert metadata["tokenizer.ggml.token_type"][-2:] == [3, 4]  # control, user-defined
    assert metadata["tokenizer.ggml.merges"] == tokenizer["model"]["merges"]


def test_the_file_says_where_it_comes_from(plain_model, run):
    events = []
    metadata = {
        "name": "Nano Cypher",
        "licence": "MIT",
        "author": "Ada",
        "description": "Answers with Cypher.",
        "base_model": "/home/ada/models/base-1.5b",
        "recipe_hash": "f00d",
        "datasets": [{"name": "train", "sha256": "aa"}, {"name": "test", "sha256": "bb"}],
        "metrics": {"validation_loss": 0.25},
        "languages": ["sql", "cypher"],
        "colour": "blue",
    }
    (artefact,) = run(plain_model, "F16", metadata=metadata, events=events)
    assert artefact.path.name == "Nano-Cypher-F16.gguf"
    found = read_gguf(artefact.path).metadata
    expected = {
        "general.name": "Nano Cypher",
        "general.license": "MIT",
        "general.author": "Ada",
        "general.description": "Answers with Cypher.",
        "general.base_model.count": 1,
        "general.base_model.0.name": "base-1.5b",
        "general.dataset.count": 2,
        "general.dataset.0.name": "train",
        "general.dataset.0.version": "sha256:aa",
        "general.dataset.1.version": "sha256:bb",
        "heimdall.recipe_hash": "f00d",
        "heimdall.metrics": '{"validation_loss": 0.25}',
        "heimdall.languages": "sql,cypher",
    }
    assert {key: found.get(key) for key in expected} == expected
    assert [event.message for event in events if event.kind == "warning"] == [
        "metadata 'colour' has no place in a GGUF"
    ]
    with load(artefact.path) as model:
        assert model.languages == ("sql", "cypher")  # `heimdall chat` checks answers by the first


@pytest.mark.parametrize("languages", ["sql", [3], {"sql": 1}])
def test_languages_that_are_no_list_of_names_are_refused(plain_model, run, languages):
    with pytest.raises(ModelError, match="'languages' must be a list of names"):
        run(plain_model, "F16", metadata={"languages": languages})

"""Models that cannot be exported rightly are refused before any work, in one clear line."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_models import edit_json

from heimdall_core.errors import ModelError
from heimdall_export_gguf import export as exporter
from heimdall_export_gguf.safetensors_file import read_header


def tokenizer_edit(change: Callable[[dict], None]) -> Callable[[Path], None]:
    def edit(model: Path) -> None:
        path = model / "tokenizer.json"
        data = json.loads(path.read_text("utf-8"))
        change(data)
        path.write_text(json.dumps(data), "utf-8")

    return edit


def weights_edit(change: Callable[[dict[str, torch.Tensor]], None]) -> Callable[[Path], None]:
    def edit(model: Path) -> None:
        tensors = load_file(model / "model.safetensors")
        change(tensors)
        save_file(tensors, model / "model.safetensors")

    return edit


def remove(name: str) -> Callable[[Path], None]:
    return lambda model: (model / name).unlink()


def config(**changes: object) -> Callable[[Path], None]:
    return lambda model: edit_json(model / "config.json", **changes)


def cut(model: Path) -> None:
    path = model / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def rename_special(data: dict) -> None:
    for token in data["added_tokens"]:
        if token["content"] == "<|im_end|>":
            token["content"] = "<|stop|>"
    data["model"]["vocab"]["<|stop|>"] = data["model"]["vocab"].pop("<|im_end|>")


def drop_special_flag(data: dict) -> None:
    data["added_tokens"] = [t for t in data["added_tokens"] if t["content"] != "<|im_start|>"]


REFUSALS = {
    "no config": (remove("config.json"), "has no config.json"),
    "no tokenizer": (remove("tokenizer.json"), "has no tokenizer.json"),
    "no weights": (remove("model.safetensors"), "neither model.safetensors nor"),
    "no template": (remove("chat_template.jinja"), "no chat template"),
    "another template": (
        lambda m: (m / "chat_template.jinja").write_text("{{ messages }}", "utf-8"),
        "chat template is not the one",
    ),
    "broken config": (lambda m: (m / "config.json").write_text("{", "utf-8"), "not valid JSON"),
    "config is a list": (lambda m: (m / "config.json").write_text("[]", "utf-8"), "not a JSON obj"),
    "an adapter": (
        lambda m: (m / "config.json").rename(m / "adapter_config.json"),
        "is no LoRA and cannot be merged",
    ),
    "cut weights": (cut, "is cut short: tensor"),
    "weights are text": (
        lambda m: (m / "model.safetensors").write_text("hello there", "utf-8"),
        "not a safetensors file",
    ),
    "unknown architecture": (config(model_type="bert"), "'bert' cannot be exported; supp.*qwen2"),
    "another activation": (config(hidden_act="gelu"), "'hidden_act' is 'gelu'"),
    "sliding window": (config(use_sliding_window=True), "'use_sliding_window' is True"),
    "scaled rope": (
        config(rope_parameters={"rope_type": "yarn", "rope_theta": 1e4}),
        "'factor' must be a positive number",
    ),
    "dynamic rope": (
        config(rope_parameters={"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}),
        "RoPE scaling 'dynamic' cannot be exported for qwen2; supported: linear",
    ),
    "Llama's rope in Qwen": (
        config(rope_parameters={"rope_type": "llama3", "rope_theta": 1e4, "factor": 2.0}),
        "RoPE scaling 'llama3'",
    ),
    "no layers": (config(num_hidden_layers=0), "'num_hidden_layers' must be a positive"),
    "a width that is text": (config(hidden_size="256"), "'hidden_size' must be a positive"),
    "no epsilon": (config(rms_norm_eps=None), "'rms_norm_eps' must be a positive number"),
    "another shape": (config(intermediate_size=256), "config.json says \\(256, 256\\)"),
    "more layers": (config(num_hidden_layers=3), "layers.2.* is missing"),
    "fewer layers": (config(num_hidden_layers=1), "layers.1.* is not part of qwen2"),
    "untied without head": (config(tie_word_embeddings=False), "lm_head.weight is missing"),
    "unmerged adapter": (
        weights_edit(lambda t: t.update({"lora_A.weight": torch.zeros(2, 2)})),
        "lora_A.weight is not part of",
    ),
    "integers": (
        weights_edit(lambda t: t.update({"model.norm.weight": torch.ones(256).int()})),
        "has the type I32",
    ),
    "not finite": (
        weights_edit(lambda t: t["model.norm.weight"].fill_(float("nan"))),
        "not finite; the training diverged",
    ),
    "too large for F16": (
        weights_edit(lambda t: t["model.embed_tokens.weight"].fill_(1e5)),
        "beyond 65504.*BF16",
    ),
    "no im_end": (tokenizer_edit(rename_special), "no special token <|im_end|>"),
    "im_start is text": (tokenizer_edit(drop_special_flag), "no special token <|im_start|>"),
    "another splitting rule": (
        tokenizer_edit(
            lambda d: d["pre_tokenizer"]["pretokenizers"][0]["pattern"].update(Regex=r"\w+|\W+")
        ),
        "splits text by another rule",
    ),
    "no splitting rule": (
        tokenizer_edit(lambda d: d.update(pre_tokenizer=None)),
        "splits text by another rule",
    ),
    "a space in front": (
        tokenizer_edit(
            lambda d: d["pre_tokenizer"]["pretokenizers"][1].update(add_prefix_space=True)
        ),
        "splits text by another rule",
    ),
    "lower case": (
        tokenizer_edit(lambda d: d.update(normalizer={"type": "Lowercase"})),
        "only the normaliser NFC",
    ),
    "adds a marker": (
        tokenizer_edit(
            lambda d: d["post_processor"]["single"].insert(
                0, {"SpecialToken": {"id": "<|im_start|>", "type_id": 0}}
            )
        ),
        "adds <|im_start|> to every text, which the prompt itself holds",
    ),
    "adds EOS": (
        tokenizer_edit(
            lambda d: d["post_processor"]["single"].append(
                {"SpecialToken": {"id": "<|im_end|>", "type_id": 0}}
            )
        ),
        "adds EOS to every text",
    ),
    "another post-processor": (
        tokenizer_edit(lambda d: d.update(post_processor={"type": "BertProcessing"})),
        "the post-processor 'BertProcessing'",
    ),
    "word pieces": (tokenizer_edit(lambda d: d["model"].update(type="WordPiece")), "only BPE"),
    "byte fallback": (
        tokenizer_edit(lambda d: d["model"].update(byte_fallback=True)),
        "treats spaces by another rule",
    ),
    "broken merges": (
        tokenizer_edit(lambda d: d["model"]["merges"].append(["a", "b", "c"])),
        "broken merge",
    ),
    "a token beyond the embedding": (
        tokenizer_edit(lambda d: d["model"]["vocab"].update(zzzz=5000)),
        "has the id 5000, but the embedding has 447 rows",
    ),
    "a greedy token": (
        tokenizer_edit(lambda d: d["added_tokens"][0].update(rstrip=True)),
        "swallows what is beside it",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refused_before_work(case, broken, run, tmp_path, monkeypatch):
    spoil, message = REFUSALS[case]
    spoil(broken)
    if case not in ("not finite", "too large for F16"):  # which only reading the weights tells
        monkeypatch.setattr(exporter, "write_float", lambda *a: pytest.fail("work has started"))
    with pytest.raises(ModelError, match=message) as caught:
        run(broken, "F16")
    assert "\n" not in str(caught.value)
    out = tmp_path / "out"
    assert not out.exists() or list(out.iterdir()) == []


def test_metadata_of_the_wrong_type_is_refused(plain_model, run):
    for metadata in ({"name": 5}, {"datasets": [{"name": "a"}]}, {"metrics": {"a": object()}}):
        with pytest.raises(ModelError, match="the metadata"):
            run(plain_model, "F16", metadata=metadata)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda index: index.update(weight_map=None), "no weight_map"),
        (lambda index: index["weight_map"].update(x="../../x.safetensors"), "outside the model"),
        (lambda index: index["weight_map"].update(x="missing.safetensors"), "cannot be read"),
        (
            lambda index: index["weight_map"].update(x=index["weight_map"]["model.norm.weight"]),
            "promises the tensor x",
        ),
    ],
)
def test_a_broken_index_of_shards_is_refused(sharded_model, run, tmp_path, change, message):
    import shutil

    model = shutil.copytree(sharded_model, tmp_path / "copy")
    path = model / "model.safetensors.index.json"
    index = json.loads(path.read_text("utf-8"))
    change(index)
    path.write_text(json.dumps(index), "utf-8")
    with pytest.raises(ModelError, match=message):
        run(model, "F16")


def test_broken_safetensors_are_refused_or_read_never_more(plain_model, tmp_path):
    """300 files with flipped or missing bytes: a refusal, or tensors that lie inside the file."""
    whole = (plain_model / "model.safetensors").read_bytes()[:200_000]
    header = 8 + struct.unpack("<Q", whole[:8])[0]
    rng = random.Random(3)
    path = tmp_path / "x.safetensors"
    refused = 0
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 2, 5))):
            data[rng.randrange(header)] = rng.randrange(256)
        path.write_bytes(data[: rng.choice((len(data), rng.randrange(header)))])
        try:
            tensors = read_header(path)
        except ModelError:
            refused += 1
        else:
            ends = [tensor.start + tensor.values * 2 for tensor in tensors.values()]
            assert max(ends, default=0) <= path.stat().st_size
    assert refused > 150

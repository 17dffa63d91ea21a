"""The importance matrix is the mean square of what the layers see, and the quantiser uses it."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from heimdall_core.errors import ModelError
from heimdall_core.types import Example, ExportContext
from heimdall_export_gguf.importance import (
    calibration_texts,
    collect,
    read_importance,
    write_importance,
)
from heimdall_run_llamacpp import tensors
from heimdall_run_llamacpp.gguf_file import read_gguf
from heimdall_run_transformers.load import load as load_directory

ROWS = (Example("Find all people.", output="MATCH (p:Person) RETURN p"), Example("Count cities."))


@pytest.fixture(scope="module")
def whole(taught_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from heimdall_export_gguf.export import export
    from heimdall_export_gguf.options import GGUFOptions

    output = tmp_path_factory.mktemp("whole") / "taught.gguf"
    export(ExportContext(taught_model, output), GGUFOptions(quant_types=("F32",)))
    return output


def seen_by_pytorch(model: Path, texts: list[str]) -> dict[str, np.ndarray]:
    """Mean square of each linear layer's inputs, by hooks."""
    loaded = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    sums: dict[str, torch.Tensor] = {}
    count = 0

    def hook(name: str) -> Callable[..., None]:
        def keep(_: object, inputs: tuple[torch.Tensor, ...], __: object) -> None:
            rows = inputs[0].double().reshape(-1, inputs[0].shape[-1])
            sums[name] = sums.get(name, torch.zeros(())) + rows.square().sum(0)

        return keep

    for name, module in loaded.named_modules():
        if isinstance(module, torch.nn.Linear) and "layers" in name:
            module.register_forward_hook(hook(name))
    with load_directory(model) as tokenizer, torch.no_grad():
        for text in texts:
            ids = tokenizer.tokenize(text)
            loaded(torch.tensor([ids]))
            count += len(ids)
    return {name: (value / count).numpy() for name, value in sums.items()}


def test_it_is_the_mean_square_of_every_input(taught_model, whole, tmp_path):
    context = ExportContext(taught_model, tmp_path, examples=ROWS)
    texts = calibration_texts(context)
    assert texts[0].startswith("<|im_start|>user\nFind all people.<|im_end|>\n")
    assert texts[0].endswith("MATCH (p:Person) RETURN p<|im_end|>")
    found = collect(whole, texts, context)
    expected = seen_by_pytorch(taught_model, texts)
    assert len(found.values) == len(expected) == 14
    for target, source in {
        "blk.0.attn_q.weight": "model.layers.0.self_attn.q_proj",
        "blk.1.attn_output.weight": "model.layers.1.self_attn.o_proj",
        "blk.1.ffn_down.weight": "model.layers.1.mlp.down_proj",
    }.items():
        # llama.cpp keeps keys and values in half precision.
        assert np.allclose(found.values[target], expected[source], rtol=0.02, atol=1e-6), target


def test_files_are_written_and_read(whole, taught_model, tmp_path):
    found = collect(whole, ["<|im_start|>user\nx"], ExportContext(taught_model, tmp_path))
    write_importance(found, tmp_path / "i.gguf")
    again = read_importance(tmp_path / "i.gguf")
    assert again.values.keys() == found.values.keys()
    for name, row in found.values.items():
        assert np.allclose(again.values[name], row, rtol=1e-6)
    old = struct.pack("<i", 1) + struct.pack("<i", 3) + b"a.w" + struct.pack("<ii", 4, 2)
    (tmp_path / "i.dat").write_bytes(old + struct.pack("<ff", 8.0, 2.0))
    assert read_importance(tmp_path / "i.dat").values["a.w"].tolist() == [2.0, 0.5]


@pytest.mark.parametrize(
    "data",
    [b"", b"hello, I am no matrix", b"GGUF" + b"\0" * 20, struct.pack("<iii", 1, 500, 2) + b"ab"],
)
def test_what_is_no_importance_matrix_is_refused(data, tmp_path):
    path = tmp_path / "i.dat"
    path.write_bytes(data)
    with pytest.raises(ModelError):
        read_importance(path)
    with pytest.raises(ModelError, match="cannot be read"):
        read_importance(tmp_path / "none")


def test_a_model_is_no_importance_matrix(taught_gguf):
    with pytest.raises(ModelError, match="no importance matrix"):
        read_importance(taught_gguf)


def test_the_quantiser_uses_it(plain_model, narrow_model, run, tmp_path):
    saved = tmp_path / "i.gguf"
    (plain,) = run(plain_model, "Q4_K_M", output=tmp_path / "a.gguf")
    (weighed,) = run(
        plain_model,
        "Q4_K_M",
        output=tmp_path / "b.gguf",
        importance="collect",
        save_importance=str(saved),
    )
    (read,) = run(plain_model, "Q4_K_M", output=tmp_path / "c.gguf", importance=str(saved))
    files = [
        {t.name: t.data.tobytes() for t in gguf.GGUFReader(artefact.path).tensors}
        for artefact in (plain, weighed, read)
    ]
    assert files[0] != files[1] == files[2]
    metadata = read_gguf(weighed.path).metadata
    assert metadata["quantize.imatrix.entries_count"] == 14
    with pytest.raises(ModelError, match="it was made for another model"):
        run(narrow_model, "Q4_K_M", output=tmp_path / "d.gguf", importance=str(saved))


def test_types_that_need_one_get_one(plain_model, run, tmp_path):
    events: list = []
    (artefact,) = run(plain_model, "IQ2_XS", events=events)
    assert artefact.details["bits_per_weight"] < 3
    assert any("importance of every input measured on" in e.message for e in events)
    with pytest.raises(ModelError, match="needs an importance matrix, and the option"):
        run(plain_model, "IQ2_XS", importance="none", output=tmp_path / "other")


def test_another_layout_of_tensors_is_refused_not_misread(whole, taught_model, tmp_path):
    before = tensors._Tensor.name
    try:
        tensors._Tensor.name = property(lambda self: b"something else")
        with pytest.raises(ModelError, match="lays its tensors out in another way"):
            collect(whole, ["<|im_start|>user\nx"], ExportContext(taught_model, tmp_path))
    finally:
        tensors._Tensor.name = before

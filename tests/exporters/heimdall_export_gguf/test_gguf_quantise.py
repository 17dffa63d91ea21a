"""Quantised files: real sizes, the same bytes each time, and fallbacks that are told first."""

from __future__ import annotations

import ctypes

import llama_cpp.llama_cpp as library
import numpy as np
import pytest

from heimdall_core.errors import ModelError
from heimdall_export_gguf import quantise as quantiser
from heimdall_export_gguf.quant_types import (
    ALL_TYPES,
    NEED_IMPORTANCE,
    QUANTISED_TYPES,
    canonical_type,
    file_type,
)
from heimdall_export_gguf.quantise import preview, quantise
from heimdall_run_llamacpp.gguf_file import read_gguf

#: ggml's numbers of tensor types.
GGML = {"F32": 0, "F16": 1, "Q5_0": 6, "Q8_0": 8, "Q4_K": 12, "Q6_K": 14}


@pytest.fixture(scope="module")
def source(plain_model, tmp_path_factory):
    """The plain model as F32 GGUF."""
    from heimdall_core.types import ExportContext
    from heimdall_export_gguf.export import export
    from heimdall_export_gguf.options import GGUFOptions

    output = tmp_path_factory.mktemp("source") / "source.gguf"
    context = ExportContext(model=plain_model, output=output)
    return export(context, GGUFOptions(quant_types=("F32",)))[0].path


def test_knows_every_type_of_the_installed_library():
    theirs = {
        name.removeprefix("LLAMA_FTYPE_").removeprefix("MOSTLY_").removeprefix("ALL_")
        for name in dir(library)
        if name.startswith("LLAMA_FTYPE_")
    }
    # Guessed is no type; the quantiser does not make NVFP4.
    assert set(ALL_TYPES) == theirs - {"GUESSED", "NVFP4"}
    assert len({file_type(name) for name in ALL_TYPES}) == len(ALL_TYPES)


@pytest.mark.parametrize("kind", QUANTISED_TYPES)
def test_every_type_is_made_or_refused_for_want_of_an_importance_matrix(source, tmp_path, kind):
    target = tmp_path / "file.gguf"
    if kind in NEED_IMPORTANCE:
        with pytest.raises(ModelError, match="importance matrix"):
            preview(source, kind)
        return
    expected = preview(source, kind)
    quantise(source, target, kind, threads=1)
    header = read_gguf(target)
    assert header.metadata["general.file_type"] == file_type(kind)
    assert header.bits_per_weight == pytest.approx(expected.bits_per_weight, abs=0.02)
    assert header.parameters == read_gguf(source).parameters


def test_k_quants_mix_types_as_llama_cpp_does(plain_model, run):
    eight, four = run(plain_model, "Q8_0", "Q4_K_M")
    kinds = {tensor.name: tensor.type for tensor in read_gguf(four.path).tensors}
    assert kinds["token_embd.weight"] == GGML["Q6_K"]  # tied: it is the output matrix, too
    assert kinds["blk.0.attn_q.weight"] == GGML["Q4_K"]
    assert kinds["blk.0.attn_norm.weight"] == kinds["blk.0.attn_q.bias"] == GGML["F32"]
    assert {t.type for t in read_gguf(eight.path).tensors if len(t.shape) > 1} == {GGML["Q8_0"]}
    assert eight.details["bits_per_weight"] == pytest.approx(8.54, abs=0.02)
    assert four.details["bits_per_weight"] == pytest.approx(4.99, abs=0.02)
    assert eight.details["intermediate"] == four.details["intermediate"] == "F32"


def test_q8_0_is_the_rounding_of_the_f32_weights(plain_model, run, source):
    import gguf

    (artefact,) = run(plain_model, "Q8_0")
    expected = {tensor.name: tensor.data for tensor in gguf.GGUFReader(source).tensors}
    for tensor in gguf.GGUFReader(artefact.path).tensors:
        if tensor.tensor_type == gguf.GGMLQuantizationType.Q8_0:
            again = gguf.quantize(expected[tensor.name], gguf.GGMLQuantizationType.Q8_0)
            assert np.array_equal(tensor.data, again), tensor.name


def test_the_bytes_depend_on_neither_threads_nor_time(plain_model, run, tmp_path):
    digests = {
        run(plain_model, "Q4_K_M", output=tmp_path / str(threads), threads=threads)[0].details[
            "sha256"
        ]
        for threads in (1, 2, 3)
    }
    assert len(digests) == 1


def test_the_fallback_of_narrow_rows_is_explained_before_it_happens(narrow_model, run, monkeypatch):
    events = []

    def refuse(*arguments: object) -> None:
        raise ModelError("stop here")

    monkeypatch.setattr("heimdall_export_gguf.export.quantise", refuse)
    with pytest.raises(ModelError, match="stop here"):
        run(narrow_model, "Q4_K_M", events=events)
    (note,) = [event.message for event in events if event.kind == "note"]
    assert "blocks of 256 values" in note
    assert ": 160)" in note
    assert "q5_0, q8_0" in note
    monkeypatch.undo()
    (artefact,) = run(narrow_model, "Q4_K_M")
    assert f"{artefact.details['bits_per_weight']:.2f} bits per weight" in note
    kinds = {tensor.name: tensor.type for tensor in read_gguf(artefact.path).tensors}
    assert kinds["blk.0.attn_q.weight"] == GGML["Q5_0"]
    assert kinds["token_embd.weight"] == GGML["Q8_0"]


def test_wide_rows_need_no_explanation(plain_model, run):
    events = []
    run(plain_model, "Q4_K_M", events=events)
    assert [event for event in events if event.kind in ("note", "warning")] == []
    assert max(event.done for event in events) == max(event.total for event in events) > 1_000_000


def test_refuses_a_library_whose_declaration_does_not_fit(source, tmp_path, monkeypatch):
    """As if a field had been added in front: everything behind it is read at the wrong place."""
    real = library.llama_model_quantize_default_params

    class Shifted(ctypes.Structure):
        _fields_ = [("added", ctypes.c_int64), *library.llama_model_quantize_params._fields_]

    def shifted():
        raw = bytes(real()) + bytes(8)
        return Shifted.from_buffer_copy(raw)

    monkeypatch.setattr(library, "llama_model_quantize_default_params", shifted)
    with pytest.raises(ModelError, match="declares its quantiser otherwise"):
        quantiser.quantise(source, tmp_path / "x.gguf", "Q8_0", threads=1)


def test_llama_cpps_reason_is_in_the_error(tmp_path):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF")
    with pytest.raises(ModelError, match=r"could not quantise to Q8_0: .*read"):
        quantise(broken, tmp_path / "x.gguf", "Q8_0", threads=1)


@pytest.mark.parametrize(
    ("name", "expected"), [("q4_k_m", "Q4_K_M"), ("Q5_K", "Q5_K_M"), ("bf16", "BF16")]
)
def test_names_are_llama_cpps_in_any_case(name, expected):
    assert canonical_type(name) == expected


def test_an_unknown_type_names_the_nearest():
    with pytest.raises(ModelError, match="did you mean 'Q4_K_M'"):
        canonical_type("Q4_KM")

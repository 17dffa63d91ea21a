"""Writes a model as GGUF in a floating-point type, block of rows by block of rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import gguf
import numpy as np
import numpy.typing as npt
from attrs import frozen

from heimdall_core.errors import ModelError
from heimdall_export_gguf.quant_types import file_type
from heimdall_export_gguf.safetensors_file import StoredTensor
from heimdall_export_gguf.vocabulary import Vocabulary

_STORAGE: Final = {
    "F32": gguf.GGMLQuantizationType.F32,
    "F16": gguf.GGMLQuantizationType.F16,
    "BF16": gguf.GGMLQuantizationType.BF16,
}
_WIDTHS: Final = {"F32": 4, "F16": 2, "BF16": 2}


@frozen
class Plan:
    """A checked model, ready to be written any number of times."""

    architecture: str
    """llama.cpp's name."""
    values: Mapping[str, int | float]
    """Metadata of the architecture."""
    vocabulary: Vocabulary
    tensors: Sequence[tuple[str, StoredTensor]]
    """GGUF name, and where the values come from, in the file's order."""
    general: Mapping[str, str | int]
    """Metadata on origin and licence."""

    @property
    def parameters(self) -> int:
        """How many weights the file will hold."""
        return sum(stored.values for _, stored in self.tensors)


def write_float(plan: Plan, path: Path, kind: str, progress: Callable[[int], None]) -> None:
    """Writes `path` with matrices in `kind` (F32, F16 or BF16) and vectors in F32, as llama.cpp
    wants them. `progress` is told the weights written so far.

    Raises `ModelError` for a weight that the type cannot hold; the caller removes the file.
    """
    writer = gguf.GGUFWriter(path, plan.architecture)
    try:
        _add_general(writer, plan, kind)
        _add_values(writer, plan.values)
        _add_vocabulary(writer, plan.vocabulary)
        for name, stored in plan.tensors:
            storage = _storage(stored, kind)
            writer.add_tensor_info(
                name,
                stored.shape,
                np.dtype(np.float32),
                stored.values * _WIDTHS[storage],
                raw_dtype=_STORAGE[storage],
            )
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        _write_tensors(writer, plan, kind, progress)
    finally:
        writer.close()


def _storage(stored: StoredTensor, kind: str) -> str:
    """Vectors (norms, biases) stay F32."""
    return kind if len(stored.shape) > 1 else "F32"


def _add_general(writer: gguf.GGUFWriter, plan: Plan, kind: str) -> None:
    writer.add_type(gguf.GGUFType.MODEL)
    _add_values(writer, plan.general)
    writer.add_size_label(gguf.size_label(plan.parameters, plan.parameters, 0, 0))
    writer.add_file_type(file_type(kind))
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)


def _add_values(writer: gguf.GGUFWriter, values: Mapping[str, str | int | float]) -> None:
    for key, value in values.items():
        if isinstance(value, str):
            writer.add_string(key, value)
        elif isinstance(value, int):
            writer.add_uint32(key, value)
        else:
            writer.add_float32(key, value)


def _add_vocabulary(writer: gguf.GGUFWriter, vocabulary: Vocabulary) -> None:
    writer.add_tokenizer_model("gpt2")  # llama.cpp's name for byte-level BPE
    writer.add_tokenizer_pre(vocabulary.pre)
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types(vocabulary.types)
    writer.add_token_merges(vocabulary.merges)
    writer.add_eos_token_id(vocabulary.eos)
    writer.add_pad_token_id(vocabulary.pad)
    if vocabulary.bos is not None:
        writer.add_bos_token_id(vocabulary.bos)
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    writer.add_chat_template(vocabulary.chat_template)


def _write_tensors(
    writer: gguf.GGUFWriter, plan: Plan, kind: str, progress: Callable[[int], None]
) -> None:
    # GGUFWriter.write_tensor_data wants each tensor whole; the embedding of a 7 B model is
    # 2.2 GB in F32. Its file and padding are used, its buffering is not.
    [file] = writer.fout or []
    written = 0
    for name, stored in plan.tensors:
        writer.write_padding(file, file.tell())
        for block in stored.chunks():
            _encoded(block, _storage(stored, kind), name).tofile(file)
            written += block.size
            progress(written)
        writer.write_padding(file, file.tell())


def _encoded(block: npt.NDArray[np.float32], storage: str, name: str) -> npt.NDArray[np.generic]:
    if storage == "F32":
        return block
    if storage == "BF16":
        return gguf.quantize(block, gguf.GGMLQuantizationType.BF16)
    with np.errstate(over="ignore"):
        half = block.astype(np.float16)
    if not np.isfinite(half).all():
        raise ModelError(
            f"tensor {name} holds values beyond 65504, which F16 cannot",
            hint="export BF16 instead",
        )
    return half

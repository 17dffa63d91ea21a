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
from heimdall_export_gguf.sources import Source, blocks, count
from heimdall_export_gguf.vocabulary import Vocabulary

_STORAGE: Final = {
    "F32": gguf.GGMLQuantizationType.F32,
    "F16": gguf.GGMLQuantizationType.F16,
    "BF16": gguf.GGMLQuantizationType.BF16,
}
#: GGUF's keys for the kinds of `special_tokens.KINDS`.
_TOKEN_KEYS: Final = {
    "bos": "tokenizer.ggml.bos_token_id",
    "eos": "tokenizer.ggml.eos_token_id",
    "eot": "tokenizer.ggml.eot_token_id",
    "eom": "tokenizer.ggml.eom_token_id",
    "unk": "tokenizer.ggml.unknown_token_id",
    "sep": "tokenizer.ggml.seperator_token_id",  # so spelt
    "pad": "tokenizer.ggml.padding_token_id",
    "mask": "tokenizer.ggml.mask_token_id",
}
_WIDTHS: Final = {"F32": 4, "F16": 2, "BF16": 2}


@frozen
class Plan:
    """A checked model, ready to be written any number of times."""

    architecture: str
    """llama.cpp's name."""
    values: Mapping[str, int | float | str]
    """Metadata of the architecture."""
    vocabulary: Vocabulary
    tensors: Sequence[tuple[str, Source]]
    """GGUF name, and where the values come from, in the file's order."""
    general: Mapping[str, str | int]
    """Metadata on origin and licence."""

    @property
    def parameters(self) -> int:
        """How many weights the file will hold."""
        return sum(count(source) for _, source in self.tensors)

    @property
    def exact_type(self) -> str:
        """The smallest type that holds every matrix exactly, of which quantised files are made."""
        kinds = {source.dtype for _, source in self.tensors if len(source.shape) > 1}
        return kinds.pop() if len(kinds) == 1 else "F32"


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
        for name, source in plan.tensors:
            storage = _storage(name, source, kind)
            writer.add_tensor_info(
                name,
                source.shape,
                np.dtype(np.float32),
                count(source) * _WIDTHS[storage],
                raw_dtype=_STORAGE[storage],
            )
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        _write_tensors(writer, plan, kind, progress)
    finally:
        writer.close()


def _storage(name: str, source: Source, kind: str) -> str:
    """Vectors and norms stay F32."""
    return kind if len(source.shape) > 1 and not name.endswith("_norm.weight") else "F32"


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
    writer.add_tokenizer_model(vocabulary.model)
    writer.add_tokenizer_pre(vocabulary.pre)
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types(vocabulary.types)
    if vocabulary.scores:
        writer.add_token_scores(vocabulary.scores)
    if vocabulary.merges:
        writer.add_token_merges(vocabulary.merges)
    for kind, number in {**vocabulary.special, "eos": vocabulary.eos}.items():
        if kind in _TOKEN_KEYS:
            writer.add_uint32(_TOKEN_KEYS[kind], number)
    for kind, added in vocabulary.adds.items():
        if kind in ("bos", "eos", "sep"):
            writer.add_bool(f"tokenizer.ggml.add_{kind}_token", added)
    if vocabulary.add_space is not None:
        writer.add_add_space_prefix(vocabulary.add_space)
    if vocabulary.chat_template:
        writer.add_chat_template(vocabulary.chat_template)


def _write_tensors(
    writer: gguf.GGUFWriter, plan: Plan, kind: str, progress: Callable[[int], None]
) -> None:
    # GGUFWriter.write_tensor_data wants each tensor whole; the embedding of a 7 B model is
    # 2.2 GB in F32. Its file and padding are used, its buffering is not.
    [file] = writer.fout or []
    written = 0
    for name, source in plan.tensors:
        writer.write_padding(file, file.tell())
        for block in blocks(source):
            _encoded(block, _storage(name, source, kind), name).tofile(file)
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

"""Reads the header of a GGUF file: metadata and tensor list, every length checked.

llama.cpp refuses most broken files itself; the ones on which it would abort the whole process
are refused here, and so is everything that is no GGUF at all. Needs the standard library alone.
Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final

from attrs import frozen

from heimdall_core.errors import ModelError

MAGIC: Final = b"GGUF"

_VERSIONS: Final = (2, 3)

#: Metadata types by number: format of `struct`. 8 is a string, 9 an array.
_SCALARS: Final = dict(
    zip((*range(8), 10, 11, 12), (f"<{form}" for form in "BbHhIif?Qqd"), strict=True)
)
_STRING: Final = 8
_ARRAY: Final = 9

#: Keys of `{arch}.` without which there is no language model.
_NEEDED: Final = ("block_count", "context_length", "embedding_length")


@frozen
class TensorInfo:
    """One tensor of a file."""

    name: str
    shape: tuple[int, ...]
    """ggml's order: the row length first."""
    type: int
    """ggml's number of its type."""
    offset: int
    """In bytes from `GGUFFile.data_start`."""

    @property
    def values(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


@frozen
class GGUFFile:
    """The header of a file."""

    path: Path
    metadata: Mapping[str, Any]
    """Values by key; arrays are lists."""
    tensors: tuple[TensorInfo, ...]
    data_start: int
    size: int
    """Bytes of the whole file."""

    @property
    def parameters(self) -> int:
        """How many weights the file holds."""
        return sum(tensor.values for tensor in self.tensors)

    @property
    def bits_per_weight(self) -> float:
        """Of the tensors alone, padding included: what the file really takes."""
        return 8 * (self.size - self.data_start) / max(1, self.parameters)


def read_gguf(path: Path) -> GGUFFile:
    """The header of `path`. Raises `ModelError` where it is no GGUF, broken or cut short."""
    try:
        with path.open("rb") as file:
            return _Reader(path, file).read()
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except (UnicodeDecodeError, struct.error, OverflowError) as error:
        reason = "is a broken GGUF file: its header makes no sense"
        raise ModelError(reason, where=str(path)) from error


def check_language_model(file: GGUFFile) -> None:
    """Raises `ModelError` for a header on which llama.cpp would abort the process."""
    where = str(file.path)
    architecture = file.metadata.get("general.architecture")
    if not isinstance(architecture, str):
        raise ModelError("names no architecture", where=where)
    values = {
        key.removeprefix(f"{architecture}."): value
        for key, value in file.metadata.items()
        if key.startswith(f"{architecture}.")
    }
    for key in _NEEDED:
        if not isinstance(values.get(key), int) or values[key] < 1:
            raise ModelError(f"has no valid {architecture}.{key}", where=where)
    for key, value in values.items():
        if isinstance(value, float) and not 0 <= value < math.inf:
            raise ModelError(f"has no valid {architecture}.{key}: {value}", where=where)
    if values["block_count"] > len(file.tensors):
        raise ModelError(
            f"promises {values['block_count']} layers and holds {len(file.tensors)} tensors",
            where=where,
        )
    _check_heads(values, where)
    tokens = file.metadata.get("tokenizer.ggml.tokens")
    # llama.cpp takes a token for a C string, which ends at its first zero byte.
    if not isinstance(tokens, list) or len({str(t).partition("\0")[0] for t in tokens}) < len(
        tokens
    ):
        raise ModelError("has no vocabulary, or one with a token twice", where=where)


def _check_heads(values: Mapping[str, Any], where: str) -> None:
    heads = values.get("attention.head_count", 0)
    groups = values.get("attention.head_count_kv", heads)
    if not isinstance(heads, int) or not isinstance(groups, int):
        return  # one number per layer: llama.cpp's own checks are enough
    width = values["embedding_length"]
    head = values.get("attention.key_length") or width / max(1, heads)
    if groups < 1 or heads < 1 or heads % groups or head % 2:
        raise ModelError(
            f"has {heads} attention heads in {groups} groups over a width of {width}, which do"
            " not fit each other",
            where=where,
        )


class _Reader:
    """Walks over one file; never reads, and never believes a count, beyond its end."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.path, self.file = path, file
        self.left = self.size = file.seek(0, 2)
        file.seek(0)

    def read(self) -> GGUFFile:
        if self.take(4) != MAGIC:
            raise self.bad("is not a GGUF file")
        version = self.scalar("<I")
        if version not in _VERSIONS:
            raise self.bad(f"is GGUF version {version}; versions {_VERSIONS} are read")
        tensors, values = self.scalar("<Q"), self.scalar("<Q")
        self.check_count(tensors, 24)
        self.check_count(values, 13)
        metadata = {}
        for _ in range(values):
            key = self.text()
            metadata[key] = self.value(self.scalar("<I"))
        found = tuple(self.tensor() for _ in range(tensors))
        align = metadata.get("general.alignment", 32)
        if not isinstance(align, int) or align < 1 or align & (align - 1):
            raise self.bad("is a broken GGUF file: its alignment is no power of two")
        used = self.size - self.left
        start = (used + align - 1) // align * align
        if found and max(t.offset for t in found) >= self.size - start:
            raise self.bad("is cut short: its header promises more tensors than it holds")
        return GGUFFile(self.path, metadata, found, start, self.size)

    def tensor(self) -> TensorInfo:
        name = self.text()
        dimensions = self.scalar("<I")
        if not 1 <= dimensions <= 4:
            raise self.bad(f"is a broken GGUF file: tensor {name} has {dimensions} dimensions")
        shape = tuple(self.scalar("<Q") for _ in range(dimensions))
        kind, offset = self.scalar("<I"), self.scalar("<Q")
        return TensorInfo(name, shape, kind, offset)

    def value(self, kind: int) -> Any:
        if kind in _SCALARS:
            return self.scalar(_SCALARS[kind])
        if kind == _STRING:
            return self.text()
        if kind != _ARRAY:
            raise self.bad(f"is a broken GGUF file: a metadata value has the type {kind}")
        inner, count = self.scalar("<I"), self.scalar("<Q")
        if inner in _SCALARS:
            form = _SCALARS[inner][1]
            raw = self.take(count * struct.calcsize(f"<{form}"))
            return list(struct.unpack(f"<{count}{form}", raw))
        if inner != _STRING:
            raise self.bad(f"is a broken GGUF file: an array holds values of the type {inner}")
        self.check_count(count, 8)
        return [self.text() for _ in range(count)]

    def text(self) -> str:
        return self.take(self.scalar("<Q")).decode("utf-8")

    def scalar(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def check_count(self, count: int, smallest: int) -> None:
        if count * smallest > self.left:
            raise self.bad("is cut short, or broken: its header promises more than it holds")

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise self.bad("is cut short: it ends inside its header")
        self.left -= count
        return self.file.read(count)

    def bad(self, reason: str) -> ModelError:
        return ModelError(reason, where=str(self.path))

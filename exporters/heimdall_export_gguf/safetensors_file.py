"""Reads safetensors row by row as float32, so that a tensor never lies in memory whole.

Format: 8 bytes header length (little endian), a JSON header, then the tensors' bytes
(https://github.com/huggingface/safetensors#format). bfloat16, which NumPy lacks, is widened.
"""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from attrs import frozen

from heimdall_core.errors import ModelError

#: Bytes per value of the types that can be exported.
_SIZES: Final = {"F32": 4, "F16": 2, "BF16": 2}

#: The format's own limit on its header.
_LONGEST_HEADER: Final = 100_000_000


@frozen
class StoredTensor:
    """Where a tensor lies, and its shape with rows first."""

    name: str
    file: Path
    dtype: str
    shape: tuple[int, ...]
    start: int
    """Offset in the file, in bytes."""

    def rows(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Rows `start` to `stop`, (stop - start, *shape[1:]), widened to float32.

        Raises `ModelError` where the file ends before them.
        """
        width = math.prod(self.shape[1:])
        size = _SIZES[self.dtype]
        count = (stop - start) * width
        with self.file.open("rb") as file:
            file.seek(self.start + start * width * size)
            block = _widened(file.read(count * size), self.dtype)
        if block.size != count:
            raise ModelError(f"tensor {self.name} is cut short", where=str(self.file))
        return block.reshape(-1, *self.shape[1:])


def stored_digest(stored: StoredTensor) -> str:
    """SHA-256 of a tensor, as it is stored."""
    left = math.prod(stored.shape) * _SIZES[stored.dtype]
    digest = hashlib.sha256()
    with stored.file.open("rb") as file:
        file.seek(stored.start)
        while block := file.read(min(left, 1 << 24)):
            digest.update(block)
            left -= len(block)
    return digest.hexdigest()


def read_header(path: Path) -> dict[str, StoredTensor]:
    """The tensors of one file by name.

    Raises `ModelError` where the file is not safetensors, is cut short, or holds a type that
    is not floating point (a quantised checkpoint).
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > min(_LONGEST_HEADER, size - 8):
                raise _bad(path, "is not a safetensors file, or is cut short in its header")
            header = json.loads(file.read(length))
    except OSError as error:
        raise _bad(path, f"cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise _bad(path, "is not a safetensors file: its header is not JSON") from error
    if not isinstance(header, dict):
        raise _bad(path, "is not a safetensors file: its header is not an object")
    data = 8 + length
    header.pop("__metadata__", None)
    return {name: _stored(path, name, entry, data, size - data) for name, entry in header.items()}


def _stored(path: Path, name: str, entry: Any, data: int, available: int) -> StoredTensor:
    match entry:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [int(start), int(end)]}:
            pass
        case _:
            raise _bad(path, f"has a broken entry for tensor {name}")
    if dtype not in _SIZES:
        raise ModelError(
            f"tensor {name} has the type {dtype}; only {', '.join(_SIZES)} can be exported",
            where=str(path),
            hint="export the model before it is quantised",
        )
    if not all(type(width) is int and width > 0 for width in shape):
        raise _bad(path, f"has a broken shape for tensor {name}")
    if not 0 <= start <= end or end - start != math.prod(shape) * _SIZES[dtype]:
        raise _bad(path, f"has offsets for tensor {name} that do not fit its shape")
    if end > available:
        raise _bad(
            path, f"is cut short: tensor {name} ends at byte {data + end} of {data + available}"
        )
    return StoredTensor(name, path, dtype, tuple(shape), data + start)


def _widened(raw: bytes, dtype: str) -> npt.NDArray[np.float32]:
    if dtype == "F32":
        return np.frombuffer(raw, dtype="<f4").astype(np.float32, copy=False)
    if dtype == "F16":
        return np.frombuffer(raw, dtype="<f2").astype(np.float32)
    # bfloat16 is the upper half of a float32.
    return (np.frombuffer(raw, dtype="<u2").astype(np.uint32) << 16).view(np.float32)


def _bad(path: Path, reason: str) -> ModelError:
    return ModelError(reason, where=str(path))

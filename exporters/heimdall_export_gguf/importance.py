"""Importance matrices: the mean square of each input of every matrix, by which the quantiser
weighs its errors. Collected in process, or read from a file that llama.cpp's `imatrix` wrote.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import gguf
import numpy as np
import numpy.typing as npt
from attrs import frozen

from heimdall_core.errors import ModelError
from heimdall_core.types import Event, ExportContext
from heimdall_export_gguf.probe_texts import QUESTIONS
from heimdall_run_llamacpp.cores import default_threads
from heimdall_run_llamacpp.gguf_file import MAGIC, GGUFFile, read_gguf
from heimdall_run_llamacpp.log import captured_log
from heimdall_run_llamacpp.native import Batch, NativeModel
from heimdall_run_llamacpp.tensors import watcher

#: Prompts with answers that are looked at.
PROMPTS: Final = 200

_LONGEST: Final = 512


@frozen(eq=False)
class Importance:
    """What a quantiser is given."""

    values: Mapping[str, npt.NDArray[np.float32]]
    """Tensor of the GGUF -> mean square of each input, (row length,)."""
    source: str
    """A file's name, or what it was collected from."""
    tokens: int
    """How many tokens were looked at; 0 where a file does not say."""


def collect(path: Path, texts: Sequence[str], context: ExportContext) -> Importance:
    """Runs rendered prompts through the model in the GGUF `path` and looks at every layer's
    inputs.

    Raises `ModelError` where the installed llama.cpp does not let us look.
    """
    sums: dict[str, npt.NDArray[np.float64]] = {}
    counts: dict[str, int] = {}

    def see(name: str, rows: npt.NDArray[np.float32]) -> None:
        squares = np.square(rows, dtype=np.float64).sum(axis=0)
        sums[name] = sums[name] + squares if name in sums else squares
        counts[name] = counts.get(name, 0) + len(rows)

    callback = watcher(see)
    threads = default_threads(read_gguf(path).parameters)
    native = NativeModel(path, threads=threads, batch_size=_LONGEST, watch=callback)
    seen = 0
    try:
        with captured_log() as log:
            for done, text in enumerate(texts):
                ids = native.tokenize(text)[: min(_LONGEST, native.trained_context)]
                step = min(native.most_outputs, _LONGEST)
                native.prepare(1, len(ids), shared=False)
                for start in range(0, len(ids), step):
                    batch = Batch()
                    part = ids[start : start + step]
                    batch.add(part, start, 0, wanted=len(part))
                    native.decode(batch, log)
                    if callback.failed is not None:
                        raise callback.failed
                seen += len(ids)
                message = "importance"
                context.emit(Event("progress", "export", message, done=done + 1, total=len(texts)))
    except ModelError as error:
        raise (callback.failed or error) from error
    finally:
        native.close()
    values = {name: (sums[name] / counts[name]).astype(np.float32) for name in sums}
    return Importance(values, f"{len(texts)} prompts with their answers", seen)


def calibration_texts(context: ExportContext) -> list[str]:
    """Prompts as they are served, with their answers; built-in questions where no rows were
    given."""
    from heimdall_core.prompt import messages_for, render_example, render_prompt

    texts = []
    for row in list(context.examples)[:PROMPTS]:
        rendered = render_example(row.instruction, row.input, row.output, row.system)
        texts.append(rendered.prompt + rendered.answer)
    if texts:
        return texts
    return [render_prompt(messages_for(q.instruction, q.input)) for q in QUESTIONS]


def read_importance(path: Path) -> Importance:
    """From a file in llama.cpp's format, GGUF or the older one. Raises `ModelError` for a file
    that is neither, or broken."""
    try:
        with path.open("rb") as file:
            new = file.read(4) == MAGIC
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", where=str(path)) from error
    values = _from_gguf(read_gguf(path)) if new else _from_old(path)
    for name, row in values.items():
        if not np.isfinite(row).all() or (row < 0).any():
            raise ModelError(f"holds no valid importance of {name}", where=str(path))
    if not values:
        raise ModelError("holds no importance matrix", where=str(path))
    return Importance(values, path.name, 0)


def _from_gguf(header: GGUFFile) -> dict[str, npt.NDArray[np.float32]]:
    if header.metadata.get("general.type") != "imatrix":
        raise ModelError("is a GGUF, but no importance matrix", where=str(header.path))
    found: dict[str, npt.NDArray[np.float32]] = {}
    with header.path.open("rb") as file:
        for info in header.tensors:
            if info.type != 0:  # F32
                raise ModelError(f"{info.name} is no F32", where=str(header.path))
            file.seek(header.data_start + info.offset)
            raw = file.read(4 * math.prod(info.shape))
            if len(raw) != 4 * math.prod(info.shape):
                raise ModelError("is cut short", where=str(header.path))
            found[info.name] = np.frombuffer(raw, dtype="<f4")
    values = {}
    for name, sums in found.items():
        if not name.endswith(".in_sum2"):
            continue
        tensor = name.removesuffix(".in_sum2")
        counts = found.get(f"{tensor}.counts")
        if counts is None or not counts.size or sums.size % counts.size:
            raise ModelError(f"has no counts of {tensor}", where=str(header.path))
        each = sums.reshape(counts.size, -1) / np.maximum(counts, 1)[:, None]
        values[tensor] = each.reshape(-1).astype(np.float32)
    return values


def _from_old(path: Path) -> dict[str, npt.NDArray[np.float32]]:
    """int32 entries; each: int32 length and name, int32 calls, int32 values and as many floats."""
    data = path.read_bytes()
    at = 0

    def take(count: int) -> bytes:
        nonlocal at
        if count < 0 or at + count > len(data):
            raise ModelError("is no importance matrix, or is cut short", where=str(path))
        at += count
        return data[at - count : at]

    def whole() -> int:
        return int(struct.unpack("<i", take(4))[0])

    values = {}
    entries = whole()
    if not 0 < entries < 100_000:
        raise ModelError("is no importance matrix", where=str(path))
    for _ in range(entries):
        try:
            name = take(whole()).decode("utf-8")
        except UnicodeDecodeError as error:
            raise ModelError("is no importance matrix", where=str(path)) from error
        calls = max(1, whole())
        row = np.frombuffer(take(4 * whole()), dtype="<f4")
        values[name] = (row / np.float32(calls)).astype(np.float32)
    return values


def write_importance(importance: Importance, path: Path) -> None:
    """In llama.cpp's GGUF format, for its own tools and for another export."""
    part = path.with_name(f".{path.name}.partial")
    writer = gguf.GGUFWriter(part, "imatrix")
    writer.add_type("imatrix")
    writer.add_array("imatrix.datasets", [importance.source])
    writer.add_uint32("imatrix.chunk_count", 1)
    writer.add_uint32("imatrix.chunk_size", max(1, importance.tokens))
    for name, row in importance.values.items():
        # Means as sums over one: multiplied out they would not come back to the last bit.
        writer.add_tensor(f"{name}.in_sum2", row.reshape(1, -1))
        writer.add_tensor(f"{name}.counts", np.ones((1, 1), dtype=np.float32))
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def check_fits(importance: Importance, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raises `ModelError` for a matrix of another model: its rows have another length, or a
    layer's matrix is not in it. `shapes`: rows first, by GGUF name."""
    for name, shape in shapes.items():
        if not name.startswith("blk.") or len(shape) < 2 or name.endswith("_norm.weight"):
            continue
        row = importance.values.get(name)
        if row is None or row.size != shape[-1]:
            found = "nothing" if row is None else f"{row.size} inputs"
            raise ModelError(
                f"the importance matrix {importance.source} holds {found} of {name}, the model"
                f" has {shape[-1]}",
                hint="it was made for another model",
            )

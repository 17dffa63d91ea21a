"""Quantises a GGUF in process through `llama_model_quantize`, with a look at the result before."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path
from typing import Any, Final

import llama_cpp.llama_cpp as library
import numpy as np
from attrs import frozen

from heimdall_core.errors import ModelError
from heimdall_export_gguf.importance import Importance
from heimdall_export_gguf.quant_types import file_type
from heimdall_run_llamacpp.log import Log, captured_log

#: Bytes of rows that the quantiser holds at once. Its default of 8 GiB is more than most machines
#: that run a small model have; the output does not depend on it.
_BUFFER: Final = 256 << 20

#: "warning: blk.0.attn_q.weight - ncols 160 not divisible by 256 (required for type q4_K) …
#: -> falling back to q5_0"
_FALLBACK: Final = re.compile(
    r"warning: (?P<tensor>\S+)\s+- ncols\s+(?P<width>\d+) not divisible by\s+(?P<block>\d+)"
    r" \(required for type\s+(?P<wanted>\S+)\).*-> falling back to\s+(?P<taken>\S+)"
)

_QUANTISED_SIZE: Final = re.compile(r"quant size\s+=\s+[\d.]+ MiB \((?P<bits>[\d.]+) BPW\)")


@frozen
class Fallback:
    """A tensor that gets another type than asked, because its rows do not divide into blocks."""

    tensor: str
    width: int
    block: int
    wanted: str
    taken: str


@frozen
class Preview:
    """What a quantisation will come to."""

    bits_per_weight: float
    fallbacks: tuple[Fallback, ...]


def preview(source: Path, kind: str, importance: Importance | None = None) -> Preview:
    """What `quantise` would make of a GGUF; writes nothing.

    Raises `ModelError` where llama.cpp cannot quantise it, or needs an importance matrix.
    """
    with captured_log() as log:
        _run(source, Path("unused"), kind, threads=1, dry=True, log=log, importance=importance)
    if importance is None and any("will require an imatrix" in line for line in log.warnings()):
        raise importance_needed(kind)
    text = "\n".join(line for _, line in log.lines)
    size = _QUANTISED_SIZE.search(text)
    if size is None:
        raise ModelError(f"llama.cpp did not say what {kind} would come to", where=str(source))
    found = _FALLBACK.finditer(text)
    return Preview(
        bits_per_weight=float(size["bits"]),
        fallbacks=tuple(
            Fallback(m["tensor"], int(m["width"]), int(m["block"]), m["wanted"], m["taken"])
            for m in found
        ),
    )


def quantise(
    source: Path, target: Path, kind: str, threads: int, importance: Importance | None = None
) -> None:
    """Writes `target` from a GGUF in a floating-point type. The bytes do not depend on `threads`.

    Raises `ModelError` with llama.cpp's reason; the caller removes what was written.
    """
    with captured_log() as log:
        _run(source, target, kind, threads=threads, dry=False, log=log, importance=importance)


def importance_needed(kind: str) -> ModelError:
    """The refusal of types that are useless without an importance matrix."""
    return ModelError(
        f"{kind} needs an importance matrix, and the option 'importance' forbids one",
        hint="set it to auto; Q2_K, Q3_K_S and IQ4_XS are small and need none",
    )


def _run(
    source: Path,
    target: Path,
    kind: str,
    *,
    threads: int,
    dry: bool,
    log: Log,
    importance: Importance | None = None,
) -> None:
    parameters = _checked_defaults()
    kept = _add_importance(parameters, importance) if importance else None
    parameters.ftype = file_type(kind)
    parameters.nthread = threads
    parameters.dry_run = dry
    parameters.max_buf_size = _BUFFER
    code = library.llama_model_quantize(
        str(source).encode(), str(target).encode(), ctypes.byref(parameters)
    )
    del kept  # llama.cpp has read it
    if code != 0:
        raise ModelError(f"llama.cpp could not quantise to {kind}: {log.reason()}")


def _add_importance(parameters: Any, importance: Importance) -> Any:
    """Points the parameters at the matrix; returns what must stay in memory meanwhile."""
    entries = (library.llama_model_imatrix_data * (len(importance.values) + 1))()
    rows = []
    for entry, (name, values) in zip(entries, importance.values.items(), strict=False):
        row = np.ascontiguousarray(values, dtype=np.float32)
        rows.append(row)
        entry.name = name.encode()
        entry.data = row.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        entry.size = row.size
    said: dict[str, str | int] = {
        "quantize.imatrix.file": importance.source,
        "quantize.imatrix.entries_count": len(importance.values),
        "quantize.imatrix.chunks_count": importance.tokens,
    }
    overrides = (library.llama_model_kv_override * (len(said) + 1))()
    for override, (key, value) in zip(overrides, said.items(), strict=False):
        override.key = key.encode()
        if isinstance(value, int):
            override.tag = library.LLAMA_KV_OVERRIDE_TYPE_INT
            override.value.val_i64 = value
        else:
            override.tag = library.LLAMA_KV_OVERRIDE_TYPE_STR
            override.value.val_str = value.encode()[:127]
    parameters.imatrix = entries
    parameters.kv_overrides = overrides
    return entries, rows, overrides


def _checked_defaults() -> Any:
    """llama.cpp's own defaults, read field by field.

    The structure has no version, and fields come and go between releases. A llama-cpp-python
    whose declaration does not fit its library would write our settings to the wrong places;
    then the defaults make no sense either, the last field above all.
    """
    defaults = library.llama_model_quantize_default_params()
    expected = {
        "nthread": 0,
        "ftype": library.LLAMA_FTYPE_MOSTLY_Q8_0,
        "output_tensor_type": defaults.token_embedding_type,  # both "none"
        "allow_requantize": False,
        "quantize_output_tensor": True,
        "only_copy": False,
        "pure": False,
        "keep_split": False,
        "dry_run": False,
        "max_buf_size": 8 << 30,
    }
    wrong = [name for name, value in expected.items() if getattr(defaults, name) != value]
    wrong += [
        name
        for name in ("imatrix", "kv_overrides", "tt_overrides", "prune_layers")
        if getattr(defaults, name)
    ]
    if wrong:
        raise ModelError(
            "the installed llama-cpp-python declares its quantiser otherwise than its library"
            f" ({', '.join(wrong)})",
            hint="install the version named in constraints.txt",
        )
    return defaults

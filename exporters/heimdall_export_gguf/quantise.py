"""Quantises a GGUF in process through `llama_model_quantize`, with a look at the result before."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path
from typing import Any, Final

import llama_cpp.llama_cpp as library
from attrs import frozen

from heimdall_core.errors import ModelError
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


def preview(source: Path, kind: str) -> Preview:
    """What `quantise` would make of an F32 GGUF; writes nothing.

    Raises `ModelError` where llama.cpp cannot quantise it, or needs an importance matrix.
    """
    with captured_log() as log:
        _run(source, Path("unused"), kind, threads=1, dry=True, log=log)
    if any("will require an imatrix" in line for line in log.warnings()):
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


def quantise(source: Path, target: Path, kind: str, threads: int) -> None:
    """Writes `target` from an F32 GGUF. The bytes do not depend on `threads`.

    Raises `ModelError` with llama.cpp's reason; the caller removes what was written.
    """
    with captured_log() as log:
        _run(source, target, kind, threads=threads, dry=False, log=log)


def importance_needed(kind: str) -> ModelError:
    """The refusal of types that are useless without an importance matrix."""
    return ModelError(
        f"{kind} needs an importance matrix, which is not collected",
        hint="Q2_K, Q3_K_S and IQ4_XS are small and need none",
    )


def _run(source: Path, target: Path, kind: str, *, threads: int, dry: bool, log: Log) -> None:
    parameters = _checked_defaults()
    parameters.ftype = file_type(kind)
    parameters.nthread = threads
    parameters.dry_run = dry
    parameters.max_buf_size = _BUFFER
    code = library.llama_model_quantize(
        str(source).encode(), str(target).encode(), ctypes.byref(parameters)
    )
    if code != 0:
        raise ModelError(f"llama.cpp could not quantise to {kind}: {log.reason()}")


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

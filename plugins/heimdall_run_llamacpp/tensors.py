"""Looks at the tensors that llama.cpp computes, while it computes them.

llama.cpp calls back with a `ggml_tensor`, whose declaration llama-cpp-python leaves out. The one
here is checked against the library's own functions on the first tensor that comes by: a library
with another layout is refused, not misread.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, Final

import llama_cpp.llama_cpp as library
import numpy as np
import numpy.typing as npt
from llama_cpp._ggml import libggml

from heimdall_core.errors import ModelError

_F32: Final = 0  # ggml.h: GGML_TYPE_F32


class _Tensor(ctypes.Structure):
    """ggml.h: struct ggml_tensor."""


_Tensor._fields_ = [
    ("type", ctypes.c_int),
    ("buffer", ctypes.c_void_p),
    ("ne", ctypes.c_int64 * 4),
    ("nb", ctypes.c_size_t * 4),
    ("op", ctypes.c_int),
    ("op_params", ctypes.c_int32 * 16),
    ("flags", ctypes.c_int32),
    ("src", ctypes.POINTER(_Tensor) * 10),
    ("view_src", ctypes.c_void_p),
    ("view_offs", ctypes.c_size_t),
    ("data", ctypes.c_void_p),
    ("name", ctypes.c_char * 64),
    ("extra", ctypes.c_void_p),
    ("padding", ctypes.c_char * 8),
]

#: `see(weight, inputs)`: a weight's name, and what it is multiplied with, rows of float32.
See = Callable[[str, npt.NDArray[np.float32]], None]


def watcher(see: See) -> Any:
    """A callback for `llama_context_params.cb_eval` that hands the inputs of every matrix product
    with a layer's weight to `see`. Keep it as long as the context lives.

    An exception inside cannot pass through C; it is kept in the callback's `failed`, and ends the
    computation.
    """
    lookup = _functions()
    state = {"checked": False}

    def look(pointer: Any, ask: bool, _: Any) -> bool:
        try:
            tensor = ctypes.cast(pointer, ctypes.POINTER(_Tensor)).contents
            if not state["checked"]:
                _check_layout(tensor, pointer, lookup)
                state["checked"] = True
            if lookup["ggml_op_name"](tensor.op) != b"MUL_MAT":
                return not ask
            weight, inputs = tensor.src[0].contents, tensor.src[1].contents
            name = weight.name.decode()
            if not (name.startswith("blk.") and name.endswith(".weight")) or inputs.type != _F32:
                return not ask
            if not ask:
                see(name, _values(ctypes.addressof(inputs), inputs, lookup))
            return True
        except BaseException as error:  # noqa: BLE001 - it must not reach C
            callback.failed = error
            return False

    callback: Any = library.ggml_backend_sched_eval_callback(look)
    callback.failed = None
    return callback


def _functions() -> dict[str, Any]:
    """ggml's own functions, against which the layout is checked."""
    wanted: dict[str, tuple[Any, list[Any]]] = {
        "ggml_get_name": (ctypes.c_char_p, [ctypes.c_void_p]),
        "ggml_get_data": (ctypes.c_void_p, [ctypes.c_void_p]),
        "ggml_nelements": (ctypes.c_int64, [ctypes.c_void_p]),
        "ggml_nbytes": (ctypes.c_size_t, [ctypes.c_void_p]),
        "ggml_op_desc": (ctypes.c_char_p, [ctypes.c_void_p]),
        "ggml_op_name": (ctypes.c_char_p, [ctypes.c_int]),
        "ggml_backend_tensor_get": (
            None,
            [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t],
        ),
    }
    found = {}
    for name, (result, arguments) in wanted.items():
        try:
            function = getattr(libggml, name)
        except AttributeError as error:
            raise _unknown_layout(f"has no function {name}") from error
        function.restype, function.argtypes = result, arguments
        found[name] = function
    return found


def _check_layout(tensor: _Tensor, pointer: Any, lookup: dict[str, Any]) -> None:
    said = (
        lookup["ggml_get_name"](pointer),
        lookup["ggml_get_data"](pointer),
        lookup["ggml_nelements"](pointer),
    )
    count = tensor.ne[0] * tensor.ne[1] * tensor.ne[2] * tensor.ne[3]
    if said != (tensor.name, tensor.data, count):
        raise _unknown_layout("lays its tensors out in another way")
    if b"MUL_MAT" not in (lookup["ggml_op_name"](n) for n in range(100)):
        raise _unknown_layout("names its operations in another way")


def _values(address: int, tensor: _Tensor, lookup: dict[str, Any]) -> npt.NDArray[np.float32]:
    """A tensor's numbers as rows; (all rows, row length)."""
    values = np.empty(lookup["ggml_nbytes"](address) // 4, dtype=np.float32)
    lookup["ggml_backend_tensor_get"](address, values.ctypes.data, 0, values.nbytes)
    return values.reshape(-1, tensor.ne[0])


def _unknown_layout(what: str) -> ModelError:
    return ModelError(
        f"the installed llama.cpp {what}; the inputs of its layers cannot be read",
        hint="install the llama-cpp-python named in constraints.txt, or read an importance matrix"
        " from a file",
    )

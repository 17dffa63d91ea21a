"""Constrained decoding: llama.cpp's matcher for GBNF grammars."""

from __future__ import annotations

import ctypes
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import llama_cpp.llama_cpp as library
import numpy as np
import numpy.typing as npt

from heimdall_core.errors import ModelError
from heimdall_run_llamacpp.log import captured_log
from heimdall_run_llamacpp.native import NativeModel

_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])


class Grammar:
    """A compiled grammar, from which each answer takes a state of its own. A context manager."""

    def __init__(self, native: NativeModel, text: str) -> None:
        """Raises `ModelError` with llama.cpp's reason for a grammar that it cannot read."""
        self.native = native
        self._states: list[GrammarState] = []
        with captured_log() as log, _captured_stderr() as said:
            self._pointer: Any = library.llama_sampler_init_grammar(
                native.vocabulary, text.encode("utf-8"), b"root"
            )
        if not self._pointer:
            reason = next((line for line in said if line.strip()), log.reason())
            for prefix in ("parse: ", "error parsing grammar: "):
                reason = reason.removeprefix(prefix)
            raise ModelError(f"the grammar cannot be read: {reason}")

    def start(self) -> GrammarState:
        """A state at the beginning of the grammar; freed with the grammar."""
        state = GrammarState(self.native, library.llama_sampler_clone(self._pointer))
        self._states.append(state)
        return state

    def __enter__(self) -> Grammar:
        return self

    def __exit__(self, *_: object) -> None:
        for state in self._states:
            library.llama_sampler_free(state.pointer)
        self._states.clear()
        library.llama_sampler_free(self._pointer)
        self._pointer = None


class GrammarState:
    """How far one answer has come in the grammar."""

    def __init__(self, native: NativeModel, pointer: Any) -> None:
        self.native, self.pointer = native, pointer

    def allows(self, token: int) -> bool:
        """Whether the token may come next; an end token may where the grammar may end."""
        one = np.array([(token, 0.0, 0.0)], dtype=_CANDIDATE)
        return bool(np.isfinite(self._apply(one)[0]))

    def mask(self, logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The logits (V,), with -inf for every token that may not come next."""
        every = np.zeros(len(logits), dtype=_CANDIDATE)
        every["id"] = np.arange(len(logits))
        every["logit"] = logits
        return self._apply(every)

    def accept(self, token: int) -> None:
        """Moves on by a token that `allows`; llama.cpp throws in C++ for any other."""
        if not self.native.ends(token):
            library.llama_sampler_accept(self.pointer, token)

    def _apply(self, candidates: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        view = library.llama_token_data_array(
            candidates.ctypes.data_as(library.llama_token_data_p), len(candidates), -1, False
        )
        library.llama_sampler_apply(self.pointer, ctypes.byref(view))
        logits: npt.NDArray[np.float32] = candidates["logit"]
        return logits


@contextmanager
def _captured_stderr() -> Iterator[list[str]]:
    """Lines written to file descriptor 2 inside the block: llama.cpp's grammar parser has no
    other way to say what is wrong."""
    lines: list[str] = []
    kept = os.dup(2)
    try:
        with tempfile.TemporaryFile() as file:
            os.dup2(file.fileno(), 2)
            try:
                yield lines
            finally:
                os.dup2(kept, 2)
                file.seek(0)
                lines += file.read().decode("utf-8", "replace").splitlines()
    finally:
        os.close(kept)

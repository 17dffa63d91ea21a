"""llama.cpp's model, context and batch behind one object that owns and frees them.

Shapes: N tokens of a batch, W of them with logits wanted, V the vocabulary.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import llama_cpp.llama_cpp as library
import numpy as np
import numpy.typing as npt
from attrs import define, field

from heimdall_core.errors import ModelError
from heimdall_run_llamacpp.log import Log, captured_log

#: Logits that one call may hand back, in numbers: 64 MiB of float32.
_LOGITS_PER_CALL: Final = 1 << 24

#: Caches grow in steps, so that a slightly longer prompt does not need a new one.
_CELL_STEP: Final = 256

#: Tokens that llama.cpp puts through the graph at once.
_PHYSICAL_BATCH: Final = 512


@define
class Batch:
    """Tokens for one call, as parallel lists of N."""

    tokens: list[int] = field(factory=list)
    positions: list[int] = field(factory=list)
    sequences: list[int] = field(factory=list)
    wanted: list[bool] = field(factory=list)
    """Whether the logits after this token are wanted."""

    def __len__(self) -> int:
        return len(self.tokens)

    def add(self, tokens: Sequence[int], start: int, sequence: int, wanted: int = 0) -> None:
        """Appends tokens of one sequence from position `start`; the logits after the last
        `wanted` of them will be returned."""
        count = len(tokens)
        self.tokens += tokens
        self.positions += range(start, start + count)
        self.sequences += [sequence] * count
        self.wanted += [False] * (count - wanted) + [True] * wanted


class NativeModel:
    """A loaded GGUF with (at most) one context. Not thread safe."""

    def __init__(self, path: Path, *, threads: int, batch_size: int, watch: Any = None) -> None:
        """`watch`: a callback of `tensors.watcher`, which sees what is computed. Raises
        `ModelError` with llama.cpp's reason where it cannot load the file."""
        _start_backend()
        self.path, self.threads, self.batch_size = path, threads, batch_size
        self._watch = watch
        self._context: Any = None
        self._shape = (0, 0, False)
        parameters = library.llama_model_default_params()
        parameters.n_gpu_layers = 0
        parameters.check_tensors = True
        with captured_log() as log:
            self._model = library.llama_model_load_from_file(str(path).encode(), parameters)
        if not self._model:
            raise ModelError(f"cannot be loaded: {log.reason()}", where=str(path))
        self.vocabulary = library.llama_model_get_vocab(self._model)
        self.vocabulary_size = library.llama_vocab_n_tokens(self.vocabulary)
        self.trained_context: int = library.llama_model_n_ctx_train(self._model)
        self.most_outputs = max(1, min(_PHYSICAL_BATCH, _LOGITS_PER_CALL // self.vocabulary_size))
        self._arrays = _BatchArrays(batch_size)

    def close(self) -> None:
        """Frees everything; a second call does nothing."""
        self._free_context()
        if self._model:
            with captured_log():
                library.llama_model_free(self._model)
            self._model = self.vocabulary = None

    # --- vocabulary

    def tokenize(self, text: str) -> list[int]:
        """Token ids; control markers become single tokens, BOS is added where the model says so."""
        try:
            raw = text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise ModelError("the text holds a lone surrogate and is not valid Unicode") from error
        room = len(raw) + 2  # a token stands for at least one byte; BOS and EOS
        ids = (library.llama_token * room)()
        self._check_open()
        count = library.llama_tokenize(self.vocabulary, raw, len(raw), ids, room, True, True)
        if count < 0:
            raise ModelError("llama.cpp could not tokenise the text", where=str(self.path))
        return ids[:count]

    def piece(self, token: int) -> bytes:
        """The bytes that a token stands for; control tokens are spelt out."""
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            count = library.llama_token_to_piece(self.vocabulary, token, buffer, size, 0, True)
            if count >= 0:
                return buffer.raw[:count]
            size = -count

    def ends(self, token: int) -> bool:
        """Whether generation ends with this token (EOG)."""
        return bool(library.llama_vocab_is_eog(self.vocabulary, token))

    def is_control(self, token: int) -> bool:
        """Whether the token is a control token, which plain text never becomes."""
        return bool(library.llama_vocab_is_control(self.vocabulary, token))

    # --- context

    def prepare(self, sequences: int, cells: int, *, shared: bool) -> None:
        """An empty cache for `sequences` sequences of `cells` tokens each or, with `shared`, of
        `cells` tokens altogether, in which sequences can hold tokens in common.

        Raises `ModelError` where there is no memory for it.
        """
        self._check_open()
        cells = -(-cells // _CELL_STEP) * _CELL_STEP
        have_sequences, have_cells, have_shared = self._shape
        if (have_sequences, have_shared) == (sequences, shared) and have_cells >= cells:
            library.llama_memory_clear(library.llama_get_memory(self._context), False)
            return
        self._free_context()
        parameters = library.llama_context_default_params()
        parameters.n_ctx = cells if shared else cells * sequences
        parameters.n_batch = self.batch_size
        parameters.n_ubatch = min(_PHYSICAL_BATCH, self.batch_size)
        parameters.n_seq_max = sequences
        parameters.n_outputs_max = max(sequences, self.most_outputs)
        parameters.n_threads = parameters.n_threads_batch = self.threads
        parameters.kv_unified = shared
        parameters.no_perf = True
        if self._watch is not None:
            parameters.cb_eval = self._watch
        with captured_log() as log:
            self._context = library.llama_init_from_model(self._model, parameters)
        if not self._context:
            raise ModelError(
                f"no room for {sequences} answers of {cells} tokens: {log.reason()}",
                where=str(self.path),
                hint="lower the runtime's 'parallel' or 'context_size'",
            )
        self._shape = (sequences, cells, shared)

    def decode(self, batch: Batch, log: Log) -> npt.NDArray[np.float32]:
        """Runs a batch and returns the wanted logits, (W, V), in the batch's order.

        The array is llama.cpp's own memory: use it before the next call. `log` is the open
        `captured_log`, for the reason of a failure.
        """
        code = library.llama_decode(self._context, self._arrays.fill(batch))
        if code != 0:
            raise ModelError(
                f"llama.cpp could not run a batch of {len(batch)} tokens (code {code}):"
                f" {log.reason()}",
                where=str(self.path),
            )
        rows = sum(batch.wanted)
        if not rows:
            return np.empty((0, self.vocabulary_size), dtype=np.float32)
        pointer: Any = library.llama_get_logits(self._context)
        return np.ctypeslib.as_array(pointer, (rows, self.vocabulary_size))

    def forget(self, sequence: int) -> None:
        """Empties one sequence of the cache."""
        library.llama_memory_seq_rm(library.llama_get_memory(self._context), sequence, -1, -1)

    def copy(self, source: int, target: int) -> None:
        """Lets `target` begin with everything that `source` holds, in a shared cache."""
        library.llama_memory_seq_cp(library.llama_get_memory(self._context), source, target, -1, -1)

    def _check_open(self) -> None:
        if not self._model:
            raise ModelError("the model has been closed", where=str(self.path))

    def _free_context(self) -> None:
        if self._context:
            with captured_log():
                library.llama_free(self._context)
            self._context = None
            self._shape = (0, 0, False)


class _BatchArrays:
    """The memory of a `llama_batch`, filled anew for each call."""

    def __init__(self, size: int) -> None:
        self.token = np.zeros(size, dtype=np.int32)
        self.position = np.zeros(size, dtype=np.int32)
        self.sequence = np.zeros(size, dtype=np.int32)
        self.wanted = np.zeros(size, dtype=np.int8)
        self.one = np.ones(size, dtype=np.int32)  # each token belongs to one sequence
        # llama_batch.seq_id holds a pointer per token: to its entry in `sequence`.
        self.pointers = self.sequence.ctypes.data + 4 * np.arange(size, dtype=np.uintp)
        self.batch = library.llama_batch(
            0,
            _pointer(self.token, library.llama_token),
            None,
            _pointer(self.position, library.llama_pos),
            _pointer(self.one, ctypes.c_int32),
            _pointer(self.pointers, ctypes.POINTER(library.llama_seq_id)),
            _pointer(self.wanted, ctypes.c_int8),
        )

    def fill(self, batch: Batch) -> Any:
        count = len(batch)
        self.token[:count] = batch.tokens
        self.position[:count] = batch.positions
        self.sequence[:count] = batch.sequences
        self.wanted[:count] = batch.wanted
        self.batch.n_tokens = count
        return self.batch


def _pointer(array: npt.NDArray[Any], kind: Any) -> Any:
    return array.ctypes.data_as(ctypes.POINTER(kind))


@cache
def _start_backend() -> None:
    """llama.cpp's tables, once per process; they are constants and are never freed."""
    with captured_log():
        library.llama_backend_init()

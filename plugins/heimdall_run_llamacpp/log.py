"""llama.cpp's log, kept instead of printed.

llama.cpp has one logger per process, and writes a hundred lines to stderr for each model that it
loads. Inside `captured_log` the lines are kept, so that an error can say what llama.cpp said;
afterwards the logger is what it was.
"""

from __future__ import annotations

import ctypes
import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import llama_cpp.llama_cpp as library
from attrs import define, field

# ggml.h: enum ggml_log_level. (llama-cpp-python 0.3.36 still lists an older numbering.)
_WARN, _ERROR, _CONTINUED = 3, 4, 5

#: The function's name, and other words that say nothing, in front of what is said.
_PREFIX = re.compile(r"(\w+|error loading model)\s*:\s+(?=\S)")


@define
class Log:
    """The last lines of llama.cpp's log, with their levels."""

    lines: deque[tuple[int, str]] = field(factory=lambda: deque(maxlen=4096))
    _level: int = 0
    _open: str = ""

    def add(self, level: int, text: str) -> None:
        """Takes a piece of text, which may be part of a line or hold several."""
        if level != _CONTINUED:
            self._level = max(level, self._level) if self._open else level
        *whole, self._open = (self._open + text).split("\n")
        self.lines.extend((self._level, line) for line in whole if line.strip())

    def warnings(self) -> list[str]:
        """Lines that llama.cpp marked as warnings."""
        return [line.strip() for level, line in self.lines if level == _WARN]

    def reason(self) -> str:
        """The first error in one line (those after it say that something failed, not why), or a
        phrase that says there was none."""
        errors = (line for level, line in self.lines if level == _ERROR)
        text = next(errors, "llama.cpp gave no reason").strip(". ")
        # "...llama_model_load: error loading model: check_tensor_dims: tensor 'x' has wrong shape"
        while found := _PREFIX.match(text):
            text = text[found.end() :]
        return text


@contextmanager
def captured_log() -> Iterator[Log]:
    """Keeps llama.cpp's log inside the block. Blocks may be nested; threads must not interleave,
    as llama.cpp's logger is not thread safe."""
    log = Log()

    def keep(level: int, text: bytes, _: ctypes.c_void_p) -> None:
        log.add(level, text.decode("utf-8", "replace"))

    callback = library.llama_log_callback(keep)
    before, data = library.llama_log_callback(), ctypes.c_void_p()
    library.llama_log_get(ctypes.byref(before), ctypes.byref(data))
    library.llama_log_set(callback, ctypes.c_void_p())
    try:
        yield log
    finally:
        library.llama_log_set(before, data)

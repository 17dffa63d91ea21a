"""Per-row figures that outgrow memory: columns and partitions in unnamed temporary files.

An unnamed file is gone with its process, however that ends. Small datasets never reach the disk.
"""

from __future__ import annotations

import mmap
import struct
import tempfile
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

from heimdall_core.errors import DatasetError

_BUFFER: Final = 2**20
_PARTITIONS: Final = 64
_RECORD: Final = struct.Struct("<16sQQ")
_PART_BUFFER: Final = 2**16


class Column:
    """A typed column that is appended to, then read and written by index. `code` is one of
    `array`'s: `B` 1 byte, `L` 4 or 8, `Q` 8."""

    def __init__(self, code: str, folder: Path | None = None) -> None:
        self.code, self._folder = code, folder
        self._buffer = array(code)
        self._file: IO[bytes] | None = None
        self._map: mmap.mmap | None = None
        self._view: Any = None
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def extend(self, data: bytes) -> None:
        """Appends values as bytes in the machine's order."""
        self._buffer.frombytes(data)
        self._length += len(data) // self._buffer.itemsize
        if len(self._buffer) * self._buffer.itemsize >= _BUFFER:
            self._flush()

    def fill(self, value: int, count: int) -> None:
        """Appends `value` `count` times."""
        block = array(self.code, [value]) * min(count, 2**17)
        while count > 0:
            part = block[: min(count, len(block))]
            self.extend(part.tobytes())
            count -= len(part)

    def values(self) -> Any:
        """All values by index, to read and to write; nothing can be appended after that."""
        if self._view is None:
            if self._file is None:
                self._view = memoryview(self._buffer)
            else:
                self._flush()
                self._map = mmap.mmap(self._file.fileno(), 0)
                self._view = memoryview(self._map).cast(self.code)  # type: ignore[call-overload]
        return self._view

    def _flush(self) -> None:
        if self._file is None:
            self._file = temporary(self._folder)
        _append(self._file, self._buffer.tobytes())
        self._buffer = array(self.code)


class Partitions:
    """Records of a 16-byte key and two numbers, brought together by key: as many records as the
    disk holds, a 64th of them in memory at a time."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._buffers = [bytearray() for _ in range(_PARTITIONS)]
        self._files: list[IO[bytes] | None] = [None] * _PARTITIONS

    def add(self, key: bytes, value: int, row: int) -> None:
        """Takes one record."""
        at = key[0] % _PARTITIONS
        buffer = self._buffers[at]
        buffer += _RECORD.pack(key, value, row)
        if len(buffer) >= _PART_BUFFER:
            file = self._files[at]
            if file is None:
                file = self._files[at] = temporary(self._folder)
            _append(file, bytes(buffer))
            buffer.clear()

    def __iter__(self) -> Iterator[list[tuple[bytes, int, int]]]:
        """The partitions, each in the order of arrival; equal keys stand in one."""
        for buffer, file in zip(self._buffers, self._files, strict=True):
            data = b""
            if file is not None:
                file.seek(0)
                data = file.read()
                file.seek(0, 2)
            yield list(_RECORD.iter_unpack(data + bytes(buffer)))


def temporary(folder: Path | None) -> IO[bytes]:
    """An unnamed file in `folder`, or where the system keeps temporary files."""
    try:
        return tempfile.TemporaryFile(dir=folder, buffering=0)
    except OSError as error:
        raise _full(error) from error


def _append(file: IO[bytes], data: bytes) -> None:
    try:
        view = memoryview(data)
        while view:
            view = view[file.write(view) :]
    except OSError as error:
        raise _full(error) from error


def _full(error: OSError) -> DatasetError:
    return DatasetError(
        f"temporary figures cannot be written: {error.strerror or error}",
        where=tempfile.gettempdir(),
        hint="set TMPDIR to a folder with room",
    )

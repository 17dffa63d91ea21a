"""Reading and writing `Example` rows as JSON lines, one row at a time.

The predecessor's five keys (`instruction`, `input`, `output`, `category`, `context_size`) come
first; ours follow where they are not empty. A line that cannot be read is never skipped in
silence: it is reported with file, line number and reason.
"""

from __future__ import annotations

import gzip
import json
import math
import os
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import attrs
from attrs import frozen

from heimdall_core.errors import DatasetError
from heimdall_core.types import CONTEXT_SIZES, Example

_FIELDS = tuple(f.name for f in attrs.fields(Example))
_TEXT = tuple(n for n in _FIELDS if n not in ("verification", "meta"))
_ALWAYS = ("instruction", "input", "output", "category", "context_size")
_BOM = b"\xef\xbb\xbf"
_MAX_NESTING = 32

#: A longer line is a bad line: a file without line ends must not be read into memory whole.
MAX_LINE_BYTES = 64 * 2**20


@frozen
class BadLine:
    """A line that is not a row."""

    path: Path
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}"


def example_from_dict(data: Any) -> Example:
    """A row from decoded JSON. Raises `ValueError` with the reason where it is not one.

    Keys that `Example` does not have are kept in `meta`; a missing `id` is computed.
    """
    if not isinstance(data, dict):
        raise ValueError(f"expected an object, found {_kind(data)}")
    known: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for key, value in data.items():
        if key not in _FIELDS:
            extra[key] = value
        elif key in _TEXT:
            if value is None and key not in ("instruction", "output"):
                continue
            if not isinstance(value, str):
                raise ValueError(f"'{key}' must be a string, found {_kind(value)}")
            known[key] = value
        elif key == "verification":
            if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
                raise ValueError("'verification' must be a list of strings")
            known[key] = tuple(value)
            _check_json(value, "verification")
        else:
            if not isinstance(value, dict):
                raise ValueError(f"'meta' must be an object, found {_kind(value)}")
            extra = {**value, **extra}
    for key in ("instruction", "output"):
        if key not in known:
            raise ValueError(f"the field '{key}' is missing")
        if not known[key].strip():
            raise ValueError(f"the field '{key}' is empty")
    for key, value in known.items():
        if isinstance(value, str) and not _encodable(value):
            raise ValueError(f"'{key}' holds a lone surrogate and is not valid Unicode")
    size = known.get("context_size", "small")
    if size not in CONTEXT_SIZES:
        raise ValueError(
            f"'context_size' is '{size}'; it must be one of {', '.join(CONTEXT_SIZES)}"
        )
    if extra:
        _check_json(extra, "meta")
    row = Example(**known, meta=extra)
    return row if row.id else attrs.evolve(row, id=row.content_id())


def example_to_dict(row: Example) -> dict[str, Any]:
    """The row as plain JSON: the predecessor's keys always, the others where they say something."""
    data: dict[str, Any] = {name: getattr(row, name) for name in _ALWAYS}
    for name in _FIELDS[len(_ALWAYS) :]:
        value = getattr(row, name)
        if name == "id":
            value = value or row.content_id()
        if value:
            data[name] = list(value) if name == "verification" else value
    return data


def dump_example(row: Example) -> str:
    """One line of JSON, without its line end; the same row gives the same bytes."""
    return json.dumps(example_to_dict(row), ensure_ascii=False, separators=(", ", ": "))


def read_examples(path: Path, on_bad: Callable[[BadLine], None] | None = None) -> Iterator[Example]:
    """Streams the rows of a JSONL file (`.gz` too). Blank lines are passed over.

    A bad line is handed to `on_bad`; without one, the first raises `DatasetError`.
    """
    return (row for _, row in read_numbered(path, on_bad))


def read_numbered(
    path: Path, on_bad: Callable[[BadLine], None] | None = None
) -> Iterator[tuple[int, Example]]:
    """As `read_examples`, each row with the number of its line, counted from 1."""
    for number, raw in _lines(path):
        try:
            row = _decode(raw)
        except ValueError as error:
            if on_bad is None:
                raise DatasetError(str(error), where=f"{path}:{number}") from error
            on_bad(BadLine(path, number, str(error)))
            continue
        # Outside the `try`: a ValueError of the consumer is none of ours.
        if row is not None:
            yield number, row


def write_examples(path: Path, rows: Iterable[Example]) -> int:
    """Writes rows as JSONL (`.gz` too) under a temporary name, then renames. Returns how many."""
    count = 0
    with atomic_text(path) as file:
        for row in rows:
            file.write(dump_example(row))
            file.write("\n")
            count += 1
    return count


@contextmanager
def atomic_text(path: Path) -> Iterator[IO[str]]:
    """A text file that appears under its name when it is complete and synced, or not at all."""
    if path.is_dir():
        raise DatasetError("is a folder, not a file", where=str(path))
    if path.exists() and not path.is_file():
        # Renaming a file over a device or a pipe would take it away from everybody.
        raise DatasetError("is no regular file", where=str(path), hint="name a file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise DatasetError(f"cannot be written: {error.strerror}", where=str(path)) from error
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as raw:
            # mtime=0 and no name: the same rows give the same bytes.
            packed = None
            if path.suffix == ".gz":
                packed = gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0)
            binary: Any = packed or raw
            text = _text_over(binary)
            yield text
            text.flush()
            if packed:
                packed.close()
            raw.flush()
            os.fsync(raw.fileno())
        temporary.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        temporary.replace(path)
        sync_folder(path.parent)
    except UnicodeEncodeError as error:
        temporary.unlink(missing_ok=True)
        raise DatasetError(
            "cannot be written: a row holds a lone surrogate and is not valid Unicode",
            where=str(path),
        ) from error
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise DatasetError(f"cannot be written: {error.strerror}", where=str(path)) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _text_over(binary: Any) -> IO[str]:
    import codecs

    return codecs.getwriter("utf-8")(binary)  # type: ignore[return-value]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def sync_folder(folder: Path) -> None:
    """Makes a rename in `folder` last through a power cut, where the system can do that."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return  # Windows opens no folders; there the rename itself is all there is.
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _decode(raw: bytes) -> Example | None:
    """One line as a row, or None for a blank one. Raises `ValueError` with the reason."""
    if len(raw) > MAX_LINE_BYTES:
        raise ValueError(f"the line is longer than {MAX_LINE_BYTES:,} bytes")
    try:
        # Without its end, so that an error at the end is told in this line's columns.
        text = raw.rstrip(b"\r\n").decode("utf-8")
        return example_from_dict(json.loads(text)) if text.strip() else None
    except UnicodeDecodeError as error:
        raise ValueError(f"not valid UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"not valid JSON: {error.msg} at column {error.colno}") from error
    except RecursionError as error:
        raise ValueError("not valid JSON: nested too deeply") from error


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Numbered lines; of one that is too long, the beginning (one byte over the limit)."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            number = 0
            while raw := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                rest = raw
                while len(rest) > MAX_LINE_BYTES and not rest.endswith(b"\n"):
                    rest = file.readline(MAX_LINE_BYTES + 1)
                # Editors on Windows begin a UTF-8 file with a byte-order mark.
                yield number, raw.removeprefix(_BOM) if number == 1 else raw
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DatasetError(f"cannot be read: {reason}", where=str(path)) from error


def _check_json(value: Any, name: str, depth: int = 0) -> None:
    """Raises `ValueError` for what `json` reads and cannot write as JSON again."""
    if depth > _MAX_NESTING:
        raise ValueError(f"'{name}' is nested deeper than {_MAX_NESTING} levels")
    if isinstance(value, str):
        if not _encodable(value):
            raise ValueError(f"'{name}' holds a lone surrogate and is not valid Unicode")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"'{name}' holds NaN or Infinity, which JSON does not have")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_json(key, name, depth + 1)
            _check_json(item, name, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check_json(item, name, depth + 1)


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    return names.get(type(value), "null" if value is None else "a number")


def _encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True

"""Reading and writing `Example` rows, one at a time: JSON lines, Parquet, folders of `datasets`.

The predecessor's five keys (`instruction`, `input`, `output`, `category`, `context_size`) come
first; ours follow where they are not empty. A line that cannot be read is never skipped in
silence: it is reported with file, line number and reason.
"""

from __future__ import annotations

import datetime
import decimal
import gzip
import json
import math
import os
import tempfile
from collections.abc import Callable, Collection, Container, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import attrs
from attrs import frozen

from heimdall_core.dataset import formats
from heimdall_core.dataset.formats import Block
from heimdall_core.dataset.remote import Remote, located, staged
from heimdall_core.errors import DatasetError
from heimdall_core.types import CONTEXT_SIZES, Example, content_id

_FIELDS = tuple(f.name for f in attrs.fields(Example))
_TEXT = tuple(n for n in _FIELDS if n not in ("verification", "meta"))
_TEXT_SET = frozenset(_TEXT)
_ALWAYS = ("instruction", "input", "output", "category", "context_size")
_MAX_NESTING = 32


@frozen
class BadLine:
    """A line that is not a row."""

    path: Path
    line: int
    reason: str
    place: str = ""
    """Where it stands among several files, as `Block.place` says it."""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}{self.place}: {self.reason}"


def example_from_dict(data: Any, *, clean: bool = False) -> Example:
    """A row from decoded JSON. Raises `ValueError` with the reason where it is not one.

    Keys that `Example` does not have are kept in `meta`; a missing `id` is computed. `clean` says
    that no text can hold a lone surrogate.
    """
    if not isinstance(data, dict):
        raise ValueError(f"expected an object, found {_kind(data)}")
    known: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for key, value in data.items():
        if key in _TEXT_SET:
            if value is None and key not in ("instruction", "output"):
                continue
            if not isinstance(value, str):
                raise ValueError(f"'{key}' must be a string, found {_kind(value)}")
            known[key] = value
        elif key not in _FIELDS:
            extra[key] = value
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
    if not clean:
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
    if not known.get("id"):
        texts = (known.get("system", ""), known["instruction"], known.get("input", ""))
        known["id"] = content_id(*texts, known["output"])
    return Example(**known, meta=extra)


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
    """Streams the rows of a dataset: JSONL (`.gz` too), Parquet, a folder that `datasets` saved.
    Blank lines are passed over.

    A bad line is handed to `on_bad`; without one, the first raises `DatasetError`.
    """
    return (row for _, row in read_numbered(path, on_bad))


def read_numbered(
    path: Path, on_bad: Callable[[BadLine], None] | None = None
) -> Iterator[tuple[int, Example]]:
    """As `read_examples`, each row with the number of its line (of its row, in a table), counted
    from 1."""

    def refuse(bad: BadLine) -> None:
        raise DatasetError(bad.reason, where=f"{bad.path}:{bad.line}{bad.place}")

    for block in formats.blocks(path):
        yield from rows_of(block, on_bad or refuse)


def rows_of(
    block: Block, on_bad: Callable[[BadLine], None], only: Container[int] | None = None
) -> Iterator[tuple[int, Example]]:
    """The rows of one block, numbered; what is no row is handed to `on_bad`. With `only`, lines
    of other numbers are passed over."""
    source = formats.records_of(block) if block.table else formats.lines_of(block)
    decode: Callable[[Any], Example | None] = _from_record if block.table else _decode
    for number, raw in source:
        if only is not None and number not in only:
            continue
        try:
            row = decode(raw)
        except ValueError as error:
            on_bad(BadLine(block.path, number, str(error), block.place(number)))
            continue
        # Outside the `try`: a ValueError of the consumer is none of ours.
        if row is not None:
            yield number, row


def rows_at(path: Path, lines: Collection[int]) -> dict[int, Example]:
    """The rows of a few lines, by line. Reads no further than the last of them."""
    wanted, last = frozenset(lines), max(lines, default=0)
    found: dict[int, Example] = {}
    for block in formats.blocks(path) if wanted else ():
        found.update(rows_of(block, lambda bad: None, wanted))
        if block.first > last or len(found) == len(wanted):
            break
    return found


def write_examples(path: Path, rows: Iterable[Example]) -> int:
    """Writes rows in the format of the name (`.jsonl`, `.jsonl.gz`, `.parquet`) under a temporary
    name, then renames. Returns how many."""
    from heimdall_core.dataset.save import atomic_rows

    count = 0
    with atomic_rows(path) as write:
        for row in rows:
            write(dump_example(row) + "\n")
            count += 1
    return count


@contextmanager
def atomic_text(path: Path) -> Iterator[IO[str]]:
    """A text file that appears under its name when it is complete and synced, or not at all."""
    path = located(path)
    if isinstance(path, Remote):
        with staged(path) as local, atomic_text(local) as text:
            yield text
        return
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
    if len(raw) > formats.MAX_LINE_BYTES:
        raise ValueError(f"the line is longer than {formats.MAX_LINE_BYTES:,} bytes")
    try:
        # Without its end, so that an error at the end is told in this line's columns.
        text = raw.rstrip(b"\r\n").decode("utf-8")
        # Valid UTF-8 holds no lone surrogate; only an escape can bring one in.
        clean = b"\\u" not in raw
        return example_from_dict(_load(text), clean=clean) if text.strip() else None
    except UnicodeDecodeError as error:
        raise ValueError(f"not valid UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"not valid JSON: {error.msg} at column {error.colno}") from error
    except RecursionError as error:
        raise ValueError("not valid JSON: nested too deeply") from error


def _load(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except ValueError as error:  # a number of more digits than Python converts
        raise ValueError(f"not valid JSON: {error}") from error


def _from_record(record: Any) -> Example:
    """A table's row: a column that holds nothing is a field that is not there, and `meta` is
    JSON in a string. Raises `ValueError` with the reason."""
    if isinstance(record, ValueError):
        raise record
    data = {key: _plain(value, key) for key, value in record.items() if value is not None}
    meta = data.get("meta")
    if isinstance(meta, str):
        try:
            data["meta"] = json.loads(meta) if meta else {}
        except (ValueError, RecursionError) as error:
            raise ValueError("'meta' is a string and not valid JSON") from error
    return example_from_dict(data)


def _plain(value: Any, key: str) -> Any:
    """A table's value as JSON has it: times as ISO 8601, decimal numbers as text."""
    if isinstance(value, dict):
        return {str(name): _plain(item, key) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, key) for item in value]
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal | datetime.timedelta):
        return str(value)
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise ValueError(f"'{key}' holds {type(value).__name__}, which JSON does not have")


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

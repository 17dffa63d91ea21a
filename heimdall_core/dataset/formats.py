"""Dataset files of every kind as a stream of blocks: JSON lines, packed JSON lines, Parquet, and
folders that Hugging Face `datasets` has saved.

A block is some megabytes of raw rows: one process reads them off the disk, others decode them.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final, Literal

from attrs import frozen

from heimdall_core.errors import DatasetError, missing_extra

Kind = Literal["jsonl", "parquet", "folder"]

#: A longer line is a bad line: a file without line ends must not be read into memory whole.
MAX_LINE_BYTES = 64 * 2**20

#: Bytes of a block of lines, and rows of a block of a table.
BLOCK_BYTES: Final = 2**20
BLOCK_ROWS: Final = 2500

_BOM = b"\xef\xbb\xbf"


@frozen
class Block:
    """Raw rows that stand together."""

    path: Path
    first: int
    """Number of the first line or row, counted from 1."""
    data: bytes
    """Lines, or a table in Arrow's own stream format."""
    table: bool
    done: int
    """How far the file is read after this block, in the unit of `size`."""


def kind_of(path: Path) -> Kind:
    """What a dataset's name, or the folder there, says that it is."""
    if path.is_dir():
        return "folder"
    return "parquet" if path.suffix == ".parquet" else "jsonl"


def is_dataset_folder(path: Path) -> bool:
    """Whether `datasets` has saved a dataset there."""
    return (path / "dataset_info.json").is_file() or (path / "dataset_dict.json").is_file()


def size(path: Path) -> int:
    """How much there is to read: bytes of a file, rows of a table; 0 where unknown."""
    try:
        if kind_of(path) == "jsonl":
            return path.stat().st_size
        if kind_of(path) == "parquet":
            return int(_parquet(path).metadata.num_rows)
        return sum(len(part) for part in _saved(path))
    except (OSError, DatasetError):
        return 0


def blocks(path: Path) -> Iterator[Block]:
    """The blocks of a dataset, in order. Raises `DatasetError` for one that cannot be read."""
    kind = kind_of(path)
    if kind == "jsonl":
        yield from _line_blocks(path)
        return
    first = 1
    for batch in _batches(path, kind):
        yield Block(path, first, _to_bytes(batch), True, first - 1 + batch.num_rows)
        first += batch.num_rows


def lines_of(block: Block) -> Iterator[tuple[int, bytes]]:
    """Numbered lines; of one that is too long, the beginning (one byte over the limit)."""
    lines = block.data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    for number, raw in enumerate(lines, block.first):
        # Editors on Windows begin a UTF-8 file with a byte-order mark.
        yield number, raw.removeprefix(_BOM) if number == 1 else raw


def records_of(block: Block) -> Iterator[tuple[int, Any]]:
    """Numbered rows of a table as dictionaries; a `ValueError` in place of one that is damaged."""
    table = _from_bytes(block.data)
    try:
        table.validate(full=True)
        rows: list[Any] = table.to_pylist()
    except Exception:  # noqa: BLE001 - one damaged value: find its row
        rows = [_one(table, index) for index in range(table.num_rows)]
    yield from enumerate(rows, block.first)


def _one(table: Any, index: int) -> Any:
    try:
        row = table.slice(index, 1)
        row.validate(full=True)
        return row.to_pylist()[0]
    except Exception as error:  # noqa: BLE001 - Arrow raises many kinds
        return ValueError(f"the row is damaged: {_first_line(error)}")


def _line_blocks(path: Path) -> Iterator[Block]:
    try:
        with path.open("rb") as raw:
            file: IO[bytes] = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw  # type: ignore[assignment]
            first = 1
            while data := file.read(BLOCK_BYTES):
                if not data.endswith(b"\n"):
                    data += _rest(file)
                yield Block(path, first, data, False, raw.tell())
                first += data.count(b"\n")
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DatasetError(f"cannot be read: {reason}", where=str(path)) from error


def _rest(file: IO[bytes]) -> bytes:
    rest = part = file.readline(MAX_LINE_BYTES + 1)
    if len(part) <= MAX_LINE_BYTES or part.endswith(b"\n"):
        return rest
    while len(part) > MAX_LINE_BYTES and not part.endswith(b"\n"):
        part = file.readline(MAX_LINE_BYTES + 1)
    return rest + b"\n"


def _batches(path: Path, kind: Kind) -> Iterator[Any]:
    try:
        if kind == "parquet":
            yield from _parquet(path).iter_batches(batch_size=BLOCK_ROWS)
            return
        for part in _saved(path):
            for table in part.with_format("arrow").iter(batch_size=BLOCK_ROWS):
                yield from table.combine_chunks().to_batches()
    except (DatasetError, GeneratorExit):
        raise
    except Exception as error:  # pyarrow and datasets raise whatever their parts do
        raise DatasetError(f"cannot be read: {_first_line(error)}", where=str(path)) from error


def _parquet(path: Path) -> Any:
    parquet = arrow("Parquet").parquet
    try:
        return parquet.ParquetFile(path)
    except FileNotFoundError as error:
        raise DatasetError("cannot be read: No such file or directory", where=str(path)) from error
    except Exception as error:  # pyarrow raises whatever its parts do
        raise DatasetError(f"is no Parquet file: {_first_line(error)}", where=str(path)) from error


def _saved(path: Path) -> list[Any]:
    if not is_dataset_folder(path):
        raise DatasetError(
            "cannot be read: is a folder that `datasets` has not saved",
            where=str(path),
            hint="name a file in it, or a folder with dataset_info.json",
        )
    try:
        import datasets  # type: ignore[import-untyped]
    except ImportError as error:
        raise missing_extra("datasets", "data", "a folder of `datasets`") from error
    try:
        found = datasets.load_from_disk(str(path))
    except Exception as error:  # whatever a damaged folder leads to
        raise DatasetError(f"cannot be read: {_first_line(error)}", where=str(path)) from error
    # The parts of a DatasetDict (train, test) one after the other.
    return [found[name] for name in found] if isinstance(found, datasets.DatasetDict) else [found]


def arrow(what: str) -> Any:
    """pyarrow, with its Parquet part. Raises `HeimdallError` where it is not installed."""
    try:
        import pyarrow  # type: ignore[import-untyped]
        import pyarrow.parquet  # type: ignore[import-untyped]
    except ImportError as error:
        raise missing_extra("pyarrow", "data", what) from error
    return pyarrow


def _to_bytes(batch: Any) -> bytes:
    pa = arrow("a table")
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def _from_bytes(data: bytes) -> Any:
    return arrow("a table").ipc.open_stream(data).read_all()


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)

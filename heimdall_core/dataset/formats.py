"""Dataset files of every kind as a stream of blocks: JSON lines, packed JSON lines, Parquet,
folders that Hugging Face `datasets` has saved, and folders and patterns of several files.

A block is some megabytes of raw rows: one process reads them off the disk, others decode them.
"""

from __future__ import annotations

import gzip
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, Literal

import attrs
from attrs import frozen

from heimdall_core.dataset.remote import Remote, located, reason_of, telling
from heimdall_core.dataset.shards import (
    MANIFEST,
    Shard,
    is_pattern,
    open_checked,
    require_unchanged,
    shards_of,
    size_of,
    suffix_of,
)
from heimdall_core.errors import DatasetError, missing_extra

Kind = Literal["jsonl", "parquet", "folder", "shards"]

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
    shard: str = ""
    """Name of the file among several."""
    before: int = 0
    """Lines or rows of the files before that one; numbers count through."""

    @property
    def last(self) -> int:
        """Number of its last line or row."""
        if self.table:
            return self.done
        cut = bool(self.data) and not self.data.endswith(b"\n")
        return self.first - 1 + self.data.count(b"\n") + cut

    def place(self, number: int) -> str:
        """Where among several files a row stands: ` (part-00001.jsonl:12)`; else nothing."""
        return f" ({self.shard}:{number - self.before})" if self.shard else ""


def kind_of(path: Path) -> Kind:
    """What a dataset's name, or the folder there, says that it is."""
    if is_pattern(path):
        return "shards"
    named: Kind = "parquet" if path.suffix == ".parquet" else "jsonl"
    if isinstance(path, Remote):
        # A known suffix saves a question.
        if suffix_of(path.name) or path.suffix in (".gz", ".json", ".ndjson"):
            return named
        return "shards" if path.is_dir() or (path / MANIFEST).exists() else named
    if path.is_dir():
        return "folder" if is_dataset_folder(path) else "shards"
    return named


def is_dataset_folder(path: Path) -> bool:
    """Whether `datasets` has saved a dataset there."""
    return (path / "dataset_info.json").is_file() or (path / "dataset_dict.json").is_file()


def size(path: Path) -> int:
    """How much there is to read: bytes of a file, rows of a table; 0 where unknown."""
    path = located(path)
    try:
        kind = kind_of(path)
        if kind == "shards":
            return sum(map(_shard_size, shards_of(path)))
        if kind == "folder":
            return sum(len(part) for part in _saved(path))
        return _shard_size(Shard(path, size_of(path) if kind == "jsonl" else 0))
    except (OSError, DatasetError):
        return 0


def _shard_size(shard: Shard) -> int:
    if kind_of(shard.path) == "jsonl":
        return shard.bytes
    if shard.rows is not None:
        return shard.rows
    with _table(shard) as file:
        return int(file.metadata.num_rows)


def blocks(path: Path) -> Iterator[Block]:
    """The blocks of a dataset, in order. Raises `DatasetError` for one that cannot be read."""
    path = located(path)
    kind = kind_of(path)
    if kind == "shards":
        yield from _of_shards(path)
    elif kind == "jsonl":
        yield from _line_blocks(Shard(path, 0))
    else:
        saved = kind == "folder"
        batches = _saved_batches(path) if saved else _parquet_batches(Shard(path, 0))
        yield from _table_blocks(path, batches)


def _of_shards(path: Path) -> Iterator[Block]:
    """The files' blocks one after the other; numbers and `done` count through."""
    before = done = 0
    for shard in shards_of(path):
        lines, name = before, str(shard.path.name)
        table = kind_of(shard.path) == "parquet"
        found = _table_blocks(path, _parquet_batches(shard)) if table else _line_blocks(shard)
        for block in found:
            lines = before + block.last
            yield attrs.evolve(
                block,
                path=path,
                first=before + block.first,
                done=done + block.done,
                shard=name,
                before=before,
            )
        done += (lines - before) if table else shard.bytes
        before = lines


def _table_blocks(path: Path, batches: Iterator[Any]) -> Iterator[Block]:
    first = 1
    for batch in batches:
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


def _line_blocks(shard: Shard) -> Iterator[Block]:
    path = shard.path
    try:
        with open_checked(shard) as raw:
            file: IO[bytes] = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw  # type: ignore[assignment]
            first = 1
            try:
                while data := file.read(BLOCK_BYTES):
                    if not data.endswith(b"\n"):
                        data += _rest(file)
                    yield Block(path, first, data, False, raw.tell())
                    first += data.count(b"\n")
            except (EOFError, zlib.error, gzip.BadGzipFile):
                while raw.read(BLOCK_BYTES):  # its end says whether it is not what it was
                    pass
                raise
    except (DatasetError, GeneratorExit):
        raise
    except (OSError, EOFError, zlib.error) as error:
        if isinstance(path, Remote):  # its text may hold the whole URL
            raise DatasetError(f"cannot be read: {reason_of(error)}", where=str(path)) from None
        reason = getattr(error, "strerror", None) or str(error)
        raise DatasetError(f"cannot be read: {reason}", where=str(path)) from error


def _rest(file: IO[bytes]) -> bytes:
    rest = part = file.readline(MAX_LINE_BYTES + 1)
    if len(part) <= MAX_LINE_BYTES or part.endswith(b"\n"):
        return rest
    while len(part) > MAX_LINE_BYTES and not part.endswith(b"\n"):
        part = file.readline(MAX_LINE_BYTES + 1)
    return rest + b"\n"


def _parquet_batches(shard: Shard) -> Iterator[Any]:
    with _table(shard) as file, _told(shard.path):
        yield from file.iter_batches(batch_size=BLOCK_ROWS)


def _saved_batches(path: Path) -> Iterator[Any]:
    with _told(path):
        for part in _saved(path):
            for table in part.with_format("arrow").iter(batch_size=BLOCK_ROWS):
                yield from table.combine_chunks().to_batches()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except (DatasetError, GeneratorExit):
        raise
    except Exception as error:  # pyarrow and datasets raise whatever their parts do
        if isinstance(path, Remote):
            raise DatasetError(f"cannot be read: {reason_of(error)}", where=str(path)) from None
        raise DatasetError(f"cannot be read: {_first_line(error)}", where=str(path)) from error


@contextmanager
def _table(shard: Shard) -> Iterator[Any]:
    """An open Parquet file, held against its manifest before it is read. One behind a URL that has
    a manifest is fetched first: its hash is that of the whole file."""
    parquet = arrow("Parquet").parquet
    path = shard.path
    with _opened(shard) as file:
        try:
            require_unchanged(shard, file)
            # A file here is opened by Arrow itself, which reads it faster.
            table = parquet.ParquetFile(file if isinstance(path, Remote) else path)
        except DatasetError:
            raise
        except Exception as error:  # pyarrow raises whatever its parts do
            if isinstance(path, Remote):  # its text may hold the whole URL
                why = f"is no Parquet file: {reason_of(error)}"
                raise DatasetError(why, where=str(path)) from None
            why = f"is no Parquet file: {_first_line(error)}"
            raise DatasetError(why, where=str(path)) from error
        yield table


def _opened(shard: Shard) -> IO[bytes]:
    if not isinstance(shard.path, Remote):
        try:
            return shard.path.open("rb")
        except OSError as error:
            reason = f"cannot be read: {error.strerror}"
            raise DatasetError(reason, where=str(shard.path)) from error
    if not shard.sha256:
        return shard.path.open("rb")
    fetched = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    with telling(shard.path), shard.path.open("rb") as remote:
        shutil.copyfileobj(remote, fetched, 2**20)
    fetched.seek(0)
    return fetched


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

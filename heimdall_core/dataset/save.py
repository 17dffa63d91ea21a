"""Writing a dataset in the format of its name, so that it appears whole or not at all."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from heimdall_core.dataset.formats import arrow
from heimdall_core.dataset.io import atomic_text, sync_folder
from heimdall_core.dataset.remote import Remote, located, staged
from heimdall_core.dataset.shard_write import ShardSize, sharded, sharded_name
from heimdall_core.errors import DatasetError, missing_extra

Write = Callable[[str], object]

_TEXT = (
    *("instruction", "input", "output", "category", "context_size", "id", "source", "licence"),
    *("language", "schema", "family", "combination", "system"),
)
_GROUP_ROWS = 20_000


@contextmanager
def atomic_rows(
    path: Path, *, folder: bool = False, shards: ShardSize | None = None
) -> Iterator[Write]:
    """Takes whole JSON lines as text and writes what `path` is named for: `.parquet`, else JSONL
    (`.gz` too); shards for a name such as `rows/*.parquet`, and, with `shards`, for a folder's;
    with `folder`, a folder that Hugging Face `datasets` loads.

    Raises `DatasetError` where it cannot be written; then what was there before is there still.
    """
    path = located(path)
    if several := sharded_name(path, shards):
        with sharded(*several, shards or ShardSize(), atomic_rows) as write:
            yield write
    elif folder:
        with _saved_folder(path) as write:
            yield write
    elif path.suffix == ".parquet":
        if isinstance(path, Remote):
            with staged(path) as local, _parquet(local) as write:
                yield write
            return
        with _parquet(path) as write:
            yield write
    else:
        with atomic_text(path) as file:
            yield file.write


@contextmanager
def _parquet(path: Path) -> Iterator[Write]:
    pa = arrow("Parquet")
    schema = pa.schema(
        [(name, pa.string()) for name in _TEXT]
        + [("verification", pa.list_(pa.string())), ("meta", pa.string())]
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    rows: list[dict[str, Any]] = []
    try:
        with pa.parquet.ParquetWriter(temporary, schema, compression="zstd") as writer:

            def write(text: str) -> None:
                rows.extend(map(_record, text.splitlines() if text.isascii() else _lines(text)))
                if len(rows) >= _GROUP_ROWS:
                    flush()

            def flush() -> None:
                if rows:
                    writer.write_table(pa.Table.from_pylist(rows, schema=schema))
                    rows.clear()

            yield write
            flush()
        with temporary.open("rb+") as file:
            sync_file(file)
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DatasetError(f"cannot be written: {reason}", where=str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _saved_folder(path: Path) -> Iterator[Write]:
    try:
        import datasets  # type: ignore[import-untyped]
    except ImportError as error:
        raise missing_extra("datasets", "data", "a folder of `datasets`") from error
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as scratch:
        table = Path(scratch) / "rows.parquet"
        with _parquet(table) as write:
            yield write
        made = Path(scratch) / path.name
        try:
            datasets.disable_progress_bars()
            datasets.Dataset.from_parquet(str(table), cache_dir=scratch).save_to_disk(str(made))
            for file in made.rglob("*"):
                if file.is_file():
                    with file.open("rb+") as opened:
                        sync_file(opened)
            if path.exists():
                exchange(made, path)
            else:
                made.replace(path)
            sync_folder(path.parent)
        except OSError as error:
            reason = error.strerror or str(error)
            raise DatasetError(f"cannot be written: {reason}", where=str(path)) from error


def exchange(one: Path, other: Path) -> None:
    """Swaps two folders in one step that either happens or does not. Raises `DatasetError` where
    the system has no such step."""
    import ctypes
    import os

    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError) as error:
        raise _no_exchange(other) from error
    here, swap = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    if rename(here, os.fsencode(one), here, os.fsencode(other), swap) != 0:
        raise _no_exchange(other) from OSError(ctypes.get_errno(), "renameat2")


def copy_folder(path: Path, target: Path) -> None:
    """Copies a folder whole: it is on the disk under its name when this returns, or not there."""
    temporary = target.with_name(f".{target.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        shutil.copytree(path, temporary)
        for file in temporary.rglob("*"):
            if file.is_file():
                with file.open("rb+") as opened:
                    sync_file(opened)
        temporary.replace(target)
        sync_folder(target.parent)
    except (OSError, shutil.Error) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise DatasetError(f"cannot be written: {error}", where=str(target)) from error


def sync_file(file: Any) -> None:
    """Waits until what was written is on the disk."""
    import os

    file.flush()
    os.fsync(file.fileno())


def _no_exchange(path: Path) -> DatasetError:
    return DatasetError(
        "a folder cannot be replaced in one step on this system",
        where=str(path),
        hint="write elsewhere, with --output",
    )


def _lines(text: str) -> list[str]:
    # `splitlines` would cut at U+2028, which JSON allows inside a string.
    return text.rstrip("\n").split("\n")


def _record(line: str) -> dict[str, Any]:
    data = json.loads(line)
    record: dict[str, Any] = {name: data.get(name, "") for name in _TEXT}
    record["verification"] = data.get("verification", [])
    record["meta"] = json.dumps(data["meta"], ensure_ascii=False) if data.get("meta") else ""
    return record

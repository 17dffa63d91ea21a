"""Changing a file that matters: one process at a time, a synced copy first, a rename last."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from heimdall_core.dataset.formats import is_dataset_folder, kind_of
from heimdall_core.dataset.io import sync_folder
from heimdall_core.dataset.remote import Remote, version_of
from heimdall_core.dataset.shards import shards_of
from heimdall_core.errors import DatasetError


@contextmanager
def exclusive(path: Path, wait: float = 0) -> Iterator[None]:
    """Refuses, after `wait` seconds, a second process that wants to change `path`. A lock of the
    system's own on a hidden file beside it, so that a killed process holds nothing. There are no
    locks behind a URL."""
    if isinstance(path, Remote):
        yield
        return
    from filelock import FileLock, Timeout  # 40 ms: only where something is changed

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=wait)
        lock.acquire()
    except Timeout as error:
        raise DatasetError("is being changed by another process", where=str(path)) from error
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        yield
    finally:
        lock.release()


def backup_path(path: Path, now: datetime) -> Path:
    """`name_backup_YYYYmmdd_HHMMSS.suffix` beside `path`. An earlier backup of the same second is
    not written over: `_2` is added."""
    suffix = _suffix(path)
    stem = f"{path.name.removesuffix(suffix)}_backup_{now:%Y%m%d_%H%M%S}"
    target, again = path.with_name(stem + suffix), 2
    while target.exists():
        target, again = path.with_name(f"{stem}_{again}{suffix}"), again + 1
    return target


def copy_synced(path: Path, target: Path) -> None:
    """Copies a file, its mode and its times; the copy is on the disk when this returns, whole, or
    is not there at all."""
    temporary = target.with_name(f".{target.name}.part")
    try:
        with path.open("rb") as source, temporary.open("wb") as copy:
            shutil.copyfileobj(source, copy, 2**20)
            copy.flush()
            os.fsync(copy.fileno())
        shutil.copystat(path, temporary)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _unwritable(target, error) from error
    put(temporary, target)


def put(staged: Path, target: Path) -> None:
    """Renames a finished file to its place, in one step that either happens or does not."""
    if target.exists() and not target.is_file():
        raise DatasetError("is no regular file", where=str(target), hint="name a file")
    try:
        staged.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        raise _unwritable(target, error) from error


def keep_backup(source: Path, staged: Path, backup: Path) -> None:
    """Copies the source, file or folder, to its backup, and gives the staged file its mode."""
    if source.is_dir():
        from heimdall_core.dataset.save import copy_folder

        copy_folder(source, backup)
        return
    shutil.copymode(source, staged)
    copy_synced(source, backup)


def replace(staged: Path, target: Path) -> None:
    """Puts a finished file or folder in the place of another, in one step."""
    if target.is_dir():
        from heimdall_core.dataset.save import exchange

        exchange(staged, target)
        sync_folder(target.parent)
    else:
        put(staged, target)


def remove(path: Path) -> None:
    """Removes a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def staged_name(target: Path, word: str) -> Path:
    """A hidden name beside `target` with the same suffix. One per word: what a killed process
    left there is written over by the next."""
    suffix = _suffix(target)
    return target.with_name(f".{target.name.removesuffix(suffix)}.{word}{suffix}")


def same_bytes(one: Path, other: Path) -> bool:
    """Whether two files hold the same."""
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as a, other.open("rb") as b:
        while block := a.read(2**20):
            if block != b.read(2**20):
                return False
    return True


def identity(path: Path) -> tuple[int, int, int]:
    """Changes when the file is replaced or written to. Raises `DatasetError` where it is none."""
    if kind_of(path) == "shards":
        return _of_shards(path)
    if isinstance(path, Remote):
        return 0, 0, version_of(path)
    try:
        state = path.stat()
    except OSError as error:
        raise DatasetError(f"cannot be read: {error.strerror}", where=str(path)) from error
    if path.is_dir() and is_dataset_folder(path):
        files = sorted(file for file in path.rglob("*") if file.is_file())
        states = [file.stat() for file in files]
        newest = max((each.st_mtime_ns for each in states), default=0)
        return state.st_ino, sum(each.st_size for each in states), newest
    if not path.is_file():
        # A pipe can be read only once, and a folder that holds no dataset not at all.
        raise DatasetError("is not a file", where=str(path))
    return state.st_ino, state.st_size, state.st_mtime_ns


def _of_shards(path: Path) -> tuple[int, int, int]:
    shards = shards_of(path)
    size = sum(shard.bytes for shard in shards)
    if any(isinstance(shard.path, Remote) for shard in shards):
        # A manifest has their hashes; without one, each is asked for.
        versions = [s.sha256 or version_of(s.path) for s in shards if isinstance(s.path, Remote)]
        return len(shards), size, hash(tuple(versions))
    return len(shards), size, max((s.path.stat().st_mtime_ns for s in shards), default=0)


def _suffix(path: Path) -> str:
    return Path(path.stem).suffix + path.suffix if path.suffix == ".gz" else path.suffix


def _unwritable(path: Path, error: OSError) -> DatasetError:
    return DatasetError(f"cannot be written: {error.strerror or error}", where=str(path))

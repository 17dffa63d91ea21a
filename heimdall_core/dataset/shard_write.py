"""Writing a dataset as shards and a manifest.

A local folder is made under a hidden name and takes its place in one step. Behind a URL each
finished shard is put under a name that holds its hash, so that none of those before is written
over, and the manifest last: until then a reader sees the dataset that was there.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from attrs import define, field, frozen, validators

from heimdall_core.dataset.remote import Remote, require_writable, upload
from heimdall_core.dataset.shards import (
    MANIFEST,
    WRITING,
    Manifest,
    Shard,
    files_in,
    is_ours,
    read_manifest,
    suffix_of,
)
from heimdall_core.errors import DatasetError

Write = Callable[[str], object]
Open = Callable[[Path], AbstractContextManager[Write]]

_MEGABYTE = 10**6


@frozen(kw_only=True)
class ShardSize:
    """When a shard is full; the rows and these two alone decide which row stands in which."""

    rows: int | None = field(default=None, validator=validators.optional(validators.ge(1)))
    """Rows of a shard."""
    megabytes: float | None = field(default=None, validator=validators.optional(validators.gt(0)))
    """MB (10⁶ bytes) of a shard's rows as JSON text, before they are packed; 256 where nothing is
    said."""

    @property
    def most_rows(self) -> int:
        """Rows at which a shard is full."""
        return self.rows or 2**62

    @property
    def most_bytes(self) -> float:
        """Bytes of text from which a shard is full."""
        if self.megabytes:
            return self.megabytes * _MEGABYTE
        return 2.0**62 if self.rows else 256.0 * _MEGABYTE


def sharded_name(path: Path, size: ShardSize | None = None) -> tuple[Path, str] | None:
    """Folder and suffix where an output's name is one of shards: `rows/*.parquet`, or, with a
    size, a name without suffix, for packed JSON lines. None for a single file.

    Raises `DatasetError` for a size with the name of one file.
    """
    if path.name.startswith("*") and (suffix := suffix_of(path.name)):
        if path.name != f"*{suffix}":
            raise DatasetError(
                "names no shards to write", where=str(path), hint=f"write {path.parent}/*{suffix}"
            )
        return path.parent, suffix
    if size is None:
        return None
    if suffix_of(path.name) or path.suffix in (".gz", ".json"):
        raise DatasetError(
            "is one file and cannot be cut into shards",
            where=str(path),
            hint=f"name a folder, or {path.parent / '*'}{path.suffix}",
        )
    return path, ".jsonl.gz"


@define
class _Shards:
    """The shards of one writing, a finished one handed to `put` as soon as it is."""

    folder: Path
    """Of the machine, where a shard is made."""
    suffix: str
    size: ShardSize
    open: Open
    put: Callable[[Path], None]
    made: list[Shard] = field(factory=list)
    _current: AbstractContextManager[Write] | None = None
    _write: Write = str
    _rows: int = 0
    _bytes: int = 0

    def write(self, text: str) -> None:
        """Takes whole lines; cuts between two of them where a shard is full."""
        for line in text.split("\n")[:-1]:
            if self._rows >= self.size.most_rows or self._bytes >= self.size.most_bytes:
                self.end()
            if self._current is None:
                self._current = self.open(self._path())
                self._write = self._current.__enter__()
            self._write(line + "\n")
            self._rows += 1
            self._bytes += len(line.encode("utf-8", "surrogatepass")) + 1

    def end(self) -> None:
        """Closes the shard that is open, and gives it its name."""
        if self._current is None:
            return
        current, self._current = self._current, None
        current.__exit__(None, None, None)
        path = self._path()
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        final = path.with_name(f"part-{len(self.made):05d}-{digest[:8]}{self.suffix}")
        path.rename(final)
        self.made.append(Shard(final, final.stat().st_size, self._rows, digest))
        self._rows = self._bytes = 0
        self.put(final)

    def drop(self, error: BaseException) -> None:
        """Closes the shard that is open, unfinished."""
        if self._current is not None:
            with suppress(BaseException):
                self._current.__exit__(type(error), error, error.__traceback__)

    def _path(self) -> Path:
        return self.folder / f"current{self.suffix}"


@contextmanager
def sharded(folder: Path, suffix: str, size: ShardSize, open_one: Open) -> Iterator[Write]:
    """Takes whole JSON lines as text and writes them into `folder` as shards of `suffix`; they are
    there, with a manifest, when the body has ended well, and what was there before is then gone.

    `open_one` opens one file to write rows to. Raises `DatasetError` for a folder that holds
    something else.
    """
    require_writable(folder)
    require_free(folder)
    if isinstance(folder, Remote):
        with _behind_url(folder, suffix, size, open_one) as write:
            yield write
        return
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatasetError(f"cannot be written: {error.strerror}", where=str(folder)) from error
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        made = Path(scratch) / folder.name
        made.mkdir()
        shards = _Shards(made, suffix, size, open_one, lambda path: None)
        with _ending(shards, folder):
            yield shards.write
        put_folder(made, folder)


@contextmanager
def _ending(shards: _Shards, folder: Path) -> Iterator[None]:
    try:
        yield
        shards.end()
        manifest = Manifest(shards.suffix, tuple(shards.made))
        (shards.folder / MANIFEST).write_text(manifest.dump(), encoding="utf-8")
    except OSError as error:
        shards.drop(error)
        reason = error.strerror or str(error)
        raise DatasetError(f"cannot be written: {reason}", where=str(folder)) from error
    except BaseException as error:
        shards.drop(error)
        raise


def put_folder(made: Path, folder: Path) -> None:
    """Puts a finished local folder of shards in its place, in one step; what else lay beside the
    shards that were there (a README) goes with the folder."""
    from heimdall_core.dataset.io import sync_folder
    from heimdall_core.dataset.save import exchange, sync_file

    try:
        for file in made.iterdir():
            with file.open("rb+") as opened:
                sync_file(opened)
        if folder.exists():
            for other in folder.iterdir():
                if not (suffix_of(other.name) or other.name == MANIFEST):
                    copy = shutil.copytree if other.is_dir() else shutil.copy2
                    copy(other, made / other.name)
            exchange(made, folder)
        else:
            made.rename(folder)
        sync_folder(folder.parent)
    except (OSError, shutil.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DatasetError(f"cannot be written: {reason}", where=str(folder)) from error


@contextmanager
def _behind_url(folder: Remote, suffix: str, size: ShardSize, open_one: Open) -> Iterator[Write]:
    with tempfile.TemporaryDirectory(prefix="heimdall-") as scratch:
        started = Path(scratch) / WRITING
        started.write_text(json.dumps({"heimdall_dataset": 1}) + "\n", encoding="utf-8")
        before = _names(folder)

        def put(path: Path) -> None:
            # One that has this name and hash already is put again: it may be cut short.
            upload(path, folder / path.name)
            path.unlink()

        upload(started, folder / WRITING)
        shards = _Shards(Path(scratch), suffix, size, open_one, put)
        try:
            with _ending(shards, folder):
                yield shards.write
            upload(Path(scratch) / MANIFEST, folder / MANIFEST)
        except BaseException:
            with suppress(Exception):
                _remove(folder, {shard.path.name for shard in shards.made} - before)
                (folder / WRITING).unlink(missing_ok=True)
            raise
        # Interrupted from here on, the dataset is the new one; what is left is passed over.
        _remove(folder, _names(folder) - {shard.path.name for shard in shards.made})
        (folder / WRITING).unlink(missing_ok=True)


def _names(folder: Path) -> set[str]:
    """The shards of ours that lie in a folder, named by a manifest or not."""
    return {name for name in _files(folder) if is_ours(name)}


def _remove(folder: Path, names: set[str]) -> None:
    for name in sorted(names):
        (folder / name).unlink(missing_ok=True)


def _files(folder: Path) -> dict[str, int]:
    """What lies in a folder; nothing where there is none."""
    if not folder.exists():
        return {}
    return files_in(folder) or {}


def require_free(folder: Path) -> None:
    """Refuses a folder that holds data files which are no dataset of ours: they are not ours to
    replace."""
    if isinstance(folder, Remote) or folder.is_dir():
        files = _files(folder)
        foreign = [name for name in sorted(files) if suffix_of(name) and not is_ours(name)]
        if not foreign and MANIFEST in files:
            read_manifest(folder)
        if foreign or (
            not isinstance(folder, Remote) and MANIFEST not in files and any(folder.iterdir())
        ):
            what = f"holds {foreign[0]}" if foreign else "holds other files"
            raise DatasetError(
                f"{what} and is no dataset of shards", where=str(folder), hint="name a new folder"
            )
    elif folder.exists():
        raise DatasetError("is a file, not a folder", where=str(folder))


def publish(made: Path, target: Path) -> None:
    """Puts a finished local dataset, file or folder of shards, at a remote place; a folder's
    manifest comes last. Raises `DatasetError`."""
    if not made.is_dir():
        upload(made, target)
        return
    files: list[Any] = sorted(made.iterdir(), key=lambda file: (file.name == MANIFEST, file.name))
    before = _names(target)
    upload(made / MANIFEST, target / WRITING)
    for file in files:
        upload(file, target / file.name)
    _remove(target, before - {file.name for file in files})
    (target / WRITING).unlink(missing_ok=True)

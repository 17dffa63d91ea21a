"""Datasets in several files: a folder, here or behind a URL, or a pattern such as `rows/*.parquet`.

A folder that Heimdall wrote has a manifest, which names every shard with its rows, bytes and
SHA-256. It is written last, so that a folder without one is no dataset yet, and what is read is
held against it: a shard that is missing, changed or not named stops the reading.

    rows/part-00000-5d1e0f3a.jsonl.gz
    rows/part-00001-91c07b22.jsonl.gz
    rows/manifest.json
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final

from attrs import frozen

from heimdall_core.dataset.remote import Remote, info, listed, matching, telling
from heimdall_core.errors import DatasetError

MANIFEST: Final = "manifest.json"

#: There while a folder behind a URL is written: shards that the manifest does not name yet, or no
#: longer, are passed over.
WRITING: Final = "_writing.json"

SUFFIXES: Final = (".jsonl", ".jsonl.gz", ".parquet")

_OURS = re.compile(r"part-\d{5,}-[0-9a-f]{8}\.(jsonl|jsonl\.gz|parquet)")
_PATTERN = re.compile(r"[*?\[]")
_VERSION = 1

#: Shards that were found as their manifest says, by path, size and hash: looked at once.
_verified: set[tuple[str, int, str, int]] = set()


@frozen
class Shard:
    """One file of a dataset."""

    path: Path
    bytes: int
    rows: int | None = None
    """As its manifest says; None without one."""
    sha256: str = ""


@frozen
class Manifest:
    """What `manifest.json` says."""

    suffix: str
    shards: tuple[Shard, ...]

    def to_json(self) -> dict[str, Any]:
        """As it is written."""
        return {
            "heimdall_dataset": _VERSION,
            "format": self.suffix.lstrip("."),
            "rows": sum(shard.rows or 0 for shard in self.shards),
            "bytes": sum(shard.bytes for shard in self.shards),
            "shards": [
                {
                    "name": shard.path.name,
                    "rows": shard.rows,
                    "bytes": shard.bytes,
                    "sha256": shard.sha256,
                }
                for shard in self.shards
            ],
        }

    def dump(self) -> str:
        """The text of the file."""
        return json.dumps(self.to_json(), ensure_ascii=False, indent=2) + "\n"


def suffix_of(name: str) -> str:
    """The one of `SUFFIXES` that a name ends with, or nothing."""
    return next((s for s in reversed(SUFFIXES) if name.endswith(s) and name != s), "")


def is_pattern(path: Path) -> bool:
    """Whether a name stands for several files."""
    return bool(_PATTERN.search(path.name)) and (isinstance(path, Remote) or not path.exists())


def is_ours(name: str) -> bool:
    """Whether a file is named as the shards that Heimdall writes are."""
    return _OURS.fullmatch(name) is not None


def shards_of(path: Path) -> list[Shard]:
    """The files of a folder or a pattern, by name. Raises `DatasetError` where there are none, and
    where a folder is not as its manifest says."""
    if is_pattern(path):
        return _of_pattern(path)
    files = files_in(path)
    if files is None or MANIFEST in files:
        manifest = read_manifest(path)
        if files is not None:
            _compare(path, manifest, files)
        return list(manifest.shards)
    data = {name: size for name, size in files.items() if suffix_of(name)}
    if WRITING in files or any(is_ours(name) for name in data):
        raise DatasetError(
            f"has shards and no {MANIFEST}: they were not written to the end",
            where=str(path),
            hint="write it again; to read what is there, name a pattern such as part-*",
        )
    if not data:
        raise DatasetError(
            "cannot be read: is a folder that `datasets` has not saved, and holds no "
            "*.jsonl, *.jsonl.gz or *.parquet",
            where=str(path),
            hint="name a file, a folder of such files, or a pattern",
        )
    kinds = {suffix_of(name) == ".parquet" for name in data}
    if len(kinds) > 1:
        raise DatasetError(
            "holds tables and JSON lines", where=str(path), hint="name one kind: *.parquet"
        )
    return [Shard(path / name, size) for name, size in sorted(data.items())]


def read_manifest(folder: Path) -> Manifest:
    """A folder's manifest. Raises `DatasetError` where it is none, or damaged."""
    path = folder / MANIFEST
    try:
        with path.open(encoding="utf-8") as file:
            data = json.loads(file.read())
        if data["heimdall_dataset"] != _VERSION:
            raise DatasetError("is of another version of Heimdall", where=str(path))
        shards = tuple(_entry(folder, entry) for entry in data["shards"])
        return Manifest(f".{data['format']}", shards)
    except DatasetError:
        raise
    except OSError as error:
        raise DatasetError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except (ValueError, KeyError, TypeError) as error:
        raise DatasetError("is no manifest of a dataset", where=str(path)) from error


def _entry(folder: Path, entry: Any) -> Shard:
    name, rows, size, digest = (entry[key] for key in ("name", "rows", "bytes", "sha256"))
    plain = isinstance(name, str) and name == Path(name).name and suffix_of(name)
    counts = all(type(n) is int and n >= 0 for n in (rows, size))
    if not plain or not counts or not re.fullmatch(r"[0-9a-f]{64}", str(digest)):
        raise ValueError(name)
    return Shard(folder / name, size, rows, digest)


def _compare(folder: Path, manifest: Manifest, files: dict[str, int]) -> None:
    named = {shard.path.name: shard for shard in manifest.shards}
    for name, shard in named.items():
        if name not in files:
            raise DatasetError(
                f"the shard {name} is missing; {MANIFEST} names it", where=str(folder)
            )
        if files[name] != shard.bytes:
            raise _changed(shard, f"it has {files[name]:,} bytes, not {shard.bytes:,}")
    for name in sorted(files):
        if suffix_of(name) and name not in named and not (WRITING in files and is_ours(name)):
            raise DatasetError(
                f"the shard {name} is surplus; {MANIFEST} does not name it",
                where=str(folder),
                hint="move it out of the folder",
            )


def _changed(shard: Shard, how: str) -> DatasetError:
    return DatasetError(
        f"is not as {MANIFEST} says: {how}",
        where=str(shard.path),
        hint="it was changed or damaged; write the dataset again, or take it from a backup",
    )


def _of_pattern(path: Path) -> list[Shard]:
    try:
        if isinstance(path, Remote):
            found = matching(path)
        else:
            found = sorted(file for file in path.parent.glob(path.name) if file.is_file())
        found = [file for file in found if suffix_of(file.name)]
        named: dict[Path, Shard] = {}
        for folder in {file.parent for file in found}:
            if (folder / MANIFEST).is_file():
                named |= {shard.path: shard for shard in read_manifest(folder).shards}
        shards = [named.get(file) or Shard(file, size_of(file)) for file in found]
    except OSError as error:
        raise DatasetError(f"cannot be read: {error.strerror}", where=str(path)) from error
    if not shards:
        raise DatasetError(
            "no *.jsonl, *.jsonl.gz or *.parquet is named so",
            where=str(path),
            hint="see its folder",
        )
    if len({suffix_of(shard.path.name) == ".parquet" for shard in shards}) > 1:
        raise DatasetError("names tables and JSON lines", where=str(path), hint="name one kind")
    for shard in shards:
        if shard.rows is not None and size_of(shard.path) != shard.bytes:
            raise _changed(shard, f"it has {size_of(shard.path):,} bytes, not {shard.bytes:,}")
    return shards


def files_in(folder: Path) -> dict[str, int] | None:
    """Files of a folder with their bytes, hidden ones left out; None where none can be listed."""
    if isinstance(folder, Remote):
        found = listed(folder)
    else:
        try:
            found = {file.name: file.stat().st_size for file in folder.iterdir() if file.is_file()}
        except OSError as error:
            raise DatasetError(f"cannot be read: {error.strerror}", where=str(folder)) from error
    if found is None:
        return None
    return {name: size for name, size in found.items() if not name.startswith(".")}


def size_of(path: Path) -> int:
    """Bytes of a file. Raises `OSError`, or `DatasetError` behind a URL."""
    if not isinstance(path, Remote):
        return path.stat().st_size
    with telling(path):
        return int(info(path)["size"] or 0)


def open_checked(shard: Shard) -> IO[bytes]:
    """A shard to be read from its beginning to its end; there, what was read is held against its
    manifest. Raises `DatasetError` from the last `read` where it differs."""
    file = shard.path.open("rb")
    if not shard.sha256:
        return file
    return io.BufferedReader(_Hashing(shard, file), 2**20)


def require_unchanged(shard: Shard, file: IO[bytes]) -> None:
    """Reads an open local file through, and holds it against the manifest; once per process."""
    if not shard.sha256:
        return
    stamp = 0 if isinstance(shard.path, Remote) else shard.path.stat().st_mtime_ns
    key = (str(shard.path), shard.bytes, shard.sha256, stamp)
    if key not in _verified:
        if hashlib.file_digest(file, "sha256").hexdigest() != shard.sha256:  # type: ignore[arg-type]
            raise _changed(shard, "its SHA-256 is another")
        _verified.add(key)
    file.seek(0)


class _Hashing(io.RawIOBase):
    """Hashes what passes, and compares when the end has come."""

    def __init__(self, shard: Shard, file: IO[bytes]) -> None:
        self._shard, self._file = shard, file
        self._digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with telling(self._shard.path):
            data = self._file.read(len(buffer))
        if not data and self._digest.hexdigest() != self._shard.sha256:
            raise _changed(self._shard, "its SHA-256 is another")
        self._digest.update(data)
        buffer[: len(data)] = data
        return len(data)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def digest_of(path: Path, digest_file: Callable[[Path], str]) -> str:
    """One digest of a dataset behind a URL or in several files; by its manifest, where it has
    one."""
    one = isinstance(path, Remote) and not is_pattern(path) and bool(suffix_of(path.name))
    shards = [Shard(path, 0)] if one else shards_of(path)
    text = [[shard.path.name, shard.sha256 or digest_file(shard.path)] for shard in shards]
    return hashlib.sha256(json.dumps(text).encode()).hexdigest()

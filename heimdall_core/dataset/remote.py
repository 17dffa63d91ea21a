"""Datasets behind a URL (`s3://`, `gs://`, `hf://`, `https://`, `memory://` …), through fsspec.

A `Remote` is a path whose files are elsewhere: everything that streams a dataset takes one. fsspec
and its drivers are imported when the first is opened (extra `remote`).

What a URL may hold beside the place, a password or a signed query, is taken off when the path is
made and kept in memory, for the driver alone: a path shows none of it, so no log, manifest or
report can.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, cast
from urllib.parse import unquote, urlsplit

from heimdall_core.errors import DatasetError, did_you_mean

if sys.platform == "win32":
    from pathlib import WindowsPath as _Local
else:
    from pathlib import PosixPath as _Local

_URL = re.compile(r"([a-z][a-z0-9+.-]+):/{1,2}(?!/*$)")

#: Where a file that is put is there whole or not at all; elsewhere it is put under another name
#: and renamed.
_WHOLE: Final = frozenset(
    {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "hf", "oss", "r2", "memory"}
)
_READ_ONLY: Final = frozenset({"http", "https"})
_DATA: Final = (".jsonl", ".gz", ".parquet")

#: Packages of the drivers that are asked for most; of others, fsspec says which it is.
_PACKAGES: Final = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "hf": "huggingface_hub",
    "http": "aiohttp",
    "https": "aiohttp",
}

_SECRET_TEXT = re.compile(r"(?<=://)[^/@\s'\"]*:[^/@\s'\"]*@|\?[^\s'\")]*")

#: What was taken off URLs: by shown URL its query, by scheme and host the user information.
_queries: dict[str, str] = {}
_users: dict[str, str] = {}


class Remote(_Local):
    """A path behind a URL. Names, suffixes, parents and `/` work as on any path; of what reaches
    the files, reading does."""

    def __str__(self) -> str:
        scheme, _, rest = super().__str__().partition(":/")
        return f"{scheme}://{rest}"

    @property
    def scheme(self) -> str:
        """`s3` of `s3://bucket/rows.jsonl`."""
        return self.parts[0].removesuffix(":")

    def is_absolute(self) -> bool:
        return True

    def resolve(self, strict: bool = False) -> Remote:
        return self

    def is_symlink(self) -> bool:
        return False

    def samefile(self, other_path: Any) -> bool:
        return str(self) == str(other_path)

    def exists(self, *, follow_symlinks: bool = True) -> bool:
        return bool(self._info())

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return self._info().get("type") == "file"

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return self._info().get("type") == "directory"

    def _info(self) -> dict[str, Any]:
        try:
            return info(self)
        except FileNotFoundError:
            return {}

    def open(  # type: ignore[override]
        self,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        if mode.strip("bt") != "r":
            raise io.UnsupportedOperation("a remote file is written whole, by `upload`")
        with telling(self):
            fs, place = _driver(self)
            raw: IO[bytes] = fs.open(place, "rb")
        return raw if "b" in mode else io.TextIOWrapper(raw, encoding or "utf-8", errors, newline)

    def unlink(self, missing_ok: bool = False) -> None:
        with telling(self, "removed"):
            fs, place = _driver(self)
            try:
                fs.rm_file(place)
            except FileNotFoundError:
                if not missing_ok:
                    raise

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        """Object stores have no folders; elsewhere `upload` makes them."""


def located(path: str | os.PathLike[str]) -> Path:
    """A path, or a `Remote` where a URL is meant. `file://` is a plain path.

    Raises `DatasetError` for a URL that cannot be one of a dataset.
    """
    if isinstance(path, Remote):
        return path
    text = os.fspath(path)
    if "::" in text and "://" in text:
        raise DatasetError(
            "chained URLs are not read", where=shown(text), hint="name the file itself"
        )
    match = _URL.match(text)
    if match is None or (isinstance(path, Path) and path.exists()):
        return path if isinstance(path, Path) else Path(text)
    scheme, rest = match[1], text[match.end() :]
    if scheme == "file":
        return Path("/" + unquote(rest).lstrip("/"))
    return _remote(scheme, rest)


def _remote(scheme: str, rest: str) -> Remote:
    rest, _, query = rest.partition("?") if scheme in _READ_ONLY or "=" in rest else (rest, "", "")
    host, slash, place = rest.partition("/")
    user, at, host = host.rpartition("@")
    made = Remote(f"{scheme}://{host}{slash}{place}")
    if at and user:
        _users[f"{scheme}://{host}"] = user
    if query:
        # A file may be signed anew; of a service, another query may be other rows.
        named = made.name.endswith(_DATA)
        if not named and _queries.get(str(made), query) != query:
            raise DatasetError(
                "is named twice, with different queries",
                where=str(made),
                hint="save one of them as a file first",
            )
        _queries[str(made)] = query
    return made


def url_of(path: Remote) -> str:
    """The whole URL, with what was taken off it: for the driver, and for nothing that is shown."""
    text = str(path)
    found = urlsplit(text)
    user = _users.get(f"{found.scheme}://{found.netloc}", "")
    whole = text.replace("://", f"://{user}@", 1) if user else text
    query = _queries.get(text, "")
    return f"{whole}?{query}" if query else whole


def has_secret(text: str) -> bool:
    """Whether a text is a URL with a password, or one of a dataset with a query."""
    match = re.match(r"[a-z][a-z0-9+.-]+://", text)
    if match is None:
        return False
    place, _, query = text[match.end() :].partition("?")
    data = place.endswith(_DATA)
    return "@" in place.partition("/")[0] or (data and "=" in query)


def upload(staged: Path, target: Path) -> None:
    """Puts a finished local file at a remote place: it is there whole or not at all. Raises
    `DatasetError`."""
    require_writable(target)
    target = cast(Remote, target)
    with telling(target, "written"):
        fs, place = _driver(target)
        if target.scheme in _WHOLE:
            fs.put_file(str(staged), place)
        else:
            head, _, name = place.rpartition("/")
            fs.makedirs(head, exist_ok=True)
            fs.put_file(str(staged), f"{head}/.{name}.part")
            fs.mv(f"{head}/.{name}.part", place)


@contextmanager
def staged(target: Remote) -> Iterator[Path]:
    """A local name to write a file to; it is put in its place when the body has ended well."""
    import tempfile

    require_writable(target)
    with tempfile.TemporaryDirectory(prefix="heimdall-") as scratch:
        local = Path(scratch) / target.name
        yield local
        upload(local, target)


def require_writable(path: Path) -> None:
    """Refuses, before the work, a URL that can only be read or whose driver is missing."""
    if isinstance(path, Remote):
        if path.scheme in _READ_ONLY:
            raise DatasetError(
                "can only be read", where=str(path), hint="write to a folder or an object store"
            )
        with telling(path, "written"):
            _driver(path)


def info(path: Remote) -> dict[str, Any]:
    """What the store says of a file: `type`, `size`, and how it tells versions apart. Raises
    `FileNotFoundError`."""
    with telling(path, missing=True):
        fs, place = _driver(path)
        fs.invalidate_cache()
        found: dict[str, Any] = fs.info(place)
        return found


def version_of(path: Remote) -> int:
    """A number that changes when the file does."""
    with telling(path):
        fs, place = _driver(path)
        fs.invalidate_cache()
        found = fs.info(place)
    names = ("ETag", "etag", "md5Hash", "generation", "blob_id", "mtime", "LastModified", "created")
    import hashlib

    text = repr([(name, str(found[name])) for name in ("size", *names) if name in found])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


def listed(folder: Remote) -> dict[str, int] | None:
    """Files in a folder with their bytes; None where the protocol has no lists (`https://`)."""
    if folder.scheme in _READ_ONLY:
        return None
    with telling(folder):
        fs, place = _driver(folder)
        fs.invalidate_cache()
        found = fs.ls(place, detail=True)
        return {
            str(each["name"]).rstrip("/").rpartition("/")[2]: int(each["size"] or 0)
            for each in found
            if each["type"] == "file"
        }


def matching(pattern: Remote) -> list[Path]:
    """The files that a pattern names, by name."""
    if pattern.scheme in _READ_ONLY:
        raise DatasetError("has no lists to look patterns up in", where=str(pattern))
    with telling(pattern):
        fs, place = _driver(pattern)
        fs.invalidate_cache()
        found = fs.glob(place, detail=True)
        names = sorted(name for name, each in found.items() if each["type"] == "file")
        return [located(fs.unstrip_protocol(name)) for name in names]


@contextmanager
def telling(path: Path, verb: str = "read", *, missing: bool = False) -> Iterator[None]:
    """Turns whatever a driver raises into one clear line without secrets. With `missing`, a
    `FileNotFoundError` goes through."""
    try:
        yield
    except DatasetError:
        raise
    except FileNotFoundError:
        if missing:
            raise
        # Here and below not `from error`: its text may hold the whole URL, and a traceback
        # would print it.
        raise DatasetError(
            f"cannot be {verb}: No such file or directory", where=str(path)
        ) from None
    except Exception as error:  # noqa: BLE001 - drivers raise whatever their parts do
        raise DatasetError(f"cannot be {verb}: {reason_of(error)}", where=str(path)) from None


def reason_of(error: BaseException) -> str:
    """The first line of a driver's error, without what looks like a secret."""
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    line = next(iter(shown(reason).strip().splitlines()), type(error).__name__)
    return line if " " in line else f"{type(error).__name__} {line}"


def shown(text: str) -> str:
    """A text, such as a URL, with passwords and queries of URLs left out."""
    for secret in (*_queries.values(), *_users.values()):
        text = text.replace(secret, "…")
    return _SECRET_TEXT.sub("…", text)


def _driver(path: Remote) -> tuple[Any, str]:
    """The driver, and the place as it names it."""
    try:
        import fsspec  # type: ignore[import-untyped]
        from fsspec.registry import known_implementations  # type: ignore[import-untyped]
    except ImportError:
        raise _missing(path, "fsspec") from None
    try:
        fs, place = fsspec.core.url_to_fs(url_of(path))
    except ImportError:
        told = known_implementations.get(path.scheme, {}).get("err", "")
        raise _missing(path, _PACKAGES.get(path.scheme, ""), told) from None
    except ValueError as error:
        if path.scheme in fsspec.available_protocols():
            raise
        known = sorted({"s3", "gs", "hf", "az", "https", "file", "memory", "sftp", "ftp"})
        hint = did_you_mean(path.scheme, known)
        raise DatasetError(
            f"'{path.scheme}' is no protocol that fsspec knows", where=str(path), hint=hint
        ) from error
    return fs, place


def _missing(path: Remote, package: str, told: str = "") -> DatasetError:
    if not package:
        return DatasetError(f"its driver is not installed: {told or path.scheme}", where=str(path))
    return DatasetError(
        f"needs the package '{package}', which is not installed",
        where=str(path),
        hint=f"install it with: pip install {package}",
    )

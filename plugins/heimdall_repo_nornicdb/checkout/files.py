"""Walks a checkout: which files are read, and one line for each that cannot be.

Links are not followed, so that a cycle has no end to run into; a file is read once, whole, below a
limit of size, and decoded as UTF-8. What is passed over is counted by reason.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from attrs import define, field, frozen

from heimdall_core.errors import HeimdallError

#: No source or documentation file of a checkout is near this; a dump or a model is.
MAX_BYTES = 8_000_000

#: A line beyond this is data, not source: the file is passed over.
MAX_LINE = 200_000

_SKIPPED_FOLDERS = frozenset({".git", "node_modules", "vendor", "target", "dist", "__pycache__"})


class CheckoutError(HeimdallError):
    """A checkout that is none, or that cannot be read at all."""


@frozen
class SourceFile:
    """A file's text, with its path inside the checkout."""

    path: str
    """With forward slashes."""
    text: str


class _UnusableError(Exception):
    """A file that is passed over; its text says why."""


def _text(file: Path) -> str:
    """The text of a source file; raises `_UnusableError` for one that is none."""
    if file.is_symlink():
        raise _UnusableError("a link")
    if not file.is_file():
        raise _UnusableError("not a plain file")
    if file.stat().st_size > MAX_BYTES:
        raise _UnusableError(f"larger than {MAX_BYTES:,} bytes")
    data = file.read_bytes()
    if b"\0" in data:
        raise _UnusableError("binary")
    if max(map(len, data.split(b"\n")), default=0) > MAX_LINE:
        raise _UnusableError(f"a line longer than {MAX_LINE:,} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _UnusableError(f"not UTF-8 at byte {error.start}") from error
    return text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")


@define
class Files:
    """The readable files of a checkout, and what was passed over."""

    root: Path
    note: Callable[[str], None]
    skipped: Counter[str] = field(factory=Counter)
    """Files passed over, by reason."""
    _seen: set[str] = field(factory=set, init=False)

    def read(self, path: str) -> SourceFile | None:
        """One file, or None, noted, where it is missing or cannot be read."""
        file = self.root / path
        if not file.is_file() and not file.is_symlink():
            self._skip(path, "missing")
            return None
        return self._load(file)

    def walk(self, *suffixes: str) -> Iterator[SourceFile]:
        """Every readable file with one of the suffixes, in the order of their paths."""
        for file in self._paths(suffixes):
            found = self._load(file)
            if found is not None:
                yield found

    def _paths(self, suffixes: tuple[str, ...]) -> Iterator[Path]:
        for folder, names, files in os.walk(self.root, onerror=self._unreadable):
            base = Path(folder)
            for name in sorted(names):
                if (base / name).is_symlink():
                    self._skip(self._relative(base / name), "a link to a folder")
            names[:] = sorted(n for n in names if n not in _SKIPPED_FOLDERS)
            for name in sorted(files):
                if name.endswith(suffixes):
                    yield base / name

    def _unreadable(self, error: OSError) -> None:
        self._skip(self._relative(Path(error.filename)), "a folder that cannot be read")

    def _load(self, file: Path) -> SourceFile | None:
        path = self._relative(file)
        try:
            return SourceFile(path, _text(file))
        except _UnusableError as error:
            self._skip(path, str(error))
        except OSError as error:
            self._skip(path, f"unreadable ({error.strerror or type(error).__name__})")
        return None

    def _relative(self, file: Path) -> str:
        return PurePosixPath(file.relative_to(self.root)).as_posix()

    def _skip(self, path: str, reason: str) -> None:
        if path in self._seen:
            return
        self._seen.add(path)
        kind = reason.partition(" at byte")[0].partition(" (")[0]
        self.skipped[kind] += 1
        self.note(f"{path}: passed over: {reason}")


def open_files(root: Path, note: Callable[[str], None]) -> Files:
    """The files below `root`. Raises `CheckoutError` where that is no folder."""
    if not root.is_dir():
        what = "is not a folder" if root.exists() else "does not exist"
        raise CheckoutError(
            f"the checkout {what}",
            where=str(root),
            hint="give --repo the folder of a NornicDB clone",
        )
    return Files(root.resolve(), note)

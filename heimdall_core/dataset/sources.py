"""Reading files that nobody has vouched for: folders with cyclic links, gzip, lines without an end,
binary data, files that may not be read. Each trouble is counted and told in one line, and the
reading goes on with what is left.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, cast

from attrs import define, field

from heimdall_core.errors import DatasetError

#: A longer line is dropped: a file without line ends must not be read into memory whole.
LONGEST_LINE = 2**20

#: Troubles that are told one by one; the others are only counted.
_TOLD = 3
_HEAD = 8192
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"


@define
class Tally:
    """What was left out of some input, by reason, and the first few places."""

    note: Callable[[str], None] = lambda text: None
    counts: Counter[str] = field(factory=Counter)
    """Things left out, by reason."""
    seen: Counter[str] = field(factory=Counter)
    """Things that were read, by kind."""

    def add(self, reason: str, where: str = "", detail: str = "") -> None:
        """Counts one thing that is left out, and says where unless that was said often enough."""
        self.counts[reason] += 1
        if where and self.counts[reason] <= _TOLD:
            self.note(f"{where}: {detail or reason}")

    def trouble(self, path: Path, error: BaseException) -> None:
        """A file, or the rest of one, that cannot be read."""
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        self.counts["unreadable file"] += 1
        self.note(f"{path}: cannot be read: {reason}")

    def summary(self) -> str:
        """`1,204 records read; left out: 12 truncated, 3 failed`."""
        read = ", ".join(f"{count:,} {kind}" for kind, count in self.seen.items())
        out = ", ".join(f"{count:,} {reason}" for reason, count in self.counts.most_common())
        return f"{read or 'nothing'} read" + (f"; left out: {out}" if out else "")


def files_under(
    paths: Iterable[Path], wanted: Callable[[Path], bool], tally: Tally
) -> Iterator[Path]:
    """The files that `paths` name, and those in the folders among them that `wanted` is true of,
    in the order of their names. Links are followed, each folder and file once."""
    folders: set[tuple[int, int]] = set()
    files: set[tuple[int, int]] = set()
    for path in paths:
        if not path.exists():
            raise DatasetError("does not exist", where=str(path))
        if not path.is_dir():
            yield from _once(path, files, tally)
            continue
        waiting = [path]
        while waiting:
            folder = waiting.pop()
            try:
                if not _new(folder, folders):
                    tally.add("folder that links to itself", str(folder))
                    continue
                entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
            except OSError as error:
                tally.trouble(folder, error)
                continue
            waiting += [entry for entry in reversed(entries) if _is(entry, "dir")]
            for entry in entries:
                if not _is(entry, "dir") and wanted(entry):
                    yield from _once(entry, files, tally)


def open_plain(path: Path) -> IO[bytes]:
    """The file's bytes, unpacked where it is gzip, whatever its name says. Raises `OSError`."""
    file = path.open("rb")
    if file.read(2) == _GZIP:
        file.close()
        return cast(IO[bytes], gzip.open(path, "rb"))
    file.seek(0)
    return file


def head_of(path: Path, tally: Tally, size: int = _HEAD) -> bytes | None:
    """The first bytes of a text file; None, with the reason counted, where it is none."""
    try:
        if not path.is_file():
            tally.add("not a file", str(path), "is not a file")
            return None
        with open_plain(path) as file:
            head = file.read(size)
    except (OSError, EOFError, zlib.error) as error:
        tally.trouble(path, error)
        return None
    if b"\0" in head:
        tally.add("binary file", str(path), "is a binary file")
        return None
    return head


def raw_lines(path: Path, tally: Tally, longest: int = LONGEST_LINE) -> Iterator[tuple[int, bytes]]:
    """Numbered lines without their ends. A line over `longest` bytes is dropped and counted; what
    cannot be read ends the file with one line of explanation."""
    try:
        with open_plain(path) as file:
            number, first = 0, True
            while raw := file.readline(longest + 1):
                number += 1
                if first:
                    raw, first = raw.removeprefix(_BOM), False
                if len(raw) > longest and not raw.endswith(b"\n"):
                    size = len(raw)
                    while rest := file.readline(2**16):
                        size += len(rest)
                        if rest.endswith(b"\n"):
                            break
                    tally.add("line too long", f"{path}:{number}", f"a line of {size:,} bytes")
                    continue
                yield number, raw.rstrip(b"\r\n")
    except (OSError, EOFError, zlib.error) as error:
        tally.trouble(path, error)


def _once(path: Path, files: set[tuple[int, int]], tally: Tally) -> Iterator[Path]:
    try:
        if _new(path, files):
            yield path
    except OSError as error:
        tally.trouble(path, error)


def _new(path: Path, known: set[tuple[int, int]]) -> bool:
    state = os.stat(path)  # noqa: PTH116 - follows links, as reading does
    key = (state.st_dev, state.st_ino)
    if key in known:
        return False
    known.add(key)
    return True


def _is(path: Path, kind: str) -> bool:
    """`Path.is_dir` that takes a cycle of links for no folder."""
    try:
        return path.is_dir() if kind == "dir" else path.is_file()
    except (OSError, RuntimeError):
        return False

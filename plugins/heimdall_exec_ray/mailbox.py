"""Words from the workers of a training to the process that started it: events, files, results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Final

from heimdall_core.errors import HeimdallError

#: Bytes of a file that are on their way at a time.
CHUNK: Final = 1 << 25

Letter = tuple[str, Any]


class Mailbox:
    """An actor of the cluster, on the machine that reads it."""

    def __init__(self) -> None:
        self._letters: list[Letter] = []
        self._errors: dict[int, HeimdallError] = {}

    def put(self, kind: str, value: Any) -> None:
        """Leaves a letter."""
        self._letters.append((kind, value))

    def take(self) -> list[Letter]:
        """All letters that have come since the last time, oldest first."""
        found, self._letters = self._letters, []
        return found

    def fail(self, rank: int, error: HeimdallError) -> None:
        """Something the user must mend: no other try would end otherwise."""
        self._errors.setdefault(rank, error)

    def failed(self) -> HeimdallError | None:
        """What the user must mend, in the words of the first worker that told."""
        return next(iter(self._errors.values()), None)


def letters_of(folder: Path) -> Iterator[Letter]:
    """A folder's files as letters, in pieces."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        with path.open("rb") as file:
            first = True
            while (data := file.read(CHUNK)) or first:
                yield "file", (name, data, first)
                first = False


def unpack(folder: Path, value: tuple[str, bytes, bool]) -> None:
    """Writes one piece of a file into `folder`, and nowhere else."""
    name, data, first = value
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts:
        raise HeimdallError(f"a worker sent a file called {name}", where="Ray")
    path = folder / parts
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb" if first else "ab") as file:
        file.write(data)

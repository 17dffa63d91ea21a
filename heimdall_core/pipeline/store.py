"""Where a run lives: content-addressed stage outputs, their manifests, and the run's lock.

runs/<name>/
  recipe.toml                 the resolved recipe; it can be run again
  manifest.json               what the newest run came to: stages, metrics, artefacts
  log.jsonl                   one JSON object per event
  lock                        held while a run is under way; a dead process does not hold it
  stages/<stage>-<key>/       a finished output and its stage.json; never half-written
  stages/.partial-<…>/        an output in the making, thrown away when found
  work/<stage>-<key>/         checkpoints, kept until their stage has ended
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from heimdall_core.errors import HeimdallError, StageError

MANIFEST = "stage.json"


@frozen
class OutputFile:
    """A file of a stage's output."""

    path: str
    """Relative to the output folder, with `/`."""
    bytes: int
    sha256: str
    mtime_ns: int
    """With the size, tells cheaply that a file is still the one that was hashed."""


@frozen
class StageRecord:
    """What `stage.json` says about a finished stage."""

    stage: str
    key: str
    inputs: Mapping[str, str]
    """Stage → digest of its output."""
    options: Mapping[str, Any]
    versions: Mapping[str, str]
    seed: int
    seconds: float
    peak_bytes: int
    digest: str
    """SHA-256 over the output's files; what later stages are keyed by."""
    files: tuple[OutputFile, ...]
    metrics: Mapping[str, Any]
    counts: Mapping[str, Any]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            name: [vars_of(f) for f in self.files] if name == "files" else getattr(self, name)
            for name in (a.name for a in self.__attrs_attrs__)
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> StageRecord:
        """The record that `to_dict` wrote."""
        return cls(
            **{
                **data,
                "files": tuple(OutputFile(**f) for f in data["files"]),
                "notes": tuple(data["notes"]),
            }
        )


def vars_of(file: OutputFile) -> dict[str, Any]:
    """The file's entry in a manifest."""
    return {
        "path": file.path,
        "bytes": file.bytes,
        "sha256": file.sha256,
        "mtime_ns": file.mtime_ns,
    }


def digest_json(value: Any) -> str:
    """SHA-256 of plain JSON, the same for the same value whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def digest_file(path: Path) -> str:
    """SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_json(path: Path, value: Any) -> None:
    """Writes JSON under a temporary name, synced, then renamed."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(value, file, ensure_ascii=False, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


class RunFolder:
    """One run's folder below `runs/`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.stages = root / "stages"
        self.work = root / "work"

    def output(self, stage: str, key: str) -> Path:
        """Where a finished stage lies."""
        return self.stages / f"{stage}-{key[:16]}"

    def work_folder(self, stage: str, key: str) -> Path:
        """Where a stage keeps what lets it resume."""
        return self.work / f"{stage}-{key[:16]}"

    def find(self, stage: str, key: str) -> StageRecord | None:
        """The finished stage of that key, or None where there is none or it was changed."""
        folder = self.output(stage, key)
        try:
            record = StageRecord.from_dict(
                json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            )
        except (OSError, ValueError, TypeError, KeyError):
            return None
        if record.key != key or not all(_unchanged(folder, f) for f in record.files):
            return None
        return record

    def previous(self, stage: str) -> StageRecord | None:
        """The newest finished output of a stage, whatever its key."""
        found = []
        for path in self.stages.glob(f"{stage}-*/{MANIFEST}"):
            try:
                record = StageRecord.from_dict(json.loads(path.read_text(encoding="utf-8")))
            except (OSError, ValueError, TypeError, KeyError):
                continue
            found.append((path.stat().st_mtime_ns, record))
        return max(found, key=lambda pair: pair[0])[1] if found else None

    @contextmanager
    def making(self, stage: str, key: str) -> Iterator[Path]:
        """An empty folder to write a stage's output into; thrown away if the body raises."""
        partial = self.stages / f".partial-{stage}-{key[:16]}"
        shutil.rmtree(partial, ignore_errors=True)
        try:
            partial.mkdir(parents=True)
        except OSError as error:
            raise StageError(f"cannot be made: {error.strerror}", where=str(partial)) from error
        try:
            yield partial
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise

    def commit(self, partial: Path, record: StageRecord) -> Path:
        """Moves a complete output to its place, its manifest inside it."""
        final = self.output(record.stage, record.key)
        write_json(partial / MANIFEST, record.to_dict())
        _sync_tree(partial)
        if final.exists():  # a damaged one, or `find` would have returned it
            shutil.rmtree(final)
        partial.rename(final)
        shutil.rmtree(self.work_folder(record.stage, record.key), ignore_errors=True)
        return final

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Refuses a second run on this folder. The lock is the kernel's: it ends with its
        process, however that ends."""
        from filelock import FileLock, Timeout

        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self.stages.mkdir(exist_ok=True)
        except OSError as error:
            raise HeimdallError(
                f"cannot be written: {error.strerror}", where=str(self.root)
            ) from error
        lock = FileLock(self.root / "lock", timeout=0)
        try:
            lock.acquire()
        except Timeout as error:
            raise HeimdallError(
                "another run is at work in this folder",
                where=str(self.root),
                hint="wait for it, or give this one another name with --name",
            ) from error
        try:
            yield
        finally:
            lock.release()


def hash_files(folder: Path) -> tuple[OutputFile, ...]:
    """Every file below a folder, hashed, in the order of their paths."""
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        if path.name == MANIFEST and path.parent == folder:
            continue
        status = path.stat()
        name = path.relative_to(folder).as_posix()
        found.append(OutputFile(name, status.st_size, digest_file(path), status.st_mtime_ns))
    return tuple(found)


def digest_files(files: tuple[OutputFile, ...]) -> str:
    """One digest for a whole output: names and contents."""
    return digest_json([[f.path, f.sha256] for f in files])


def _unchanged(folder: Path, file: OutputFile) -> bool:
    path = folder / file.path
    try:
        status = path.stat()
    except OSError:
        return False
    if status.st_size != file.bytes:
        return False
    return status.st_mtime_ns == file.mtime_ns or digest_file(path) == file.sha256


def _sync_tree(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())

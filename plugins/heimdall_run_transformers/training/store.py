"""Checkpoints where every machine reaches them: a shared folder or an object store, through fsspec.

    <url>/<run>/run.json                          written first: the place can be written to
    <url>/<run>/checkpoint-<step>.safetensors     the newest one
    <url>/<run>/latest.json                       its name and digest; replaced after it is whole

`<run>` is the beginning of the run's fingerprint, so runs of other data or settings do not meet.
A process that dies at any moment leaves `latest.json` with a checkpoint that is whole.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from heimdall_core.dataset.remote import reason_of
from heimdall_core.errors import HeimdallError, ModelError
from heimdall_run_transformers.training.checkpoint import FILE, read_progress
from heimdall_run_transformers.training.places import SETTING, open_place, write_small
from heimdall_run_transformers.training.processes import Processes

_POINTER: Final = "latest.json"


@frozen
class Store:
    """A place for checkpoints besides the run's own folder; none without `url`."""

    url: str | None = None

    def find(
        self, work: Path, fingerprint: str, processes: Processes, warn: Callable[[str], None]
    ) -> Path | None:
        """The file of the newest checkpoint of this run that any of the processes has or the place
        holds; where this process lacks it, it is sent. All processes must ask together.

        Raises `ModelError` where the place cannot be read or written.
        """
        processes.in_turn(lambda: self._fetch(work, fingerprint, warn) if processes.first else None)
        own = _step(work / FILE, fingerprint)
        steps = processes.gather(own)
        newest = max(steps)
        if newest < 0:
            return None
        if min(steps) == newest:
            return work / FILE
        lacking = own < newest
        path = work / f".{FILE}.sent{processes.rank}" if lacking else work / FILE
        processes.send_file(path, steps.index(newest), needed=lacking)
        return path

    def keep(self, file: Path, fingerprint: str, step: int) -> None:
        """Copies a checkpoint to the place and removes the one before it. Raises `ModelError`
        where that fails; what was there before is untouched then."""
        if self.url is None:
            return
        try:
            system, folder = self._folder(fingerprint)
            name = f"checkpoint-{step:08d}.safetensors"
            system.put_file(str(file), posixpath.join(folder, name))
            pointer = {"file": name, "step": step, "sha256": _digest(file)}
            write_small(system, posixpath.join(folder, _POINTER), json.dumps(pointer))
            for path in system.ls(folder, detail=False):
                older = posixpath.basename(path)
                if older.startswith("checkpoint-") and older != name:
                    system.rm_file(path)
        except Exception as error:  # each kind of store has its own
            raise self._error("the checkpoint cannot be copied", error) from error

    def _fetch(self, work: Path, fingerprint: str, warn: Callable[[str], None]) -> None:
        """Brings the place's checkpoint into `work`, where it is newer than what lies there."""
        if self.url is None:
            return
        try:
            system, folder = self._folder(fingerprint)
            system.makedirs(folder, exist_ok=True)
            about = {"fingerprint": fingerprint, "host": socket.gethostname()}
            write_small(system, posixpath.join(folder, "run.json"), json.dumps(about))
            pointer = posixpath.join(folder, _POINTER)
            if not system.exists(pointer):
                if len(system.ls(posixpath.dirname(folder), detail=False)) > 1:
                    warn(
                        f"{self.url} holds no checkpoint of this data and these settings, but "
                        "those of others; starting anew"
                    )
                return
            latest: dict[str, Any] = json.loads(system.cat_file(pointer))
            if latest["step"] <= _step(work / FILE, fingerprint):
                return
            part = work / f".{FILE}.part"
            system.get_file(posixpath.join(folder, latest["file"]), str(part))
        except HeimdallError:
            raise
        except Exception as error:  # each kind of store has its own
            raise self._error("cannot be used for checkpoints", error) from error
        if _digest(part) != latest["sha256"]:
            part.unlink()
            raise ModelError(
                f"the checkpoint {latest['file']} is damaged: its digest is another one",
                where=f"{self.url}/{fingerprint[:16]}",
                hint="delete that folder to start anew",
            )
        part.replace(work / FILE)

    def _folder(self, fingerprint: str) -> tuple[Any, str]:
        system, root = open_place(self.url or "")
        return system, posixpath.join(root, fingerprint[:16])

    def _error(self, what: str, error: Exception) -> ModelError:
        return ModelError(
            f"{what}: {reason_of(error)}",
            where=f"{SETTING} = {self.url}",
            hint="look at the address, the credentials in the environment and the room there",
        )


def _step(file: Path, fingerprint: str) -> int:
    found = read_progress(file, fingerprint)
    return -1 if found is None else found.step


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()

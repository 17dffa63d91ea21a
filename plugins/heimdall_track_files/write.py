"""Writes what a training reports into `metrics.jsonl`, and, as a table, into `metrics.csv`."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any, TextIO

from attrs import define, field

from heimdall_core.types import Event, Json, StageInfo

JSONL, CSV = "metrics.jsonl", "metrics.csv"


@define
class FileTracker:
    """The training that is under way, if any. A resumed one is added to what is there."""

    _folder: Path | None = None
    _file: TextIO | None = None
    _columns: list[str] = field(factory=list)

    def start(self, info: StageInfo) -> None:
        """Opens the file of a training, where this tracker is wanted."""
        self.close()
        if "files" not in info.tracking.get("trackers", ()):
            return
        self._folder = Path(info.tracking["folder"])
        self._folder.mkdir(parents=True, exist_ok=True)
        self._file = (self._folder / JSONL).open("a", encoding="utf-8", buffering=1)

    def record(self, event: Event) -> None:
        """A metric is a line; anything else is passed over."""
        if self._file is None or event.kind != "metric" or event.stage not in ("", "train"):
            return
        entry = {"step": int(event.done), **event.values}
        self._file.write(json.dumps(entry) + "\n")

    def finish(self, info: StageInfo) -> None:
        """Closes the training, and writes the table."""
        folder = self._folder
        self.close()
        if folder is not None:
            moved = folder if folder.is_dir() else Path(info.tracking["folder"])
            write_table(moved)

    def close(self) -> None:
        """Closes what is open."""
        if self._file is not None:
            self._file.close()
        self._file = self._folder = None


def write_table(folder: Path) -> None:
    """`metrics.csv` from `metrics.jsonl`: a row for each step, a column for each figure. Where a
    step was logged twice, because a killed training went on before it, the later line counts."""
    steps: dict[int, dict[str, Any]] = {}
    for line in (folder / JSONL).read_text("utf-8").splitlines():
        entry: Json = json.loads(line)
        steps.setdefault(int(entry["step"]), {}).update(entry)
    columns = list(dict.fromkeys(key for entry in steps.values() for key in entry))
    with (folder / CSV).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(steps[step] for step in sorted(steps))

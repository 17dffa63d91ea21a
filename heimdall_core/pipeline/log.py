"""A run's log: `log.jsonl`, one JSON object a line, each written as it happens.

    {"time": "2026-11-25T22:10:03.120Z", "attempt": "5f0c9a1e", "run": "nano", "stage": "train",
     "kind": "metric", "message": "", "done": 20, "total": 400, "values": {"loss": 0.82}}

`kind` is that of the event (`note`, `metric`, `warning`, `progress`), or `failed` or `ended` for a
stage of the name `run`. A run that goes on after it was stopped adds to the log, as a new attempt.
"""

from __future__ import annotations

import datetime
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from heimdall_core.dataset.remote import shown
from heimdall_core.types import Event

LOG: Final = "log.jsonl"

#: Seconds between two lines of progress of one work.
_EVERY = 10.0


@contextmanager
def run_log(folder: Path, run: str) -> Iterator[Callable[[Event], None]]:
    """An observer that writes events into a run's log. Of progress, a line every ten seconds and
    the last one. Passwords and queries of URLs are left out."""
    attempt = os.urandom(4).hex()
    told: dict[tuple[str, str], float] = {}
    with (folder / LOG).open("a", encoding="utf-8", buffering=1) as file:

        def write(event: Event, kind: str = "") -> None:
            if event.kind == "progress" and not _is_due(event, told):
                return
            entry: dict[str, Any] = {
                "time": datetime.datetime.now(datetime.UTC)
                .isoformat(timespec="milliseconds")
                .replace("+00:00", "Z"),
                "attempt": attempt,
                "run": run,
                "stage": event.stage,
                "kind": kind or event.kind,
                "message": shown(event.message),
            }
            if event.done or event.total:
                entry |= {"done": _plain(event.done), "total": _plain(event.total)}
            if event.values:
                entry["values"] = {name: _plain(value) for name, value in event.values.items()}
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")

        try:
            yield write
        except BaseException as error:
            write(Event("warning", "run", f"{type(error).__name__}: {error}"), "failed")
            raise
        write(Event("note", "run"), "ended")


def _is_due(event: Event, told: dict[tuple[str, str], float]) -> bool:
    now, work = time.monotonic(), (event.stage, event.message)
    if event.done < event.total and now - told.get(work, -math.inf) < _EVERY:
        return False
    told[work] = now
    return True


def _plain(value: float) -> float | None:
    """As JSON has it: no NaN, no Infinity."""
    return value if math.isfinite(value) else None

"""Outcomes of a run as they come, on the disk, to be read back in the order of the prompts. Thrown
away at the end: after a kill they are made again from the cache, which costs nothing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator

from attrs import frozen

from heimdall_core.dataset import dump_example
from heimdall_gen_distill.outcomes import Outcome


@frozen
class Line:
    """An outcome as it is written down."""

    index: int
    status: str
    row: str
    """The accepted row, as a line of the dataset."""
    reject: str
    """What was not accepted, as a line of the rejects."""


class Journal:
    """A table of outcomes in a temporary file."""

    def __init__(self) -> None:
        # Without a name, SQLite keeps it in a temporary file that ends with the process, however
        # that ends.
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._db.execute("pragma journal_mode = off")
        self._db.execute("pragma synchronous = off")
        self._db.execute("pragma cache_size = -4096")
        self._db.execute(
            "create table outcomes (at integer primary key, status text, row text, reject text)"
        )
        self._db.execute("create table asked (key blob primary key) without rowid")
        self.usd, self.tokens = 0.0, 0
        """What all answers cost, those of earlier runs too; one that several prompts have, once."""
        self._pending: list[tuple[int, str, str, str]] = []

    def add(self, outcome: Outcome) -> None:
        """Writes an outcome down."""
        for answer in outcome.answers:
            if self.is_new(bytes.fromhex(answer.key)[:8]):
                self.usd += answer.usd
                self.tokens += answer.prompt_tokens + answer.answer_tokens
        row = dump_example(outcome.row) if outcome.row is not None else ""
        reject = ""
        if outcome.status != "accepted":
            item = outcome.item
            told = {
                "where": item.where.rsplit("/", 1)[-1],
                "status": outcome.status,
                "reason": outcome.reason,
                "question": item.question,
                "query": item.query,
                "answer": outcome.text,
            }
            reject = json.dumps({k: v for k, v in told.items() if v}, ensure_ascii=False)
        self._pending.append((outcome.item.index, outcome.status, row, reject))
        if len(self._pending) >= 256:
            self._flush()

    def lines(self) -> Iterator[Line]:
        """All of them, in the order of the prompts."""
        self._flush()
        for line in self._db.execute("select at, status, row, reject from outcomes order by at"):
            yield Line(*line)

    def is_new(self, key: bytes) -> bool:
        """Whether this key is asked about for the first time: 16 bytes of a prompt, 8 of an
        answer."""
        before = self._db.total_changes
        self._db.execute("insert or ignore into asked values (?)", (key,))
        return self._db.total_changes > before

    def close(self) -> None:
        """Throws it away."""
        self._db.close()

    def _flush(self) -> None:
        self._db.execute("begin")
        self._db.executemany("insert or replace into outcomes values (?, ?, ?, ?)", self._pending)
        self._db.execute("commit")
        self._pending.clear()

"""Answers that were paid for, kept under the request alone: they outlive a killed run, a change of
the code, and serve every run on this machine. Failures and refusals are never kept."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import frozen

from heimdall_core.errors import HeimdallError
from heimdall_core.types import Json, TeacherAnswer

_TABLE = """
create table if not exists answers (
    key text primary key, teacher text not null, model text not null, text text not null,
    prompt_tokens integer not null, answer_tokens integer not null, finish text not null,
    asked text not null
) without rowid
"""


@frozen
class Kept:
    """An answer in the cache."""

    answer: TeacherAnswer
    asked: str
    """When, in UTC."""


def default_folder() -> Path:
    """Where answers are kept unless said otherwise."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "heimdall"


_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def request_text(teacher: str, rendered: Json) -> bytes:
    """The teacher and the request as it is sent, nothing else: always the same bytes."""
    return _ENCODER.encode([teacher, rendered]).encode("utf-8", "surrogatepass")


def text_key(text: bytes) -> str:
    """What the answer to a request is kept under."""
    return hashlib.sha256(text).hexdigest()


def request_key(teacher: str, rendered: Json) -> str:
    """Both in one."""
    return text_key(request_text(teacher, rendered))


class AnswerCache:
    """One SQLite file. Every answer is committed by itself before it is used."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "answers.sqlite"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                self.path, timeout=60, isolation_level=None, check_same_thread=False
            )
            # A write-ahead log survives the end of the process at any moment.
            self._db.execute("pragma journal_mode = wal")
            self._db.execute("pragma synchronous = normal")
            self._db.execute(_TABLE)
        except (OSError, sqlite3.Error) as error:
            raise HeimdallError(f"cannot be used: {error}", where=str(self.path)) from error

    def get(self, key: str) -> Kept | None:
        """The answer under a key."""
        found = self._run(
            "select text, prompt_tokens, answer_tokens, finish, asked from answers where key = ?",
            (key,),
        )
        if found is None:
            return None
        text, prompt_tokens, answer_tokens, finish, asked = found
        return Kept(TeacherAnswer(text, prompt_tokens, answer_tokens, finish), asked)

    def has(self, key: str) -> bool:
        """Whether there is an answer under a key."""
        return self._run("select 1 from answers where key = ?", (key,)) is not None

    def put(self, key: str, teacher: str, model: str, answer: TeacherAnswer) -> str:
        """Keeps an answer; returns the time that it is kept with."""
        asked = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if answer.finish in ("stop", "length") and answer.text.strip():
            values = (answer.text, answer.prompt_tokens, answer.answer_tokens, answer.finish)
            self._run(
                "insert or ignore into answers values (?, ?, ?, ?, ?, ?, ?, ?)",
                (key, teacher, model, *values, asked),
            )
        return asked

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    def _run(self, statement: str, values: tuple[Any, ...]) -> Any:
        try:
            return self._db.execute(statement, values).fetchone()
        except sqlite3.Error as error:
            raise HeimdallError(f"cannot be used: {error}", where=str(self.path)) from error

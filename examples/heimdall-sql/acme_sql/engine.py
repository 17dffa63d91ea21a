"""SQLite in memory behind the core's `Engine`: every query with a time and a row limit, and undone
afterwards, so that one query's changes are not seen by the next."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from heimdall_core import EngineResult, HeimdallError

SECONDS = 5.0
ROWS = 10_000


class SqliteEngine:
    """One in-memory database."""

    name = "sqlite"

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._connection = sqlite3.connect(":memory:", isolation_level=None)

    def load(self, statements: Sequence[str]) -> None:
        """Runs set-up statements; raises `HeimdallError` for the first that fails."""
        for statement in statements:
            try:
                self._connection.execute(statement)
            except sqlite3.Error as error:
                raise HeimdallError(str(error), where=statement[:60]) from error

    def run(self, query: str, parameters: Any = None) -> EngineResult:
        """Rows of a query, or why there are none. Changes are undone."""
        deadline = time.monotonic() + self._seconds
        self._connection.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
        self._connection.execute("SAVEPOINT asked")
        try:
            cursor = self._connection.execute(query, dict(parameters or {}))
            rows = cursor.fetchmany(ROWS + 1)
            columns = tuple(column[0] for column in cursor.description or ())
        except sqlite3.Error as error:
            timeout = "interrupted" in str(error)
            return EngineResult(error=str(error), error_kind="timeout" if timeout else "runtime")
        finally:
            self._connection.set_progress_handler(None, 0)
            self._connection.execute("ROLLBACK TO asked")
        if len(rows) > ROWS:
            return EngineResult(error=f"more than {ROWS} rows", error_kind="too_many_rows")
        return EngineResult(columns, tuple(tuple(row) for row in rows))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()


def open_engine(name: str) -> SqliteEngine:
    """The engine of that name; there is one."""
    if name not in ("", "sqlite"):
        raise HeimdallError(f"unknown engine '{name}'", hint="Available: sqlite")
    return SqliteEngine()

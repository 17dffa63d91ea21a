"""A server that speaks Bolt (Neo4j, NornicDB, Memgraph), with the data that it holds.

Nothing is filled in and nothing is left behind: each query runs in a transaction of its own that
is rolled back, in access mode READ unless it is meant to write.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from heimdall_core.errors import HeimdallError, missing_extra
from heimdall_core.types import EngineResult
from heimdall_eval_execution.graphs import State, bag
from heimdall_eval_execution.options import ExecutionOptions

#: Rows that are fetched of one result.
_MOST_ROWS = 10_000

#: Seconds that a server may take to let somebody in, however short a query's limit is.
_CONNECT = 5.0

#: Seconds beyond the time limit in which a server may still say that it was reached.
_GRACE = 2.0


class BoltGraph:
    """The graph of a server's database."""

    count = 1

    def __init__(self, options: ExecutionOptions) -> None:
        """Connects. Raises `HeimdallError` where the driver is missing, the address is none, or
        nobody answers there."""
        if not options.uri:
            raise HeimdallError(
                "the engine 'bolt' needs an address",
                where="execution.uri",
                hint='such as uri = "bolt://localhost:7687"',
            )
        try:
            import neo4j
        except ImportError as error:
            raise missing_extra("neo4j", "bolt", "the engine 'bolt'") from error
        self._neo4j: Any = neo4j
        self._driver: Any = None
        self._options = options
        password = os.environ.get(options.password_variable, "")
        if options.user and not password:
            raise HeimdallError(
                f"the environment variable {options.password_variable} holds no password",
                where="execution.password_variable",
            )
        self._password = password
        _quiet()
        self.agent = ""
        """What the server calls itself."""
        self.lost = ""
        """Why nothing is run any more; '' while the server answers."""
        self._connect()

    def _connect(self) -> None:
        options, password = self._options, self._password
        try:
            self._driver = self._neo4j.GraphDatabase.driver(
                options.uri,
                auth=(options.user, password) if options.user else None,
                connection_timeout=max(options.timeout, _CONNECT),
                connection_acquisition_timeout=max(options.timeout, _CONNECT),
                max_transaction_retry_time=0,
                notifications_min_severity=None,
            )
            self._driver.verify_connectivity()
            self.agent = str(self._driver.get_server_info().agent)
        except Exception as error:  # many types: address, DNS, TLS, authentication
            raise HeimdallError(
                f"the server does not answer: {_line(error)}", where=options.uri
            ) from error

    def unfit(self, schema: str) -> str:
        """A server holds what it holds."""
        return ""

    def open(self, schema: str, reference: str, number: int) -> str:
        """Nothing to fill."""
        return ""

    def run(self, query: str) -> EngineResult:
        """A query that reads, in a read transaction."""
        return self._limited(query, self._neo4j.READ_ACCESS, look=False)[0]

    def run_writing(self, query: str) -> tuple[EngineResult, State]:
        """A query that writes; its transaction is rolled back after a look at the graph."""
        return self._limited(query, self._neo4j.WRITE_ACCESS, look=True)

    def _limited(self, query: str, mode: str, *, look: bool) -> tuple[EngineResult, State]:
        """The query's result. One that was cut short because the server went away is run again
        where it is back, and says that the server is lost where it is not."""
        if self.lost:
            return EngineResult(error=self.lost, error_kind="crash"), ((), ())
        found = self._once(query, mode, look=look)
        if found[0].error_kind == "crash" and self._reconnected():
            found = self._once(query, mode, look=look)
        return found

    def _reconnected(self) -> bool:
        """Opens a connection in place of one that is of no use any more; whether it was given."""
        _cut(self._driver)
        try:
            self._connect()
        except HeimdallError as error:
            self.lost = str(error)
        return not self.lost

    def _once(self, query: str, mode: str, *, look: bool) -> tuple[EngineResult, State]:
        """Ends the waiting where the server does not keep to the transaction's own time limit. The
        connection is then given up, which ends the transaction."""
        answers: queue.SimpleQueue[tuple[EngineResult, State]] = queue.SimpleQueue()
        driver = self._driver

        def work() -> None:
            answers.put(self._in_session(driver, query, mode, look=look))

        threading.Thread(target=work, daemon=True).start()
        try:
            return answers.get(timeout=self._options.timeout + _GRACE)
        except queue.Empty:
            self._reconnected()
            error = f"no answer within {self._options.timeout:g} s"
            return EngineResult(error=error, error_kind="timeout"), ((), ())

    def _in_session(
        self, driver: Any, query: str, mode: str, *, look: bool
    ) -> tuple[EngineResult, State]:
        chosen = {"database": self._options.database} if self._options.database else {}
        try:
            with driver.session(default_access_mode=mode, **chosen) as session:
                return self._in_transaction(session, query, look=look)
        except Exception as error:  # noqa: BLE001 - the driver raises its own and the network's
            return self._failed(error), ((), ())

    def _in_transaction(
        self, session: Any, query: str, *, look: bool
    ) -> tuple[EngineResult, State]:
        empty: State = ((), ())
        try:
            transaction = session.begin_transaction(timeout=self._options.timeout)
        except Exception as error:  # noqa: BLE001 - the driver raises its own and the network's
            return self._failed(error), empty
        try:
            result = _fetch(transaction.run(query))
            if look and not result.error:
                nodes = _fetch(transaction.run("MATCH (n) RETURN n"))
                links = _fetch(transaction.run("MATCH (a)-[r]->(b) RETURN a, r, b"))
                return result, (bag(nodes.rows), bag(links.rows))
            return result, empty
        except Exception as error:  # noqa: BLE001 - as above; a query must not end the suite
            return self._failed(error), empty
        finally:
            try:
                transaction.rollback()
            except Exception:  # noqa: BLE001 - it has ended by itself, or the server has
                transaction.close()

    def _failed(self, error: Exception) -> EngineResult:
        code = str(getattr(error, "code", "") or "")
        text = _line(error)
        gone = (self._neo4j.exceptions.ServiceUnavailable, self._neo4j.exceptions.SessionExpired)
        if isinstance(error, (*gone, OSError)):
            return EngineResult(error=f"the connection broke: {text}", error_kind="crash")
        if "TimedOut" in code or "Timeout" in code or "timed out" in text.lower():
            return EngineResult(error=text, error_kind="timeout")
        kind: Any = "syntax" if "SyntaxError" in code else "runtime"
        return EngineResult(error=text, error_kind=kind)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._driver.close()


def ready(options: ExecutionOptions) -> None:
    """Raises what would stop the metric at its first row: no driver, no password, no server."""
    with BoltGraph(options):
        pass


def agent(options: ExecutionOptions) -> str:
    """The name and version that the server gives itself. Raises as `ready`."""
    with BoltGraph(options) as graph:
        return graph.agent


def _quiet() -> None:
    """The driver tells of broken connections by itself, in the middle of what is being shown; here
    they are told with the row that they befell. A handler that somebody has set up still hears."""
    logging.getLogger("neo4j").addHandler(logging.NullHandler())


def _cut(driver: Any) -> None:
    """Closes a driver whose connections may be waiting for ever, without waiting for them."""
    threading.Thread(target=driver.close, daemon=True).start()


def _fetch(result: Any) -> EngineResult:
    columns = tuple(result.keys())
    rows: list[tuple[Any, ...]] = []
    for record in result:
        if len(rows) == _MOST_ROWS:
            return EngineResult(error=f"more than {_MOST_ROWS} rows", error_kind="too_many_rows")
        rows.append(tuple(plain(value) for value in record.values()))
    return EngineResult(columns, tuple(rows))


def plain(value: Any) -> Any:
    """A driver's value as the embedded engines give it: entities without ids, times as text."""
    if hasattr(value, "labels") and hasattr(value, "items"):
        return {"labels": sorted(value.labels), "properties": _properties(value)}
    if hasattr(value, "nodes") and hasattr(value, "relationships"):
        return {
            "nodes": [plain(node) for node in value.nodes],
            "relationships": [plain(link) for link in value.relationships],
        }
    if hasattr(value, "type") and hasattr(value, "start_node"):
        return {"type": value.type, "properties": _properties(value)}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple) and not hasattr(value, "iso_format"):
        return [plain(item) for item in value]
    if hasattr(value, "iso_format"):
        return value.iso_format()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def _properties(entity: Any) -> dict[str, Any]:
    return {key: plain(value) for key, value in entity.items()}


def _line(error: Exception) -> str:
    return " ".join(str(getattr(error, "message", "") or error).split())[:300]

"""A Bolt 5.0 server on loopback over an embedded engine: enough of the protocol for a driver's
sessions, transactions and results. A query that holds `hang()` is never answered; one that holds
`die()` is the server's last, and one that holds `reset()` breaks its connection the first time."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from collections.abc import Sequence
from typing import Any

from heimdall_lang_cypher.engine import Limits, WorkerEngine, open_engine

_MARK = 0x6060B017


class Structure(tuple):
    """A PackStream structure: (tag, field, …)."""


def pack(value: Any) -> bytes:
    """PackStream, the part that messages need."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, Structure):
        head = bytes([0xB0 + len(value) - 1, value[0]])
        return head + b"".join(map(pack, value[1:]))
    if isinstance(value, int):
        return bytes([value & 0xFF]) if -16 <= value < 128 else b"\xcb" + struct.pack(">q", value)
    if isinstance(value, float):
        return b"\xc1" + struct.pack(">d", value)
    if isinstance(value, str):
        raw = value.encode()
        return b"\xd2" + struct.pack(">I", len(raw)) + raw
    if isinstance(value, list | tuple):
        return b"\xd6" + struct.pack(">I", len(value)) + b"".join(map(pack, value))
    if isinstance(value, dict):
        items = b"".join(pack(str(k)) + pack(v) for k, v in value.items())
        return b"\xda" + struct.pack(">I", len(value)) + items
    raise TypeError(type(value))


def unpack(data: bytes, at: int = 0) -> tuple[Any, int]:
    """The value that begins at `at`, and where it ends."""
    mark = data[at]
    at += 1
    high, low = mark & 0xF0, mark & 0x0F
    if mark < 0x80:
        return mark, at
    if mark >= 0xF0:
        return mark - 0x100, at
    if mark in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[mark], at
    if mark == 0xC1:
        return struct.unpack_from(">d", data, at)[0], at + 8
    if 0xC8 <= mark <= 0xCB:
        size = 1 << (mark - 0xC8)
        return int.from_bytes(data[at : at + size], "big", signed=True), at + size
    sizes = {0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD4: 1, 0xD5: 2, 0xD6: 4, 0xD8: 1, 0xD9: 2, 0xDA: 4}
    count = low
    if mark in sizes:
        count = int.from_bytes(data[at : at + sizes[mark]], "big")
        at += sizes[mark]
        high = {0xD0: 0x80, 0xD4: 0x90, 0xD8: 0xA0}[(mark & 0xFC)]
    if high == 0x80:
        return data[at : at + count].decode(), at + count
    if high == 0x90:
        items = []
        for _ in range(count):
            item, at = unpack(data, at)
            items.append(item)
        return items, at
    if high == 0xA0:
        table = {}
        for _ in range(count):
            key, at = unpack(data, at)
            table[key], at = unpack(data, at)
        return table, at
    if high == 0xB0:
        fields = [data[at]]
        at += 1
        for _ in range(count):
            item, at = unpack(data, at)
            fields.append(item)
        return Structure(fields), at
    raise ValueError(hex(mark))


def entity(value: Any) -> Any:
    """An engine's plain value as Bolt's structures, with made-up ids."""
    if isinstance(value, dict) and set(value) == {"labels", "properties"}:
        return Structure((0x4E, 1, value["labels"], value["properties"], "n1"))
    if isinstance(value, dict) and set(value) == {"type", "properties"}:
        return Structure((0x52, 1, 1, 2, value["type"], value["properties"], "r1", "n1", "n2"))
    if isinstance(value, list | tuple):
        return [entity(item) for item in value]
    if isinstance(value, dict):
        return {key: entity(item) for key, item in value.items()}
    return value


class _Connection(socketserver.BaseRequestHandler):
    server: BoltServer

    def handle(self) -> None:
        self.rows: list[Sequence[Any]] = []
        self.failed = self.dirty = False
        if struct.unpack(">I", self._exactly(4))[0] != _MARK:
            return
        self._exactly(16)
        self.request.sendall(b"\x00\x00\x00\x05")
        try:
            while (message := self._message()) is not None:
                self._answer(*message)
        except (ConnectionError, EOFError):
            pass

    def _answer(self, tag: int, *fields: Any) -> None:
        if tag == 0x02:  # GOODBYE
            raise EOFError
        if tag == 0x0F:  # RESET
            self.failed = False
            self._undo()
            return self._success()
        if self.failed:
            return self._send(Structure((0x7E,)))
        if tag == 0x01:
            return self._success(server="Neo4j/5.0.0", connection_id="bolt-1")
        if tag == 0x11:  # BEGIN
            self.server.begun.append(fields[0])
            self.extra = fields[0]
            return self._success()
        if tag == 0x10:
            return self._run(*fields)
        if tag == 0x3F:  # PULL
            for row in self.rows:
                self._send(Structure((0x71, [entity(value) for value in row])))
            self.rows = []
            return self._success(has_more=False, type="r", db="neo4j")
        if tag == 0x2F:
            self.rows = []
            return self._success(has_more=False)
        if tag in (0x12, 0x13):
            self.server.ended.append("commit" if tag == 0x12 else "rollback")
            if tag == 0x13:
                self._undo()
            return self._success()
        return self._failure("Neo.ClientError.Request.Invalid", hex(tag))

    def _run(self, query: str, parameters: dict[str, Any], extra: dict[str, Any]) -> None:
        self.server.queries.append(query)
        if "die()" in query:
            self.server.shutdown()
            self.server.server_close()
        breaks = "reset()" in query and self.server.queries.count(query) == 1
        if breaks or ("die()" in query and "hang()" not in query):
            raise EOFError
        if "hang()" in query:
            self.server.release.wait()
            raise EOFError
        self.dirty = True
        engine = self.server.engine
        engine.limits = Limits(seconds=(self.extra.get("tx_timeout") or 60_000) / 1000)
        result = engine.run(query, parameters)
        if result.error:
            code = {
                "syntax": "Neo.ClientError.Statement.SyntaxError",
                "timeout": "Neo.ClientError.Transaction.TransactionTimedOut",
            }.get(result.error_kind, "Neo.ClientError.Statement.ExecutionFailed")
            return self._failure(code, result.error)
        self.rows = list(result.rows)
        return self._success(fields=list(result.columns), t_first=0)

    def _undo(self) -> None:
        if self.dirty:
            self.server.engine.reset()
            self.dirty = False

    def _success(self, **table: Any) -> None:
        self._send(Structure((0x70, table)))

    def _failure(self, code: str, text: str) -> None:
        self.failed = True
        self._send(Structure((0x7F, {"code": code, "message": text})))

    def _send(self, value: Structure) -> None:
        data = pack(value)
        parts = [data[i : i + 0xFFFF] for i in range(0, len(data), 0xFFFF)]
        chunks = b"".join(struct.pack(">H", len(part)) + part for part in parts)
        self.request.sendall(chunks + b"\x00\x00")

    def _message(self) -> Structure | None:
        data = b""
        while True:
            size = struct.unpack(">H", self._exactly(2))[0]
            if size == 0 and data:
                found: Structure = unpack(data)[0]
                return found
            data += self._exactly(size)

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self.request.recv(count - len(data))
            if not part:
                raise EOFError
            data += part
        return data


class BoltServer(socketserver.ThreadingTCPServer):
    """The server; a context manager that serves from a thread."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, statements: Sequence[str]) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.engine: WorkerEngine = open_engine("graphdblite")
        self.engine.load(statements)
        self.begun: list[dict[str, Any]] = []
        self.ended: list[str] = []
        self.queries: list[str] = []
        self.release = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def uri(self) -> str:
        """Where it listens."""
        host, port = self.server_address[:2]
        return f"bolt://{host!s}:{port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is no error of ours."""

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self.shutdown()
        self.server_close()
        self.engine.close()


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

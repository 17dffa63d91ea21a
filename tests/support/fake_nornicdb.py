"""A NornicDB as far as a client sees it: health, status, login, chat (whole and streamed) and
Cypher over HTTP. `faults` names what it does wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

ANSWER = "DATABASE: 1,204 nodes, 3,310 relationships"

ANSWERS = {
    "markers": "DATABASE: 3 nodes<|im_end|>",
    "unknown action": "Sorry, I don't know how to perform the action heimdall.watcher.db_stats",
    "raw json": '{"action": "heimdall.watcher.db_stats", "params": {}',
    "empty": "",
    "off topic": "Graphs are lovely.",
}


class _Handler(BaseHTTPRequestHandler):
    server: FakeNornicDB

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        faults = self.server.faults
        if self.path == "/health":
            self._json(503 if "unhealthy" in faults else 200, {"status": "healthy"})
        elif self.path == "/api/bifrost/status":
            if "not loaded" in faults:
                self._json(404, {"error": "not found"})
            elif not self._allowed():
                self._json(401, {"error": "unauthorized"})
            else:
                enabled = "disabled" not in faults
                heimdall = {"enabled": enabled, "stats": {"request_count": 0, "error_count": 0}}
                model = "qwen2.5-0.5b-instruct" if "other model" in faults else self.server.model
                body = {"status": "ok", "model": model, "heimdall": heimdall, "bifrost": {}}
                self._json(200, body)
        else:
            self._json(404, {"error": "not found"})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length) or b"{}")
        self.server.requests.append((self.path, body))
        if self.path == "/auth/token":
            right = (body.get("username"), body.get("password")) == ("admin", "secret")
            self._json(200 if right else 401, {"access_token": "t0ken"} if right else {})
        elif not self._allowed():
            self._json(403, {"error": "write permission required"})
        elif self.path == "/api/bifrost/chat/completions":
            self._chat(body)
        elif self.path == "/db/nornic/tx/commit":
            self._cypher(body)
        else:
            self._json(404, {"errors": [{"code": "Neo.NotFound", "message": "no such database"}]})

    def _allowed(self) -> bool:
        return not self.server.login or self.headers.get("Authorization") == "Bearer t0ken"

    def _chat(self, body: dict[str, Any]) -> None:
        faults = self.server.faults
        text = next((ANSWERS[fault] for fault in faults if fault in ANSWERS), ANSWER)
        if "server error" in faults:
            self._json(500, {"error": "generation failed"})
        elif "no choices" in faults:
            self._json(200, {"object": "chat.completion"})
        elif body.get("stream"):
            self._stream(text)
        else:
            choice = {"index": 0, "message": {"role": "assistant", "content": text}}
            self._json(200, {"object": "chat.completion", "choices": [choice]})

    def _stream(self, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        pieces = [{"role": "heimdall", "content": "[info] looking"}]
        # What begins like an action is withheld, and lost where it is none.
        if not text.startswith("{"):
            pieces += [{"content": text[at : at + 9]} for at in range(0, len(text), 9)]
        for piece in pieces:
            self._event(json.dumps({"choices": [{"index": 0, "delta": piece}]}))
        if "no end" not in self.server.faults:
            self._event("[DONE]")

    def _event(self, data: str) -> None:
        self.wfile.write(f"data: {data}\n\n".encode())

    def _cypher(self, body: dict[str, Any]) -> None:
        if "cypher error" in self.server.faults:
            error = {"code": "Neo.ClientError.Statement.SyntaxError", "message": "no"}
            self._json(200, {"results": [], "errors": [error]})
            return
        value = 2 if "wrong value" in self.server.faults else 1
        results = [
            {"columns": ["one"], "data": [{"row": [value], "meta": []}]}
            for _ in body.get("statements", [])
        ]
        self._json(200, {"results": results, "errors": []})

    def _json(self, status: int, body: Any) -> None:
        data = b"<html>oops" if "no json" in self.server.faults else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class FakeNornicDB(ThreadingHTTPServer):
    """Listens on a free port of the loopback."""

    daemon_threads = True

    def __init__(self, faults: tuple[str, ...], model: str, login: bool) -> None:
        self.faults, self.model, self.login = faults, model, login
        self.requests: list[tuple[str, Any]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def fake_nornicdb(
    *faults: str, model: str = "heimdall-q4", login: bool = False
) -> Iterator[FakeNornicDB]:
    """A server that runs inside the block."""
    server = FakeNornicDB(faults, model, login)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

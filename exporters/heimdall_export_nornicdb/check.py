"""Asks a running NornicDB whether it serves the model, and serves it rightly."""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import define, field

from heimdall_core.errors import HeimdallError
from heimdall_core.prompt import END_OF_TEXT, IM_END, IM_START
from heimdall_core.types import Check

#: NornicDB gives a request 60 seconds; a little more, to hear it say so.
_TIMEOUT: Final = 70.0

#: Bytes of an answer that are read at most: a server of another kind may never end.
_MOST: Final = 8_000_000

#: The guide's limit for an answer, in seconds.
LATENCY: Final = 0.5

_QUESTION: Final = "database stats"
_MARKERS: Final = (IM_START, IM_END, END_OF_TEXT)
_UNKNOWN_ACTION: Final = "I don't know how to perform the action"


@define
class Server:
    """One NornicDB by its address. Secrets are sent, and appear nowhere else."""

    url: str
    user: str = ""
    password: str = field(default="", repr=False)
    timeout: float = _TIMEOUT
    _token: str = field(default="", repr=False)

    def __attrs_post_init__(self) -> None:
        """Raises `HeimdallError` for what is no http(s) address."""
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise HeimdallError(
                f"'{self.url}' is no address of a server", hint="such as http://localhost:7474"
            )
        if parts.username or parts.password:
            raise HeimdallError(
                "the address holds a password",
                hint="set NORNICDB_USER and NORNICDB_PASSWORD instead",
            )
        self.url = self.url.rstrip("/")

    def get(self, path: str) -> tuple[int, str]:
        """Status and body."""
        request = urllib.request.Request(self.url + path)  # noqa: S310 - http(s) alone
        return self._send(self._authorised(request))

    def post(self, path: str, body: Mapping[str, Any]) -> tuple[int, str]:
        """Status and body."""
        return self._send(self._request(path, body))

    def lines(self, path: str, body: Mapping[str, Any]) -> Iterator[str]:
        """The lines of a streamed answer as they come. Raises `HeimdallError` or `OSError`."""
        end = time.monotonic() + self.timeout
        left = _MOST
        try:
            with urllib.request.urlopen(self._request(path, body), timeout=self.timeout) as answer:  # noqa: S310
                while line := answer.readline(left + 1):
                    left -= len(line)
                    if left < 0 or time.monotonic() > end:
                        raise HeimdallError("the stream does not end", where=self.url)
                    yield line.decode("utf-8", "replace").rstrip("\r\n")
        except http.client.HTTPException as error:
            raise self._no_http(error) from error

    def log_in(self) -> None:
        """Fetches a token where a user was given. Raises `HeimdallError` where that fails."""
        if not self.user:
            return
        status, body = self.post("/auth/token", {"username": self.user, "password": self.password})
        data = _object(body)
        token = data.get("access_token") or data.get("token")
        if status != 200 or not isinstance(token, str):
            raise HeimdallError(
                f"NornicDB did not let {self.user} in (HTTP {status})", where=self.url
            )
        self._token = token

    def _request(self, path: str, body: Mapping[str, Any]) -> urllib.request.Request:
        return self._authorised(
            urllib.request.Request(  # noqa: S310 - http(s) alone
                self.url + path,
                data=json.dumps(body).encode(),
                headers={"Content-Type": "application/json"},
            )
        )

    def _authorised(self, request: urllib.request.Request) -> urllib.request.Request:
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        return request

    def _send(self, request: urllib.request.Request) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:  # noqa: S310
                return answer.status, answer.read(_MOST).decode("utf-8", "replace")
        except urllib.error.HTTPError as error:
            return error.code, error.read(_MOST).decode("utf-8", "replace")
        except http.client.HTTPException as error:
            raise self._no_http(error) from error
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise HeimdallError(f"does not answer: {reason}", where=self.url) from error

    def _no_http(self, error: http.client.HTTPException) -> HeimdallError:
        said = " ".join(f"{type(error).__name__} {error}".split())[:120]
        return HeimdallError(f"answers, but not as HTTP says: {said}", where=self.url)


def check_server(server: Server, model: str = "", database: str = "nornic") -> list[Check]:
    """One check per thing that must work, in the order in which they build on each other.

    A server that cannot be reached at all fails the first check, and no other is tried.
    """
    try:
        status, _ = server.get("/health")
        server.log_in()
    except HeimdallError as error:
        return [Check("health", False, str(error))]
    checks = [Check("health", status == 200, f"GET /health gives HTTP {status}")]
    steps: dict[str, Callable[[], Check]] = {
        "model": lambda: _status(server, model),
        "chat": lambda: _chat(server),
        "stream": lambda: _stream(server),
        "cypher": lambda: _cypher(server, database),
    }
    for name, run in steps.items():
        try:
            checks.append(run())
        except (HeimdallError, OSError) as error:
            checks.append(Check(name, False, str(error)))
    return checks


def _status(server: Server, model: str) -> Check:
    status, body = server.get("/api/bifrost/status")
    if status == 404:
        return Check(
            "model",
            False,
            "Heimdall is not loaded: heimdall.enabled must be true, and the model must lie in one"
            " of NornicDB's model folders",
        )
    data = _object(body)
    heimdall = data.get("heimdall")
    enabled = isinstance(heimdall, dict) and heimdall.get("enabled") is True
    if status != 200 or not enabled:
        return Check("model", False, f"Heimdall is not enabled (HTTP {status})")
    found = str(data.get("model", ""))
    if model and found.removesuffix(".gguf") != model.removesuffix(".gguf"):
        return Check("model", False, f"the server runs '{found}', not '{model}'")
    return Check("model", bool(found), f"the server runs '{found}'")


def _chat(server: Server) -> Check:
    started = time.perf_counter()
    status, body = server.post("/api/bifrost/chat/completions", _request(stream=False))
    seconds = time.perf_counter() - started
    if status in (401, 403):
        return Check("chat", False, f"HTTP {status}: chatting needs write permission")
    if status != 200:
        return Check("chat", False, f"HTTP {status}: {_short(body)}")
    match _object(body):
        case {"choices": [{"message": {"content": str(text)}}, *_]}:
            return _judged("chat", text, f" in {seconds:.2f} s")
    return Check("chat", False, f"the answer has no choices: {_short(body)}")


def _stream(server: Server) -> Check:
    pieces, done = [], False
    started, first = time.perf_counter(), 0.0
    for line in server.lines("/api/bifrost/chat/completions", _request(stream=True)):
        if not line.startswith("data:"):
            continue
        data = line.removeprefix("data:").strip()
        if data == "[DONE]":
            done = True
            break
        match _object(data):
            case {"choices": [{"delta": {"role": "heimdall"}}, *_]}:
                continue  # a notification
            case {"choices": [{"delta": {"content": str(piece)}}, *_]}:
                first = first or time.perf_counter() - started
                pieces.append(piece)
    if not done:
        return Check("stream", False, "the stream ended without [DONE]")
    if not "".join(pieces).strip():
        return Check(
            "stream",
            False,
            "the user sees an empty answer: it began with '{' and was no valid action",
        )
    return _judged("stream", "".join(pieces), f", first text after {first:.2f} s")


def _judged(name: str, text: str, told: str) -> Check:
    if not text.strip():
        return Check(name, False, "the answer is empty")
    for marker in _MARKERS:
        if marker in text:
            return Check(name, False, f"the answer holds {marker}: it is no control token there")
    if _UNKNOWN_ACTION in text:
        return Check(
            name, False, f"the model named an action that the server does not have: {_short(text)}"
        )
    if text.lstrip().startswith("{"):
        return Check(name, False, f"the server took the answer for no action: {_short(text)}")
    if not re.search(r"DATABASE:\s*[\d,]+ nodes", text):
        return Check(name, False, f"'{_QUESTION}' was answered with {_short(text)}")
    return Check(name, True, f"'{_QUESTION}' gives {_short(text)}{told}")


def _cypher(server: Server, database: str) -> Check:
    statement = "RETURN 1 AS one"
    status, body = server.post(
        f"/db/{database}/tx/commit", {"statements": [{"statement": statement}]}
    )
    match _object(body):
        case {"errors": [{"code": code, "message": message}, *_]}:
            return Check("cypher", False, f"{statement}: {code}: {_short(str(message))}")
        case {"results": [{"columns": ["one"], "data": [{"row": [1]}]}]}:
            return Check("cypher", status == 200, f"{statement} gives 1")
    return Check("cypher", False, f"{statement}: HTTP {status}: {_short(body)}")


def _request(*, stream: bool) -> dict[str, Any]:
    return {
        "messages": [{"role": "user", "content": _QUESTION}],
        "stream": stream,
        "max_tokens": 512,
    }


def _object(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return repr(flat[:120])

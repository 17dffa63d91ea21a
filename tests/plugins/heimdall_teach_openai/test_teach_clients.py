"""The teachers over HTTP: contracts against a server of our own, and what replies mean."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from teaching import Running, teacher_server

from heimdall_core import HeimdallError
from heimdall_core.errors import TeacherFailure
from heimdall_core.prompt import Message
from heimdall_core.teaching import retry_after, scrubbed, status_failure
from heimdall_core.testing import TeacherContract
from heimdall_core.types import TeacherRequest
from heimdall_teach_anthropic import session as anthropic
from heimdall_teach_openai import session as openai

pytest.importorskip("openai")
pytest.importorskip("anthropic")
KEY = "sk-test-0123456789-abcdefghijklmnop"


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with teacher_server() as running:
        yield running


class _OverHttp(TeacherContract):
    address: ClassVar[str]

    @pytest.fixture(autouse=True)
    def running(self, server: Running) -> None:
        self.server = server

    def options(self, teacher: Any) -> Any:
        return teacher.options(base_url=getattr(self.server, self.address))


class TestTeachOpenAI(_OverHttp):
    plugin = "heimdall_teach_openai.plugin"
    address = "openai"


class TestTeachAnthropic(_OverHttp):
    plugin = "heimdall_teach_anthropic.plugin"
    address = "anthropic"


def test_keys_come_from_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, options, name in (
        (openai, openai.OpenAIOptions(), "OPENAI_API_KEY"),
        (anthropic, anthropic.AnthropicOptions(), "ANTHROPIC_API_KEY"),
    ):
        monkeypatch.delenv(name, raising=False)
        with pytest.raises(HeimdallError, match=name):
            module.open_session(options)  # type: ignore[attr-defined]


REQUEST = TeacherRequest(
    (Message("system", "Be short."), Message("user", "Hello")),
    max_tokens=9,
    answer_schema={"type": "object", "properties": {"query": {"type": "string"}}},
)


def test_what_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    body = openai.open_session(openai.OpenAIOptions(model="m")).render(REQUEST)
    assert body["messages"] == [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "Hello"},
    ]
    assert body["response_format"]["json_schema"]["schema"] == REQUEST.answer_schema
    assert body["max_completion_tokens"] == 9
    other = anthropic.open_session(anthropic.AnthropicOptions(model="m")).render(REQUEST)
    assert (other["system"], other["messages"]) == ("Be short.", body["messages"][1:])
    assert other["tool_choice"] == {"type": "tool", "name": "answer"}
    assert KEY not in json.dumps([body, other])


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, "busy"),
        (529, "busy"),
        (500, "server"),
        (503, "server"),
        (408, "timeout"),
        (400, "request"),
        (422, "request"),
        (401, "fatal"),
        (403, "denied"),
        (404, "fatal"),
    ],
)
def test_what_a_status_means(status: int, kind: str) -> None:
    body = json.dumps({"error": {"message": f"no good: {KEY}"}})
    failure = status_failure(status, {"retry-after": "3"}, body, KEY)
    assert failure.kind == kind
    assert f"HTTP {status}" in str(failure)
    assert KEY not in str(failure)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"}, 40.0),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "999999"}, 3600.0),
    ],
)
def test_when_to_come_back(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, now=60.0) == seconds


@pytest.mark.parametrize("read", [openai.read, anthropic.read])
@pytest.mark.parametrize(
    "data",
    [
        {},
        {"choices": []},
        {"choices": [{}]},
        {"choices": [{"message": {"content": 3}}]},
        {"choices": "x", "content": "x"},
        {"content": [3]},
        {"content": []},
    ],
)
def test_other_shapes_are_no_answers(read: Any, data: dict[str, Any]) -> None:
    with pytest.raises(TeacherFailure) as caught:
        read(data)
    assert caught.value.kind == "broken"
    assert caught.value.billed


def test_parts_of_a_key_are_hidden_too() -> None:
    text = f"Incorrect key {KEY[:18]}… ({KEY})"
    assert KEY[:17] not in scrubbed(text, KEY)
    assert "Incorrect key" in scrubbed(text, KEY)


class _Strange(BaseHTTPRequestHandler):
    """Answers in ways that are allowed and rare: elsewhere, compressed."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.seen.append(self.path)
        if self.path == "/v1/chat/completions":
            self.send_response(307)
            self.send_header("location", "/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()
            return
        message = {"content": json.loads(body)["messages"][-1]["content"]}
        choice = {"message": message, "finish_reason": "stop"}
        packed = gzip.compress(json.dumps({"choices": [choice]}).encode())
        self.send_response(200)
        self.send_header("content-encoding", "gzip")
        self.send_header("content-length", str(len(packed)))
        self.end_headers()
        self.wfile.write(packed)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@pytest.mark.parametrize("proxies", [{}, {"no": "localhost"}])
def test_what_is_allowed_and_rare(proxies: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A redirect is followed, a compressed answer unpacked; by the lean client as by the
    maker's own, which is used where there is a proxy."""
    from heimdall_core.teaching import clients

    monkeypatch.setattr(clients, "getproxies", lambda: proxies)
    _Strange.seen.clear()
    listening = ThreadingHTTPServer(("127.0.0.1", 0), _Strange)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    options = openai.OpenAIOptions(base_url=f"http://127.0.0.1:{listening.server_port}/v1")

    async def ask() -> list[str]:
        session = openai.open_session(options)
        found = []
        for text in ("é", "again"):
            request = TeacherRequest((Message("user", text),))
            found.append((await session.send(session.render(request))).text)
        await session.close()
        return found

    try:
        assert asyncio.run(ask()) == ["é", "again"]
    finally:
        listening.shutdown()
        listening.server_close()
    assert _Strange.seen[-1] == "/elsewhere"


@pytest.mark.parametrize(
    ("why", "finish"),
    [("stop", "stop"), (None, "stop"), ("eos", "stop"), ("length", "length")]
    + [(why, "length") for why in ("model_length", "MAX_TOKENS", "max_output_tokens")],
)
def test_why_an_answer_ended(why: str | None, finish: str) -> None:
    data = {"choices": [{"message": {"content": "RETURN 1"}, "finish_reason": why}]}
    assert openai.read(data).finish == finish


def test_an_answer_that_failed_halfway_is_none() -> None:
    for why in ("error", "abort"):
        data = {"choices": [{"message": {"content": "RETU"}, "finish_reason": why}]}
        with pytest.raises(TeacherFailure, match=f"ended with '{why}'") as caught:
            openai.read(data)
        assert caught.value.billed


@pytest.mark.parametrize(
    ("why", "finish"),
    [
        ("end_turn", "stop"),
        ("tool_use", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
    ],
)
def test_why_an_answer_of_the_other_interface_ended(why: str, finish: str) -> None:
    data = {"content": [{"type": "text", "text": "RETURN 1"}], "stop_reason": why}
    assert anthropic.read(data).finish == finish

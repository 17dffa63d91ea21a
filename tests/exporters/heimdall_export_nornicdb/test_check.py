"""A server that works passes; each fault of a server is named."""

from __future__ import annotations

import contextlib
import json
import socket
from threading import Thread

import pytest
from click.testing import CliRunner
from fake_nornicdb import ANSWER, fake_nornicdb

from heimdall_core.cli.main import cli
from heimdall_core.errors import FindingsError, HeimdallError
from heimdall_export_nornicdb.check import Server, check_server


def test_a_server_that_works_passes():
    with fake_nornicdb() as server:
        checks = check_server(Server(server.url), "heimdall-q4.gguf")
        assert [check.name for check in checks] == ["health", "model", "chat", "stream", "cypher"]
        assert all(check.passed for check in checks), checks
        assert ANSWER in checks[2].detail
        chat = next(body for path, body in server.requests if path.endswith("completions"))
        assert chat["messages"] == [{"role": "user", "content": "database stats"}]


@pytest.mark.parametrize(
    ("fault", "check", "detail"),
    [
        ("unhealthy", "health", "HTTP 503"),
        ("not loaded", "model", "heimdall.enabled must be true"),
        ("disabled", "model", "not enabled"),
        ("other model", "model", "runs 'qwen2.5-0.5b-instruct', not 'heimdall-q4'"),
        ("markers", "chat", "holds <|im_end|>"),
        ("markers", "stream", "holds <|im_end|>"),
        ("unknown action", "chat", "an action that the server does not have"),
        ("raw json", "chat", "took the answer for no action"),
        ("raw json", "stream", "the user sees an empty answer"),
        ("empty", "chat", "the answer is empty"),
        ("off topic", "chat", "was answered with 'Graphs are lovely.'"),
        ("server error", "chat", "HTTP 500"),
        ("no choices", "chat", "has no choices"),
        ("no end", "stream", "without [DONE]"),
        ("cypher error", "cypher", "Neo.ClientError.Statement.SyntaxError"),
        ("wrong value", "cypher", "HTTP 200"),
        ("no json", "model", "not enabled"),
        ("no json", "cypher", "HTTP 200: '<html>oops'"),
    ],
)
def test_each_fault_is_named(fault, check, detail):
    with fake_nornicdb(fault) as server:
        checks = {c.name: c for c in check_server(Server(server.url), "heimdall-q4")}
    assert not checks[check].passed
    assert detail in checks[check].detail
    assert "\n" not in checks[check].detail


def test_a_login_is_used_and_its_password_shown_nowhere():
    with fake_nornicdb(login=True) as server:
        right = Server(server.url, "admin", "secret")
        assert all(check.passed for check in check_server(right))
        assert "secret" not in repr(right)
        wrong = check_server(Server(server.url, "admin", "guess"))
        assert "did not let admin in (HTTP 401)" in wrong[0].detail
        assert "guess" not in str(wrong)
        nobody = {check.name: check for check in check_server(Server(server.url))}
        assert "write permission" in nobody["chat"].detail


def test_a_server_that_is_not_there_is_one_failed_check():
    with fake_nornicdb() as server:
        url = server.url
    checks = check_server(Server(url))
    assert [check.name for check in checks] == ["health"]
    assert "does not answer" in checks[0].detail


@pytest.mark.parametrize(
    ("answer", "check", "detail"),
    [
        (b"NOT HTTP AT ALL\r\n", "health", "not as HTTP says: BadStatusLine"),
        (b"HTTP/1.0 200 OK\r\n\r\n" + b'{"a":' * 100_000, "model", "not enabled"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 90\r\n\r\n{}", "chat", "has no choices"),
        (b"HTTP/1.0 200 OK\r\n\r\n" + b"data: {}\n" * 900_000, "stream", "does not end"),
        (b"HTTP/1.0 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n", "model", "HTTP 302"),
    ],
)
def test_a_server_that_is_none_is_told_in_one_line(answer, check, detail):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        Thread(target=_answer_all, args=(listening, answer), daemon=True).start()
        server = Server(f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=20)
        checks = {c.name: c for c in check_server(server, "heimdall-q4")}
    assert not checks[check].passed
    assert detail in checks[check].detail
    assert "\n" not in checks[check].detail


def _answer_all(listening, answer):
    """Answers every connection with these bytes, until the socket is closed."""
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                connection.sendall(answer)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass


@pytest.mark.parametrize("url", ["localhost:7474", "ftp://x", "file:///etc/passwd", "http://"])
def test_what_is_no_address_is_refused(url):
    with pytest.raises(HeimdallError, match="no address of a server"):
        Server(url)
    with pytest.raises(HeimdallError, match="holds a password"):
        Server("http://admin:secret@localhost")


def test_the_command_reports_and_fails(monkeypatch):
    monkeypatch.delenv("NORNICDB_USER", raising=False)
    with fake_nornicdb() as server:
        done = CliRunner().invoke(cli, ["deploy", "check", "--url", server.url, "--json"])
        assert done.exit_code == 0
        assert len(json.loads(done.stdout)) == 5
        done = CliRunner().invoke(
            cli, ["deploy", "check", "--url", server.url, "--model", "another"]
        )
    assert isinstance(done.exception, FindingsError)
    assert "✗ model" in done.stdout

"""The server over real HTTP, with a real model, and the page in a real browser."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
from http_server import call, running
from tiny_models import LESSONS

from heimdall_core.cli.chat import read_schema
from heimdall_run_llamacpp.load import load
from heimdall_serve_llamacpp.answering import Answerer, Settings
from heimdall_serve_llamacpp.app import make_app

CHAT = "/v1/chat/completions"
QUESTION, ANSWER = LESSONS[0]


@pytest.fixture(scope="module")
def served(taught_gguf, request):
    from heimdall_core import Registry

    cypher = Registry(third_party=False).language("cypher")
    with load(taught_gguf) as model:
        app = make_app(Answerer(model, cypher), ["127.0.0.1", "localhost"])
        with running(app) as port:
            yield port


def body(**changes):
    return {"messages": [{"role": "user", "content": QUESTION}], **changes}


def test_it_answers_in_openais_shape(served):
    status, text, _ = call(served, "POST", CHAT, body(max_tokens=40))
    found = json.loads(text)
    assert status == 200
    assert found["object"] == "chat.completion"
    assert found["choices"][0] == {
        "index": 0,
        "message": {"role": "assistant", "content": ANSWER},
        "finish_reason": "stop",
    }
    usage = found["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 10
    assert found["heimdall"]["valid"] is True
    again = json.loads(call(served, "POST", CHAT, body(max_tokens=40))[1])
    assert again["heimdall"]["cached"] is True
    assert json.loads(call(served, "POST", CHAT, body(max_tokens=2))[1])["choices"][0][
        "finish_reason"
    ] in ("length", "stop")


def test_it_streams_and_ends_with_done(served):
    status, text, headers = call(served, "POST", CHAT, body(stream=True))
    assert status == 200
    assert headers["content-type"].startswith("text/event-stream")
    events = [line.removeprefix("data: ") for line in text.split("\n") if line]
    assert events[-1] == "[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    assert "".join(c["choices"][0]["delta"].get("content", "") for c in chunks) == ANSWER
    assert len({c["id"] for c in chunks}) == 1
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["heimdall"]["valid"] is True


def test_without_a_check_it_streams_as_the_words_come(scripted, cypher):
    app = make_app(Answerer(scripted("MATCH (n) RETURN n"), cypher, Settings(check=False)))
    with running(app) as port:
        _, text, _ = call(port, "POST", CHAT, body(stream=True))
    chunks = [json.loads(line[6:]) for line in text.split("\n") if line.startswith("data: {")]
    pieces = [c["choices"][0]["delta"].get("content") for c in chunks]
    assert pieces[1:-1] == ["MATCH", "(n)", "RETURN", "n"]
    assert text.rstrip().endswith("data: [DONE]")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"messages": []}, "at least one message"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0] must have a role"),
        ({"messages": [{"role": "user"}]}, "messages[0] must have a role"),
        ({"top_p": 0.5}, "'top_p' = 0.5 is not supported"),
        ({"tools": []}, "'tools' is not supported"),
        ({"temprature": 1}, "did you mean 'temperature'"),
        ({"temperature": 9}, "from 0 to 2"),
        ({"max_tokens": 0}, "whole number"),
        ({"max_tokens": True}, "whole number"),
        ({"stream": "yes"}, "true or false"),
        ({"stop": ["\n"]}, "'stop'"),
        ({"messages": [{"role": "user", "content": "x<|im_end|>"}]}, "control marker"),
        ({"messages": [{"role": "user", "content": "word " * 400}]}, "leaves no room"),
    ],
)
def test_what_would_be_ignored_or_is_wrong_is_refused(served, wrong, message):
    status, text, _ = call(served, "POST", CHAT, body(**wrong))
    assert status == 400
    assert message in json.loads(text)["error"]["message"]


def test_broken_and_huge_bodies_are_refused(served):
    for raw in (b"{", b"[1]", b"[" * 100_000, b'"' + b"x" * (1 << 20) + b'"'):
        status, text, _ = call(served, "POST", CHAT, raw)
        assert status == 400, raw[:10]
        assert json.loads(text)["error"]["message"]


def test_neutral_settings_are_taken(served):
    neutral = {"n": 1, "top_p": 1, "presence_penalty": 0, "stop": ["<|im_end|>"], "user": "ada"}
    assert call(served, "POST", CHAT, body(**neutral))[0] == 200
    parts = [{"type": "text", "text": QUESTION}]
    found = call(served, "POST", CHAT, {"messages": [{"role": "user", "content": parts}]})
    assert json.loads(found[1])["choices"][0]["message"]["content"] == ANSWER


def test_health_models_and_pages(served):
    health = json.loads(call(served, "GET", "/health")[1])
    assert health["status"] == "ok"
    assert health["cache"]["size"] == 1000
    [model] = json.loads(call(served, "GET", "/v1/models")[1])["data"]
    assert model["id"] == health["model"] == "taught"
    status, text, headers = call(served, "GET", "/")
    assert status == 200
    assert "<title>Heimdall</title>" in text
    assert headers["content-security-policy"].startswith("default-src 'self'")
    assert call(served, "GET", "/none")[0] == 404


def test_other_names_than_its_own_are_turned_away(served):
    assert call(served, "GET", "/health", host="evil.example")[0] == 400


def test_the_pages_endpoint_gives_verdict_and_plan(served):
    found = json.loads(call(served, "POST", "/api/ask", {"question": QUESTION})[1])
    assert (found["answer"], found["valid"]) == (ANSWER, True)
    assert [step["clause"] for step in found["plan"]] == ["MATCH", "RETURN"]
    assert call(served, "POST", "/api/ask", {"q": 1})[0] == 400


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_the_page_shows_answer_verdict_and_plan_in_a_browser(scripted, cypher, tmp_path):
    hostile = "MATCH (n:Person {name: '<img src=x onerror=alert(1)>'}) RETURN n"
    app = make_app(Answerer(scripted(hostile), cypher))
    with running(app) as port:
        done = subprocess.run(
            [
                *(str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu"),
                *(f"--user-data-dir={tmp_path}", "--virtual-time-budget=8000", "--dump-dom"),
                f"http://127.0.0.1:{port}/?q=Find+the+picture",
            ],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    dom = done.stdout
    assert '<p class="question">Find the picture</p>' in dom, done.stderr[-500:]
    assert '<span class="keyword">MATCH</span>' in dom
    assert '<span class="label">:Person</span>' in dom
    assert '<span class="verdict valid">valid Cypher</span>' in dom
    assert "finds every place in the graph that fits the pattern" in dom
    # The answer is text, never markup.
    assert "<img" not in dom
    assert "&lt;img src=x onerror=alert(1)&gt;" in dom


def test_schemas_are_read_or_refused(tmp_path):
    from heimdall_core.errors import HeimdallError

    path = tmp_path / "s.json"
    path.write_text('{"nodes": {}}', "utf-8")
    assert read_schema(path) == {"nodes": {}}
    for text, message in (("{", "not valid JSON"), ("[]", "is no schema")):
        path.write_text(text, "utf-8")
        with pytest.raises(HeimdallError, match=message):
            read_schema(path)
    with pytest.raises(HeimdallError, match="cannot be read"):
        read_schema(tmp_path / "none")


def test_cypher_only_answers_follow_the_grammar(taught_gguf, cypher):
    grammar = cypher.grammar("read", None)
    settings = Settings(grammar=grammar, max_tokens=60, check=False)
    with load(taught_gguf) as model:
        answerer = Answerer(model, cypher, settings)
        from heimdall_core.prompt import Message

        # The taught model smiles at this one, which is no query.
        free = Answerer(model, cypher).answer([Message("user", "Smile.")])
        bound = answerer.answer([Message("user", "Smile.")])
        assert (free.text, free.valid) == ("😀", None)
        if bound.finish == "stop":
            assert bound.valid is True
        else:
            assert bound.text != "😀"

"""Anthropic's interface: what a request looks like, and what a reply means."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from heimdall_core.teaching import (
    OfficialClient,
    answer_once,
    broken,
    count,
    plain_messages,
    scrubbed,
)
from heimdall_core.types import Json, TeacherAnswer, TeacherRequest
from heimdall_teach_anthropic.options import AnthropicOptions

Finish = Literal["stop", "length"]

_TOOL = "answer"
_CUT_OFF = ("max_tokens", "model_context_window_exceeded", "pause_turn")


def answer(messages: Sequence[Any], options: AnthropicOptions) -> TeacherAnswer:
    """One answer. Raises `TeacherFailure`."""
    return answer_once(open_session, messages, options)


def open_session(options: AnthropicOptions) -> AnthropicSession:
    """A session. Raises `HeimdallError` without the client or a key."""
    return AnthropicSession(OfficialClient("Anthropic", options), options)


class AnthropicSession:
    """Many requests at once on one client."""

    def __init__(self, client: OfficialClient, options: AnthropicOptions) -> None:
        self._client, self._options = client, options
        self.model = options.model
        self.structured = options.structured

    def render(self, request: TeacherRequest) -> Json:
        """The body of the request. Another sample is the same body under another number."""
        said = plain_messages(request.messages)
        system = "\n\n".join(each["content"] for each in said if each["role"] == "system")
        body: dict[str, Any] = {
            "model": self._options.model,
            "max_tokens": request.max_tokens,
            "messages": [each for each in said if each["role"] != "system"],
        }
        if self._options.send_temperature:
            body["temperature"] = request.temperature
        if system:
            body["system"] = system
        if request.sample:
            body["metadata"] = {"user_id": f"sample-{request.sample}"}
        if request.answer_schema is not None and self.structured:
            body["tools"] = [
                {
                    "name": _TOOL,
                    "description": "Gives the answer.",
                    "input_schema": dict(request.answer_schema),
                }
            ]
            body["tool_choice"] = {"type": "tool", "name": _TOOL}
        return body

    async def send(self, rendered: Json) -> TeacherAnswer:
        """One request, one answer."""
        reply = await self._client.post("/v1/messages", dict(rendered))
        return read(reply, self._client.key)

    async def close(self) -> None:
        """Ends the connections."""
        await self._client.close()


def read(data: Mapping[str, Any], key: str = "") -> TeacherAnswer:
    """The answer in a decoded reply. Raises `TeacherFailure` for another form."""
    raw = data.get("usage")
    usage = raw if isinstance(raw, dict) else {}
    tokens = {
        "prompt_tokens": count(usage.get("input_tokens"))
        + count(usage.get("cache_read_input_tokens"))
        + count(usage.get("cache_creation_input_tokens")),
        "answer_tokens": count(usage.get("output_tokens")),
    }
    why = data.get("stop_reason")
    blocks = data.get("content")
    if not isinstance(blocks, list):
        raise broken("has no content")
    if why == "refusal":
        return TeacherAnswer("", **tokens, finish="refused")
    texts = []
    for block in blocks:
        if not isinstance(block, dict):
            raise broken("has a part that is no object")
        if block.get("type") == "tool_use" and isinstance(block.get("input"), dict):
            texts = [json.dumps(block["input"], ensure_ascii=False)]
            break
        if block.get("type") == "text" and isinstance(block.get("text"), str):
            texts.append(block["text"])
    if not texts:
        raise broken("has no text")
    finish: Finish = "length" if why in _CUT_OFF else "stop"
    return TeacherAnswer(scrubbed("".join(texts), key), **tokens, finish=finish)

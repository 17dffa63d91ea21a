"""OpenAI's interface: what a request looks like, and what a reply means."""

from __future__ import annotations

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
from heimdall_teach_openai.options import OpenAIOptions

Finish = Literal["stop", "length"]

#: What servers with this interface say of an answer that was cut off, and of one that failed.
_CUT_OFF = ("length", "max_tokens", "max_output_tokens", "model_length")
_FAILED = ("error", "abort", "aborted", "cancelled")


def answer(messages: Sequence[Any], options: OpenAIOptions) -> TeacherAnswer:
    """One answer. Raises `TeacherFailure`."""
    return answer_once(open_session, messages, options)


def open_session(options: OpenAIOptions) -> OpenAISession:
    """A session. Raises `HeimdallError` without the client or a key."""
    return OpenAISession(OfficialClient("OpenAI", options), options)


class OpenAISession:
    """Many requests at once on one client."""

    def __init__(self, client: OfficialClient, options: OpenAIOptions) -> None:
        self._client, self._options = client, options
        self.model = options.model
        self.structured = options.structured

    def render(self, request: TeacherRequest) -> Json:
        """The body of the request."""
        body: dict[str, Any] = {
            "model": self._options.model,
            "messages": plain_messages(request.messages),
            self._options.max_tokens_field: request.max_tokens,
        }
        if self._options.send_temperature:
            body["temperature"] = request.temperature
        if request.sample:
            body["seed"] = request.sample
        if request.answer_schema is not None and self.structured:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {
                    "name": "answer",
                    "strict": True,
                    "schema": dict(request.answer_schema),
                },
            }
        return body

    async def send(self, rendered: Json) -> TeacherAnswer:
        """One request, one answer."""
        reply = await self._client.post("/chat/completions", dict(rendered))
        return read(reply, self._client.key)

    async def close(self) -> None:
        """Ends the connections."""
        await self._client.close()


def read(data: Mapping[str, Any], key: str = "") -> TeacherAnswer:
    """The answer in a decoded reply. Raises `TeacherFailure` for another form."""
    choices = data.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise broken("has no choices")
    message = choices[0].get("message")
    if not isinstance(message, dict):
        raise broken("has no message")
    raw = data.get("usage")
    usage = raw if isinstance(raw, dict) else {}
    tokens = {
        "prompt_tokens": count(usage.get("prompt_tokens")),
        "answer_tokens": count(usage.get("completion_tokens")),
    }
    why = str(choices[0].get("finish_reason") or "stop").lower()
    if why in _FAILED:
        raise broken(f"ended with '{why}'")
    if message.get("refusal") or why == "content_filter":
        return TeacherAnswer(
            scrubbed(str(message.get("refusal") or ""), key), **tokens, finish="refused"
        )
    text = message.get("content")
    if not isinstance(text, str):
        raise broken("has no text")
    return TeacherAnswer(
        scrubbed(text, key), **tokens, finish="length" if why in _CUT_OFF else "stop"
    )

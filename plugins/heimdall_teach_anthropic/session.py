"""Asking over the official client: it signs, sends and pools connections; waiting, retrying and
reading the answer are ours."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

from heimdall_core.errors import TeacherFailure, missing_extra
from heimdall_core.teaching import (
    answer_once,
    broken,
    count,
    decoded,
    plain_messages,
    scrubbed,
    secret,
    status_failure,
)
from heimdall_core.types import Json, TeacherAnswer, TeacherRequest
from heimdall_teach_anthropic.options import AnthropicOptions

Finish = Literal["stop", "length"]

_LOCAL = ("localhost", "127.0.0.1", "::1")
_CONNECTIONS = 1024
_TOOL = "answer"


def answer(messages: Sequence[Any], options: AnthropicOptions) -> TeacherAnswer:
    """One answer. Raises `TeacherFailure`."""
    return answer_once(open_session, messages, options)


def open_session(options: AnthropicOptions) -> AnthropicSession:
    """A session. Raises `HeimdallError` without the client or a key."""
    try:
        import anthropic
        import httpx2
    except ImportError as error:
        raise missing_extra("anthropic", "teach", "the teacher 'anthropic'") from error
    if (urlsplit(options.base_url).hostname or "") in _LOCAL:
        key = os.environ.get(options.key_variable, "").strip() or "none"
    else:
        key = secret(options.key_variable, "the teacher 'anthropic'")
    limits = httpx2.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS)
    arguments: dict[str, Any] = {"limits": limits, "timeout": options.timeout}
    try:
        http: Any = anthropic.DefaultAioHttpClient(**arguments)
    except RuntimeError:  # without aiohttp; half as fast
        http = anthropic.DefaultAsyncHttpxClient(**arguments)
    client = anthropic.AsyncAnthropic(
        api_key=key, base_url=options.base_url or None, max_retries=0, http_client=http
    )
    return AnthropicSession(client, httpx2.Response, anthropic, options, key)


class AnthropicSession:
    """Many requests at once on one client."""

    def __init__(
        self, client: Any, response: type, errors: Any, options: AnthropicOptions, key: str
    ) -> None:
        self._client, self._response, self._errors = client, response, errors
        self._options, self._key = options, key
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
        try:
            reply = await asyncio.wait_for(
                self._client.post("/v1/messages", cast_to=self._response, body=dict(rendered)),
                self._options.timeout,
            )
            content = reply.content
        except (TimeoutError, self._errors.APITimeoutError) as error:
            raise TeacherFailure(
                "timeout", f"no answer within {self._options.timeout:g} s", billed=True
            ) from error
        except self._errors.APIStatusError as error:
            body = error.response.text
            failure = status_failure(error.status_code, error.response.headers, body, self._key)
            raise failure from None
        except self._errors.APIConnectionError as error:
            refused = "ConnectError" in type(error.__cause__ or error).__name__
            text = "cannot connect" if refused else "the connection broke"
            raise TeacherFailure("connection", text, billed=not refused) from None
        except self._errors.AnthropicError as error:
            text = scrubbed(str(error), self._key)[:200]
            raise TeacherFailure("broken", text, billed=True) from None
        return read(decoded(content), self._key)

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
    finish: Finish = "length" if why == "max_tokens" else "stop"
    return TeacherAnswer(scrubbed("".join(texts), key), **tokens, finish=finish)

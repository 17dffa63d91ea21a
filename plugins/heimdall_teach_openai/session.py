"""Asking over the official client: it signs, sends and pools connections; waiting, retrying and
reading the answer are ours."""

from __future__ import annotations

import asyncio
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
from heimdall_teach_openai.options import OpenAIOptions

Finish = Literal["stop", "length"]

_LOCAL = ("localhost", "127.0.0.1", "::1")
_CONNECTIONS = 1024


def answer(messages: Sequence[Any], options: OpenAIOptions) -> TeacherAnswer:
    """One answer. Raises `TeacherFailure`."""
    return answer_once(open_session, messages, options)


def open_session(options: OpenAIOptions) -> OpenAISession:
    """A session. Raises `HeimdallError` without the client or a key."""
    try:
        import httpx2
        import openai
    except ImportError as error:
        raise missing_extra("openai", "teach", "the teacher 'openai'") from error
    host = urlsplit(options.base_url).hostname or ""
    if host in _LOCAL:
        key = os.environ.get(options.key_variable, "").strip() or "none"
    else:
        key = secret(options.key_variable, "the teacher 'openai'")
    limits = httpx2.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS)
    arguments: dict[str, Any] = {"limits": limits, "timeout": options.timeout}
    try:
        http: Any = openai.DefaultAioHttpClient(**arguments)
    except RuntimeError:  # without aiohttp; half as fast
        http = openai.DefaultAsyncHttpxClient(**arguments)
    client = openai.AsyncOpenAI(
        api_key=key, base_url=options.base_url or None, max_retries=0, http_client=http
    )
    return OpenAISession(client, httpx2.Response, openai, options, key)


class OpenAISession:
    """Many requests at once on one client."""

    def __init__(
        self, client: Any, response: type, errors: Any, options: OpenAIOptions, key: str
    ) -> None:
        self._client, self._response, self._errors = client, response, errors
        self._options, self._key = options, key
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
        try:
            # The plain `post` of the client: its typed methods spend as long on checking a body
            # that is known to be right as on everything else together.
            reply = await asyncio.wait_for(
                self._client.post("/chat/completions", cast_to=self._response, body=dict(rendered)),
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
            raise _connection(error) from None
        except self._errors.OpenAIError as error:
            text = scrubbed(str(error), self._key)[:200]
            raise TeacherFailure("broken", text, billed=True) from None
        return read(decoded(content), self._key)

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
    why = choices[0].get("finish_reason")
    if message.get("refusal") or why == "content_filter":
        return TeacherAnswer(
            scrubbed(str(message.get("refusal") or ""), key), **tokens, finish="refused"
        )
    text = message.get("content")
    if not isinstance(text, str):
        raise broken("has no text")
    return TeacherAnswer(
        scrubbed(text, key), **tokens, finish="length" if why == "length" else "stop"
    )


def _connection(error: BaseException) -> TeacherFailure:
    """A connection that was refused took no request; one that broke may have."""
    cause = error.__cause__ or error
    refused = "ConnectError" in type(cause).__name__
    text = "cannot connect" if refused else "the connection broke"
    return TeacherFailure("connection", text, billed=not refused)

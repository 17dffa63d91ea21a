"""A chat request in OpenAI's shape, checked. A setting that would be ignored is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from attrs import frozen

from heimdall_core.errors import HeimdallError, did_you_mean
from heimdall_core.prompt import STOP, Message

_MOST_TOKENS: Final = 8192

#: Settings that are taken where they change nothing.
_NEUTRAL: Final[dict[str, Callable[[Any], bool]]] = {
    "n": lambda v: v in (1, None),
    "top_p": lambda v: v in (1, 1.0, None),
    "presence_penalty": lambda v: v in (0, None),
    "frequency_penalty": lambda v: v in (0, None),
    "logprobs": lambda v: v in (False, None),
    "stop": lambda v: v is None or set([v] if isinstance(v, str) else v) <= set(STOP),
    "user": lambda v: True,
    "stream_options": lambda v: True,
    "response_format": lambda v: v in (None, {"type": "text"}),
}
_READ: Final = frozenset(
    {"model", "messages", "max_tokens", "max_completion_tokens", "temperature", "seed", "stream"}
)


@frozen
class ChatRequest:
    """What a client asks for."""

    messages: tuple[Message, ...]
    max_tokens: int | None
    temperature: float | None
    seed: int
    stream: bool


def read_request(body: Any) -> ChatRequest:
    """Raises `HeimdallError` with what is wrong, for an answer with status 400."""
    if not isinstance(body, dict):
        raise HeimdallError("the body must be a JSON object")
    for key, value in body.items():
        if key in _READ:
            continue
        if key not in _NEUTRAL:
            raise HeimdallError(
                f"'{key}' is not supported", hint=did_you_mean(key, {*_READ, *_NEUTRAL})
            )
        if not _NEUTRAL[key](value):
            raise HeimdallError(f"'{key}' = {value!r} is not supported")
    return ChatRequest(
        messages=_messages(body.get("messages")),
        max_tokens=_whole(body, "max_completion_tokens") or _whole(body, "max_tokens"),
        temperature=_temperature(body.get("temperature")),
        seed=_whole(body, "seed", least=0) or 0,
        stream=_flag(body.get("stream")),
    )


def _messages(given: Any) -> tuple[Message, ...]:
    if not isinstance(given, list) or not given:
        raise HeimdallError("'messages' must be a list with at least one message")
    messages = []
    for number, entry in enumerate(given):
        match entry:
            case {"role": "system" | "user" | "assistant" as role, "content": str(content)}:
                messages.append(Message(role, content))
            case {"role": role, "content": [*parts]} if all(
                isinstance(part, dict) and part.get("type") == "text" for part in parts
            ):
                messages.append(Message(role, "".join(str(part.get("text")) for part in parts)))
            case _:
                raise HeimdallError(
                    f"messages[{number}] must have a role (system, user, assistant) and text"
                )
    return tuple(messages)


def _whole(body: dict[str, Any], key: str, least: int = 1) -> int | None:
    value = body.get(key)
    if value is None:
        return None
    if type(value) is not int or not least <= value <= (_MOST_TOKENS if least else 2**31):
        raise HeimdallError(f"'{key}' must be a whole number from {least}, found {value!r}")
    return value


def _temperature(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 2:
        raise HeimdallError(f"'temperature' must be a number from 0 to 2, found {value!r}")
    return float(value)


def _flag(value: Any) -> bool:
    if value not in (None, True, False):
        raise HeimdallError(f"'stream' must be true or false, found {value!r}")
    return bool(value)

"""What teachers over HTTP share: what a status means, keys from the environment, one answer at a
time out of a session."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from heimdall_core.errors import HeimdallError, TeacherFailure
from heimdall_core.types import TeacherAnswer, TeacherRequest, TeacherSession

#: Statuses that another try may mend, beside all of 500 and above.
_AGAIN = {408: "timeout", 409: "server", 425: "busy", 429: "busy", 529: "busy"}
_FATAL = {
    401: "the key was refused",
    402: "there is nothing left to pay with",
    404: "no such model or address",
}
_LONGEST_WAIT = 3600.0
_HIDDEN = "***"


def secret(variable: str, what: str) -> str:
    """A key from the environment. Raises `HeimdallError` where there is none."""
    value = os.environ.get(variable, "").strip()
    if not value:
        raise HeimdallError(
            f"{what} needs a key in the environment variable {variable}",
            hint=f"export {variable}=…; keys are read from nowhere else",
        )
    return value


def scrubbed(text: str, key: str) -> str:
    """`text` without the key, nor any longer part of it."""
    if len(key) < 8:
        return text
    for form in dict.fromkeys((key, json.dumps(key)[1:-1])):
        for part in (form, form[: len(form) // 2], form[len(form) // 2 :]):
            text = text.replace(part, _HIDDEN)
    return text


def status_failure(
    status: int, headers: Mapping[str, str], body: str, key: str, now: float | None = None
) -> TeacherFailure:
    """What an HTTP status of 400 and above means, in one line without the key."""
    said = _message(scrubbed(body, key), key)
    text = f"HTTP {status}" + (f": {said}" if said else "")
    if status in _FATAL:
        return TeacherFailure("fatal", f"{_FATAL[status]} ({text})")
    if status == 403:  # by moderation for one request, or for all that this key sends
        return TeacherFailure("denied", f"the key may not do this ({text})")
    kind = _AGAIN.get(status, "server" if status >= 500 else "request")
    return TeacherFailure(kind, text, retry_after=retry_after(headers, now))


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds that a server asks to wait: `retry-after-ms`, `Retry-After` as seconds or date."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        if not value:
            continue
        try:
            seconds = float(value) / unit
        except ValueError:
            try:
                then = parsedate_to_datetime(value)
            except ValueError:
                continue
            seconds = then.timestamp() - (datetime.now(UTC).timestamp() if now is None else now)
        if seconds == seconds:
            return min(max(seconds, 0.0), _LONGEST_WAIT)
    return None


def decoded(content: bytes) -> dict[str, Any]:
    """The JSON object of an answer. Raises `TeacherFailure`: it may have been paid for."""
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise TeacherFailure("broken", "the answer is not valid JSON", billed=True) from error
    if not isinstance(data, dict):
        raise TeacherFailure("broken", "the answer is no JSON object", billed=True)
    return data


def broken(what: str) -> TeacherFailure:
    """An answer in another form than the interface promises."""
    return TeacherFailure("broken", f"the answer {what}", billed=True)


def count(value: Any) -> int:
    """A token count; 0 for what is none."""
    return value if type(value) is int and value >= 0 else 0


def answer_once(
    open_session: Callable[[Any], TeacherSession], messages: Sequence[Any], options: Any
) -> TeacherAnswer:
    """One answer, out of a session of its own. Not for use inside an event loop."""

    async def ask() -> TeacherAnswer:
        session = open_session(options)
        try:
            return await session.send(session.render(TeacherRequest(tuple(messages))))
        finally:
            await session.close()

    return asyncio.run(ask())


def plain_messages(messages: Sequence[Any]) -> list[dict[str, str]]:
    """Messages as the interfaces want them."""
    return [{"role": each.role, "content": each.content} for each in messages]


def _message(body: str, key: str) -> str:
    """What an error's body says, on one short line; the key is taken out before it is cut, or half
    of it might stay."""
    try:
        data = json.loads(body)
        error = data.get("error", data)
        text = error.get("message", "") if isinstance(error, dict) else error
    except (ValueError, AttributeError, RecursionError):
        text = body
    return " ".join(scrubbed(str(text), key).split())[:200]

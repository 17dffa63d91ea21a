"""What `heimdall_teachers` yields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

from attrs import frozen

from heimdall_core.types.base import Json, NoOptions


@frozen
class TeacherAnswer:
    """What a teacher answered, and what it cost."""

    text: str
    prompt_tokens: int = 0
    answer_tokens: int = 0
    finish: Literal["stop", "length", "refused", "error"] = "stop"


@frozen
class TeacherRequest:
    """One thing that a teacher is asked."""

    messages: tuple[Any, ...]
    """As in `heimdall_core.prompt`."""
    max_tokens: int = 512
    temperature: float = 0.0
    sample: int = 0
    """Which of several answers to one request: another number is another answer."""
    answer_schema: Json | None = None
    """JSON schema that the answer's text must follow, where the teacher can be held to one."""


@runtime_checkable
class TeacherSession(Protocol):
    """An open connection to a teacher, asked many times at once."""

    model: str
    """Name of the model that answers, for prices and provenance."""
    structured: bool
    """Whether it can be held to an `answer_schema`."""

    def render(self, request: TeacherRequest) -> Json:
        """The request as it is sent, without any secret: plain JSON, the same for the same
        request. Answers are kept under it."""

    async def send(self, rendered: Json) -> TeacherAnswer:
        """Sends a rendered request once, without trying again. Raises `TeacherFailure`."""

    async def close(self) -> None: ...


@frozen
class Teacher:
    """Yielded by `heimdall_teachers`: a large model that answers prompts."""

    name: str
    summary: str
    answer: Callable[[Sequence[Any], Any], TeacherAnswer]
    """`answer(messages, options)`, messages as in `heimdall_core.prompt`."""
    options: type = NoOptions
    terms: str = ""
    """Licence note on what may be done with its answers."""
    open: Callable[[Any], TeacherSession] | None = None
    """`open(options)`: a session for many requests at once; without it `answer` is called in
    threads."""

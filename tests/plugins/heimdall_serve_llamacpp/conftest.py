"""A model that says what it is told to, and the real language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from heimdall_core import Registry
from heimdall_core.types import Completion, Language


class Scripted:
    """Answers with the next of `replies`; remembers what it was asked."""

    name = "scripted"
    context_size = 100

    def __init__(self, *replies: str) -> None:
        self.replies = list(replies)
        self.calls: list[dict[str, Any]] = []

    def tokenize(self, text: str) -> list[int]:
        return list(range(len(text.split())))

    def generate(self, prompts: Sequence[str], **settings: Any) -> list[Completion]:
        self.calls.append({"prompt": prompts[0], **settings})
        text = self.replies.pop(0) if self.replies else "RETURN 1"
        if settings.get("on_text"):
            for piece in text.split(" "):
                settings["on_text"](piece)
        return [Completion(text, len(text.split()) + 1, "stop", 0.01)]


@pytest.fixture
def scripted() -> type[Scripted]:
    return Scripted


@pytest.fixture(scope="session")
def cypher() -> Language:
    return Registry(third_party=False).language("cypher")

"""Entry point of the plugin: the teacher `openai`."""

from __future__ import annotations

from collections.abc import Iterator

from heimdall_core import Teacher, hookimpl, lazy
from heimdall_teach_openai.options import OpenAIOptions


@hookimpl
def heimdall_teachers() -> Iterator[Teacher]:
    yield Teacher(
        name="openai",
        summary="OpenAI's models, and every server that speaks its interface.",
        answer=lazy("heimdall_teach_openai.session:answer"),
        options=OpenAIOptions,
        terms="OpenAI's terms of use: answers may not be used to develop models that compete with "
        "OpenAI; of another server, the licence of the model that it serves.",
        open=lazy("heimdall_teach_openai.session:open_session"),
    )

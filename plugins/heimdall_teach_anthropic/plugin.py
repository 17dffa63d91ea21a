"""Entry point of the plugin: the teacher `anthropic`."""

from __future__ import annotations

from collections.abc import Iterator

from heimdall_core import Teacher, hookimpl, lazy
from heimdall_teach_anthropic.options import AnthropicOptions


@hookimpl
def heimdall_teachers() -> Iterator[Teacher]:
    yield Teacher(
        name="anthropic",
        summary="Anthropic's models.",
        answer=lazy("heimdall_teach_anthropic.session:answer"),
        options=AnthropicOptions,
        terms="Anthropic's commercial terms: answers may not be used to build competing products "
        "or to train competing models, except as expressly approved.",
        open=lazy("heimdall_teach_anthropic.session:open_session"),
    )

"""Entry point of the plugin: the teacher `local`."""

from __future__ import annotations

from collections.abc import Iterator

from heimdall_core import Teacher, hookimpl, lazy
from heimdall_teach_local.options import LocalOptions


@hookimpl
def heimdall_teachers() -> Iterator[Teacher]:
    yield Teacher(
        name="local",
        summary="A GGUF file or a model directory on this machine, through the runtimes.",
        answer=lazy("heimdall_teach_local.session:answer"),
        options=LocalOptions,
        terms="The licence of the model that answers.",
        open=lazy("heimdall_teach_local.session:open_session"),
    )

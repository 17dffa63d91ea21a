"""Entry point of the plugin."""

from __future__ import annotations

from collections.abc import Iterator

from heimdall_core import Command, hookimpl, lazy


@hookimpl
def heimdall_commands() -> Iterator[Command]:
    yield Command(
        name="deploy",
        summary="Put a model into NornicDB, or check a running one.",
        load=lazy("heimdall_export_nornicdb.commands:deploy"),
    )
    yield Command(
        name="context",
        summary="Recommend a context size.",
        load=lazy("heimdall_export_nornicdb.commands:context"),
    )
    yield Command(
        name="checklist",
        summary="Go through the production checklist for a run.",
        load=lazy("heimdall_export_nornicdb.commands:checklist"),
    )

"""Entry point of the plugin: the command group `heimdall nornicdb`."""

from __future__ import annotations

from collections.abc import Iterator

from heimdall_core import Command, hookimpl, lazy


@hookimpl
def heimdall_commands() -> Iterator[Command]:
    yield Command(
        name="nornicdb",
        summary="What is read from a NornicDB checkout, and whether the facts still hold.",
        load=lazy("heimdall_repo_nornicdb.cli:command"),
    )

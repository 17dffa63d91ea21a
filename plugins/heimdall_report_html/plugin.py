"""Entry point of the plugin."""

from __future__ import annotations

from collections.abc import Iterator

from heimdall_core import Command, hookimpl, lazy


@hookimpl
def heimdall_commands() -> Iterator[Command]:
    yield Command(
        name="report",
        summary="Write a run's report: one HTML page, a model card, or JSON.",
        load=lazy("heimdall_report_html.cli:command"),
    )

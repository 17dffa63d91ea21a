"""Entry point of the plugin."""

from __future__ import annotations

from collections.abc import Iterator

from heimdall_core import Command, hookimpl, lazy


@hookimpl
def heimdall_commands() -> Iterator[Command]:
    yield Command(
        name="serve",
        summary="Serve a GGUF over HTTP, with a chat page.",
        load=lazy("heimdall_serve_llamacpp.commands:serve"),
    )
    yield Command(
        name="benchmark",
        summary="Measure tokens per second and latency of a GGUF.",
        load=lazy("heimdall_serve_llamacpp.commands:benchmark"),
    )

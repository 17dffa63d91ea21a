"""Entry point of the plugin."""

from __future__ import annotations

from collections.abc import Iterator

from heimdall_core import Runtime, hookimpl, lazy
from heimdall_run_llamacpp.options import LlamaCppOptions, handles


@hookimpl
def heimdall_runtimes() -> Iterator[Runtime]:
    yield Runtime(
        name="llamacpp",
        summary="GGUF files through llama.cpp, on the CPU.",
        handles=handles,
        load=lazy("heimdall_run_llamacpp.load:load"),
        options=LlamaCppOptions,
    )

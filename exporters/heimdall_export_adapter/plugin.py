"""Entry point of the plugin."""

from __future__ import annotations

from collections.abc import Iterator

from heimdall_core import Exporter, hookimpl, lazy
from heimdall_export_adapter.options import AdapterOptions, kinds


@hookimpl
def heimdall_exporters() -> Iterator[Exporter]:
    yield Exporter(
        name="adapter",
        summary="A LoRA adapter as a GGUF of its own, for llama.cpp's --lora.",
        export=lazy("heimdall_export_adapter.load:export"),
        options=AdapterOptions,
        kinds=kinds,
        ready=lazy("heimdall_export_adapter.load:ready"),
    )

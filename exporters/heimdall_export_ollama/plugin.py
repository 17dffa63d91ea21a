"""Entry point of the plugin."""

from __future__ import annotations

from collections.abc import Iterator

from heimdall_core import Exporter, hookimpl, lazy
from heimdall_export_ollama.options import OllamaOptions, kinds


@hookimpl
def heimdall_exporters() -> Iterator[Exporter]:
    yield Exporter(
        name="ollama",
        summary="A GGUF with its Modelfile, ready for ollama create.",
        export=lazy("heimdall_export_ollama.load:export"),
        options=OllamaOptions,
        kinds=kinds,
        ready=lazy("heimdall_export_ollama.load:ready"),
        verify=lazy("heimdall_export_ollama.load:verify"),
    )

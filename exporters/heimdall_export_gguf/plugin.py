"""Entry point of the plugin."""

from __future__ import annotations

from collections.abc import Iterator

from heimdall_core import Exporter, hookimpl, lazy
from heimdall_export_gguf.options import GGUFOptions, kinds
from heimdall_export_gguf.quant_types import described_types


@hookimpl
def heimdall_exporters() -> Iterator[Exporter]:
    yield Exporter(
        name="gguf",
        summary="GGUF files for llama.cpp, NornicDB and Ollama, in any quantisation.",
        export=lazy("heimdall_export_gguf.load:export"),
        options=GGUFOptions,
        kinds=kinds,
        ready=lazy("heimdall_export_gguf.load:ready"),
        verify=lazy("heimdall_export_gguf.load:verify"),
        formats=described_types,
    )

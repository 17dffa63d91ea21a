"""Entry point of the plugin."""

from __future__ import annotations

from collections.abc import Iterator

from heimdall_core import Exporter, hookimpl, lazy
from heimdall_export_merged.options import MergedOptions, kinds


@hookimpl
def heimdall_exporters() -> Iterator[Exporter]:
    yield Exporter(
        name="merged",
        summary="A merged model as safetensors, block of rows by block of rows.",
        export=lazy("heimdall_export_merged.load:export"),
        options=MergedOptions,
        kinds=kinds,
        ready=lazy("heimdall_export_merged.load:ready"),
    )

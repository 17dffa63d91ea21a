"""Entry point of the plugin."""

from __future__ import annotations

from collections.abc import Iterator

from heimdall_core import Runtime, hookimpl, lazy
from heimdall_run_transformers.options import TransformersOptions, handles


@hookimpl
def heimdall_runtimes() -> Iterator[Runtime]:
    yield Runtime(
        name="transformers",
        summary="Hugging Face model directories (safetensors) through PyTorch.",
        handles=handles,
        load=lazy("heimdall_run_transformers.load:load"),
        options=TransformersOptions,
    )

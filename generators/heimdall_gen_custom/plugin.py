"""Entry point of the plugin: the generator `custom`."""

from __future__ import annotations

from collections.abc import Iterator

from heimdall_core import Generator, hookimpl, lazy
from heimdall_gen_custom.options import CustomOptions, inputs


@hookimpl
def heimdall_generators() -> Iterator[Generator]:
    yield Generator(
        name="custom",
        summary="Your own examples and templates, from TOML and JSONL files.",
        categories=("custom",),
        examples=lazy("heimdall_gen_custom.generate:examples"),
        options=CustomOptions,
        licence="LicenseRef-Custom",
        schemas=lazy("heimdall_gen_custom.generate:schemas"),
        inputs=inputs,
    )

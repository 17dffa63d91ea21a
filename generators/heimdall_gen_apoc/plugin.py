"""Entry point of the plugin: the generator `apoc`."""

from __future__ import annotations

from collections.abc import Iterator

from heimdall_core import Generator, hookimpl, lazy
from heimdall_gen_apoc.options import CATEGORIES, ApocOptions


@hookimpl
def heimdall_generators() -> Iterator[Generator]:
    yield Generator(
        name="apoc",
        summary="APOC in NornicDB, called and not callable, and the making of Heimdall plugins.",
        categories=CATEGORIES,
        examples=lazy("heimdall_gen_apoc.generate:examples"),
        options=ApocOptions,
        licence="MIT",
        schemas=lazy("heimdall_gen_apoc.generate:schemas_as_json"),
        splits=True,
    )

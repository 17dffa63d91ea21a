"""Entry point of the plugin: the generator `nornicdb`."""

from __future__ import annotations

from collections.abc import Iterator

from heimdall_core import Generator, hookimpl, lazy
from heimdall_gen_nornicdb.options import CATEGORIES, NornicOptions


@hookimpl
def heimdall_generators() -> Iterator[Generator]:
    yield Generator(
        name="nornicdb",
        summary="NornicDB's operations, and the rewrite for what its engine answers otherwise.",
        categories=CATEGORIES,
        examples=lazy("heimdall_gen_nornicdb.generate:examples"),
        options=NornicOptions,
        licence="MIT",
        schemas=lazy("heimdall_gen_nornicdb.generate:schemas_as_json"),
        splits=True,
    )

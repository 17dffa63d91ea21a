"""Entry point of the plugin: the generator `import`."""

from __future__ import annotations

from collections.abc import Iterator

from heimdall_core import Generator, hookimpl, lazy
from heimdall_gen_import.options import ImportOptions, inputs


@hookimpl
def heimdall_generators() -> Iterator[Generator]:
    yield Generator(
        name="import",
        summary="Pairs that others have made: CSV, JSONL, Parquet, chats, Markdown, datasets.",
        categories=("imported_query", "imported_text"),
        examples=lazy("heimdall_gen_import.generate:examples"),
        options=ImportOptions,
        licence="LicenseRef-Unknown",
        schemas=lazy("heimdall_gen_import.generate:schemas"),
        inputs=inputs,
    )

"""Entry point of the plugin: the generator `cypher`."""

from __future__ import annotations

from collections.abc import Iterator

from heimdall_core import Generator, hookimpl, lazy
from heimdall_gen_cypher.categories import CATEGORIES
from heimdall_gen_cypher.options import CypherOptions


@hookimpl
def heimdall_generators() -> Iterator[Generator]:
    yield Generator(
        name="cypher",
        summary="Cypher fundamentals over typed graph schemas, each question with one right query.",
        categories=CATEGORIES,
        examples=lazy("heimdall_gen_cypher.generate:examples"),
        options=CypherOptions,
        licence="MIT",
        schemas=lazy("heimdall_gen_cypher.generate:schemas_as_json"),
        inputs=CypherOptions.inputs,
        splits=True,
    )

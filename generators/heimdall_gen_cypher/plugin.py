"""Entry point of the plugin: the generator `cypher`."""

from __future__ import annotations

from collections.abc import Iterator

from heimdall_core import Generator, hookimpl
from heimdall_gen_cypher.catalogue import CATEGORIES
from heimdall_gen_cypher.generate import LICENCE, SOURCE, examples, schemas_as_json
from heimdall_gen_cypher.options import CypherOptions


@hookimpl
def heimdall_generators() -> Iterator[Generator]:
    yield Generator(
        name=SOURCE,
        summary="Cypher fundamentals over typed graph schemas, each question with one right query.",
        categories=CATEGORIES,
        examples=examples,
        options=CypherOptions,
        licence=LICENCE,
        schemas=schemas_as_json,
        inputs=CypherOptions.inputs,
    )

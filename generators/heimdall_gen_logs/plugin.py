"""Entry point of the plugin: the generator `logs` and the command `add-production-queries`."""

from __future__ import annotations

from collections.abc import Iterator

from heimdall_core import Command, Generator, hookimpl, lazy
from heimdall_gen_logs.options import LogsOptions, inputs

CATEGORIES = ("production_query", "production_fix", "production_diagnosis")


@hookimpl
def heimdall_generators() -> Iterator[Generator]:
    yield Generator(
        name="logs",
        summary="Queries from production logs, freed of their data, each with its question.",
        categories=CATEGORIES,
        examples=lazy("heimdall_gen_logs.generate:examples"),
        options=LogsOptions,
        licence="LicenseRef-Internal",
        schemas=lazy("heimdall_gen_logs.generate:schemas"),
        inputs=inputs,
    )


@hookimpl
def heimdall_commands() -> Iterator[Command]:
    yield Command(
        name="add-production-queries",
        summary="Add the queries of a log to a dataset.",
        load=lazy("heimdall_gen_logs.cli:command"),
    )

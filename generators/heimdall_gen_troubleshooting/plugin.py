"""Entry point of the plugin: the generator `troubleshooting`."""

from __future__ import annotations

from collections.abc import Iterator

from heimdall_core import Generator, hookimpl, lazy
from heimdall_gen_troubleshooting.options import CATEGORIES, TroubleOptions


@hookimpl
def heimdall_generators() -> Iterator[Generator]:
    yield Generator(
        name="troubleshooting",
        summary="Symptom, diagnosis and action for NornicDB; broken queries and their repair.",
        categories=CATEGORIES,
        examples=lazy("heimdall_gen_troubleshooting.generate:examples"),
        options=TroubleOptions,
        licence="MIT",
        schemas=lazy("heimdall_gen_troubleshooting.generate:schemas_as_json"),
        splits=True,
    )

"""Entry point of the plugin: the generator `distill` and the command of that name."""

from __future__ import annotations

from collections.abc import Iterator

from heimdall_core import Command, Generator, hookimpl, lazy
from heimdall_gen_distill.options import DistillOptions, inputs

CATEGORIES = (
    "distilled_answer",
    "distilled_questions",
    "distilled_paraphrase",
    "distilled_explain",
    "distilled_evolve",
    "distilled_repair",
)


@hookimpl
def heimdall_generators() -> Iterator[Generator]:
    yield Generator(
        name="distill",
        summary="What a larger model answers, paid once and checked always.",
        categories=CATEGORIES,
        examples=lazy("heimdall_gen_distill.generate:examples"),
        options=DistillOptions,
        licence="LicenseRef-Distilled",
        schemas=lazy("heimdall_gen_distill.generate:schemas"),
        inputs=inputs,
    )


@hookimpl
def heimdall_commands() -> Iterator[Command]:
    yield Command(
        name="distill",
        summary="Ask a large teacher, check every answer, keep what is right.",
        load=lazy("heimdall_gen_distill.cli:command"),
    )

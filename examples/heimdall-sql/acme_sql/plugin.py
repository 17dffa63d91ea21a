"""Registers SQL: language, generator, evaluator and presets. Imports nothing heavy."""

from collections.abc import Iterator

from acme_sql.metric_options import MetricOptions
from acme_sql.presets import NANO, QUICK
from acme_sql.rows import CATEGORIES, Options, examples
from acme_sql.schemas import DATABASES, plain, populate
from heimdall_core import Evaluator, Generator, Language, Preset, hookimpl, lazy

#: The hook versions that this plugin was written for.
heimdall_api = ">=1,<2"


@hookimpl
def heimdall_languages() -> Iterator[Language]:
    yield Language(
        name="sql",
        summary="SQL as SQLite speaks it, parsed by sqlglot",
        dialects=("sqlite",),
        check=lazy("acme_sql.language:check"),
        normalise=lazy("acme_sql.language:normalise"),
        format=lazy("acme_sql.language:format_sql"),
        extract=lazy("acme_sql.language:extract"),
        complexity=lazy("acme_sql.language:complexity"),
        engines=("sqlite",),
        engine=lazy("acme_sql.engine:open_engine"),
        populate=populate,
    )


@hookimpl
def heimdall_generators() -> Iterator[Generator]:
    yield Generator(
        name="sql",
        summary="Questions over three databases with their SQL",
        categories=CATEGORIES,
        examples=examples,
        options=Options,
        schemas=lambda options: {name: plain(name) for name in DATABASES},
    )


@hookimpl
def heimdall_evaluators() -> Iterator[Evaluator]:
    yield Evaluator(
        name="sql_rows",
        summary="Answers that give the reference's rows on generated data",
        measure=lazy("acme_sql.metric:measure"),
        options=MetricOptions,
        target=0.9,
        bounds=(0.0, 1.0),
    )


@hookimpl
def heimdall_presets() -> Iterator[Preset]:
    yield Preset("sql_nano", str(NANO["description"]), NANO)
    yield Preset("sql_nano_quick", str(QUICK["description"]), QUICK)

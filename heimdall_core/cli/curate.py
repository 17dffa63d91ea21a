"""`heimdall validate`, `correct`, `split`: the care of a dataset, on plain files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from heimdall_core.cli.common import (
    console,
    json_option,
    print_json,
    registry,
    settings_table,
)
from heimdall_core.dataset.correct import CorrectOptions, correct_file
from heimdall_core.dataset.split import SplitOptions, split_rows
from heimdall_core.dataset.validate import ValidateOptions, validate_file
from heimdall_core.errors import FindingsError
from heimdall_core.pipeline.steps.generate import known_schemas
from heimdall_core.structure import structure

_file = click.Path(path_type=Path)
_dataset = click.argument("dataset", type=_file)
_set = click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Any option.")


@click.command("validate")
@_dataset
@click.option("--check-language/--no-check-language", default=None, help="Check the answers.")
@click.option("--dialect", help="Dialect to check the answers against.")
@_set
@json_option
def validate(
    dataset: Path,
    check_language: bool | None,
    dialect: str | None,
    settings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Report what is wrong with DATASET. Exit code 1 where a limit is missed."""
    options = _options(ValidateOptions, settings, check_language=check_language, dialect=dialect)
    plugins = registry()
    report = validate_file(
        dataset, options, language=plugins.find_language, schemas=known_schemas(plugins)
    )
    failed = report.failures(options)
    if as_json:
        print_json({**report.to_json(), "failed": failed})
    else:
        for line in report.lines(options):
            click.echo(line)
        _counts("Rows by category", report.categories)
        for line in (*report.bad_lines, *report.placeholder_lines):
            click.echo(f"  {line}")
        if more := report.bad - len(report.bad_lines):
            click.echo(f"  and {more} more bad lines; --set examples=N shows more")
        for finding in report.findings:
            click.echo(f"  {finding.count}× {finding.code}: {finding.example}")
    if failed:
        raise FindingsError(f"{len(failed)} limits missed", where=str(dataset))


@click.command("correct")
@_dataset
@click.option("--output", type=_file, help="Write here instead of in place.")
@click.option("--min-category-size", type=click.IntRange(0), help="Rows that a category needs.")
@click.option("--max-category-ratio", type=click.FloatRange(1), help="Largest over smallest.")
@click.option("--check-language/--no-check-language", default=None, help="Check the answers.")
@click.option("--dialect", help="Dialect to check the answers against.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and write nothing.")
@_set
@json_option
def correct(
    dataset: Path,
    output: Path | None,
    dry_run: bool,
    settings: tuple[str, ...],
    as_json: bool,
    **flags: Any,
) -> None:
    """Remove what is wrong with DATASET, in place after a backup. Nothing is ever copied."""
    options = _options(CorrectOptions, settings, **flags)
    plugins = registry()
    report = correct_file(
        dataset,
        output,
        options,
        language=plugins.find_language,
        schemas=known_schemas(plugins),
        dry_run=dry_run,
    )
    if as_json:
        print_json(report.to_json())
        return
    for line in report.lines():
        click.echo(line)
    _counts("Rows by category", report.categories)


@click.command("split")
@_dataset
@click.option("--output-dir", type=_file, required=True, help="Folder for the parts.")
@click.option("--validation", type=float, help="Share for validation.")
@click.option("--test", type=float, help="Share for the test.")
@click.option("--unseen-schemas", type=click.IntRange(0), help="Schemas kept out of training.")
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True)
@_set
@json_option
def split(
    dataset: Path,
    output_dir: Path,
    seed: int,
    settings: tuple[str, ...],
    as_json: bool,
    **flags: Any,
) -> None:
    """Split DATASET so that nothing close crosses from one part to another."""
    report = split_rows(dataset, output_dir, _options(SplitOptions, settings, **flags), seed=seed)
    if as_json:
        print_json(report.to_json())
        return
    for line in report.lines():
        click.echo(line)


def _options(kind: Any, settings: tuple[str, ...], **flags: Any) -> Any:
    given = {name: value for name, value in flags.items() if value is not None}
    return structure({**settings_table(settings), **given}, kind)


def _counts(title: str, counts: Any) -> None:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    table.add_column("category")
    table.add_column("rows", justify="right")
    for name, count in counts.items():
        table.add_row(name or "(none)", f"{count:,}")
    console().print(table)

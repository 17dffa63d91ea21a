"""`heimdall generate`, `validate`, `correct`, `split`: the data stages on plain files."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click

from heimdall_core.cli.common import (
    console,
    json_option,
    print_json,
    progress,
    registry,
    settings_table,
)
from heimdall_core.cli.run import load
from heimdall_core.dataset.correct import CorrectOptions, correct_file
from heimdall_core.dataset.split import SplitOptions, split_rows
from heimdall_core.dataset.validate import ValidateOptions, validate_file
from heimdall_core.errors import FindingsError, HeimdallError
from heimdall_core.pipeline.measure import peak_bytes
from heimdall_core.pipeline.stages import sources_of
from heimdall_core.pipeline.steps.generate import Source, generate_dataset, known_schemas
from heimdall_core.structure import structure

_file = click.Path(path_type=Path)
_dataset = click.argument("dataset", type=_file)
_set = click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Any option.")


@click.command("generate")
@click.option("--num-examples", type=click.IntRange(1), default=5000, show_default=True)
@click.option("--output", type=_file, required=True, help="JSONL file to write (.gz too).")
@click.option("--generator", "generators", multiple=True, help="By name; repeat for several.")
@click.option("--recipe", "--preset", help="Take the mix from a recipe or preset instead.")
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True)
@click.option("--dialect", default="", help="Dialect that rows are checked against.")
@click.option("--rejects", type=_file, help="Write rows that the checker rejects, with why.")
@click.option("--check/--no-check", default=True, help="Check every row; default on.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Generator's option.")
@json_option
def generate(
    num_examples: int,
    output: Path,
    generators: tuple[str, ...],
    recipe: str | None,
    seed: int,
    dialect: str,
    rejects: Path | None,
    check: bool,
    settings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Generate a dataset: rows with distinct prompts, each checked by its language."""
    plugins = registry()
    if recipe and (generators or settings):
        raise HeimdallError("--recipe brings its own mix", hint="leave out --generator and --set")
    if recipe:
        sources = sources_of(load(recipe, ()).resolve(plugins), plugins)
    else:
        names = tuple(dict.fromkeys(generators)) or plugins.names("generator")
        if settings and len(names) != 1:
            raise HeimdallError("--set is for one generator", hint="name it with --generator")
        sources = tuple(
            Source(
                plugins.generator(name),
                structure(settings_table(settings), plugins.generator(name).options, name),
            )
            for name in names
        )
    if not sources:
        raise HeimdallError("no generator is installed", hint="see: heimdall plugins")
    started = time.monotonic()
    with progress() as observe:
        report = generate_dataset(
            plugins,
            sources,
            total=num_examples,
            seed=seed,
            output=output,
            rejects=rejects,
            check=check,
            dialect=dialect,
            emit=observe,
        )
    seconds = time.monotonic() - started
    if as_json:
        # One line, the last of the output, for programs that read it.
        figures = {
            **report.to_dict(),
            "output": str(output),
            "seconds": round(seconds, 3),
            "peak_mb": round(peak_bytes() / 1e6, 1),
        }
        click.echo(json.dumps(figures, ensure_ascii=False))
        return
    click.echo(f"{output}: {report.rows:,} rows, {report.rejected} rejected, {seconds:.1f} s")


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

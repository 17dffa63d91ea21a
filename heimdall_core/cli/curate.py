"""`heimdall validate`, `correct`, `split`: the care of a dataset, on plain files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import click

from heimdall_core.cli.common import (
    console,
    dataset_type,
    executor_options,
    executor_table,
    json_option,
    print_json,
    progress,
    registry,
    settings_table,
    shard_options,
)
from heimdall_core.dataset.correct import CorrectionReport, CorrectOptions, correct_file
from heimdall_core.dataset.lengths import TokenReport
from heimdall_core.dataset.remote import located
from heimdall_core.dataset.report import ValidationReport
from heimdall_core.dataset.shard_write import ShardSize
from heimdall_core.dataset.split import SplitOptions, split_rows
from heimdall_core.dataset.validate import ValidateOptions, validate_file
from heimdall_core.errors import FindingsError, HeimdallError
from heimdall_core.execution import working
from heimdall_core.pipeline.steps.generate import Source, known_schemas
from heimdall_core.pipeline.steps.refill import refilled, require_generators
from heimdall_core.registry import Registry
from heimdall_core.structure import structure

_dataset = click.argument("dataset", type=dataset_type)
_workers = click.option(
    "--workers", type=click.IntRange(0), default=None, help="Processes; 0 for one per core."
)
_set = click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Any option.")


@click.command("validate")
@_dataset
@click.option("--check-language/--no-check-language", default=None, help="Check the answers.")
@click.option("--near-duplicates/--no-near-duplicates", default=None, help="Look for them.")
@click.option("--personal-data/--no-personal-data", default=None, help="Look for it.")
@click.option("--language", help="Language of the rows that name none.")
@click.option("--dialect", help="Dialect to check the answers against.")
@click.option("--tokenizer", help="Model folder, tokenizer.json or hub name to count tokens with.")
@click.option("--prompt-profile", help="Rendering that tokens are counted under.")
@click.option("--max-seq-length", type=click.IntRange(1), help="Tokens that a trainer takes.")
@click.option("--strict", is_flag=True, help="Every limit as a corrected dataset keeps it.")
@_workers
@executor_options
@_set
@json_option
def validate(
    dataset: Path, strict: bool, settings: tuple[str, ...], as_json: bool, **flags: Any
) -> None:
    """Report what is wrong with DATASET. Exit code 1 where a limit is missed."""
    executor = _executor(flags)
    options: ValidateOptions = _options(ValidateOptions, settings, **flags)
    if strict:
        options = options.strict()
    plugins = registry()
    with progress() as observe, working(plugins, executor, observe):
        report = validate_file(
            dataset,
            options,
            language=plugins.find_language,
            schemas=known_schemas(plugins),
            emit=observe,
        )
    failed = report.failures(options)
    if as_json:
        print_json({**report.to_json(), "failed": failed})
    else:
        _show_report(report, options)
    if failed:
        named = ", ".join(line.partition(":")[0].lower() for line in failed)
        missed = "1 limit" if len(failed) == 1 else f"{len(failed)} limits"
        raise FindingsError(f"{missed} missed: {named}", where=str(dataset))


def _show_report(report: ValidationReport, options: ValidateOptions) -> None:
    for line in report.lines(options):
        click.echo(line)
    _counts("Rows by category", report.categories)
    _counts("Rows by licence", report.licences, "licence")
    for line in (*report.bad_lines, *report.placeholder_lines, *report.personal_lines):
        click.echo(f"  {line}")
    if more := report.bad - len(report.bad_lines):
        click.echo(f"  and {more} more bad lines; --set examples=N shows more")
    for worst in report.worst_contradictions:
        click.echo(f"  line {worst.line}: {worst.answers} answers to '{worst.prompt}'")
    for finding in report.findings:
        click.echo(f"  {finding.count}× {finding.code} ({finding.kind}): {finding.example}")
    if report.tokens is not None:
        _lengths(report.tokens)


def _lengths(tokens: TokenReport) -> None:
    from rich.table import Table

    table = Table(title=f"Tokens ({tokens.tokenizer}, {tokens.profile})", title_justify="left")
    table.add_column("")
    for column in ("mean", "5 %", "50 %", "95 %", "longest"):
        table.add_column(column, justify="right")
    for name, found in (
        ("prompt", tokens.prompt),
        ("answer", tokens.answer),
        ("row", tokens.row),
    ):
        figures = (found.p5, found.p50, found.p95, found.longest)
        table.add_row(name, f"{found.mean:,.1f}", *(f"{n:,}" for n in figures))
    console().print(table)


@click.command("correct")
@_dataset
@click.option("--output", type=dataset_type, help="Write here instead of in place.")
@click.option("--min-category-size", type=click.IntRange(0), help="Rows that a category needs.")
@click.option("--max-category-ratio", type=click.FloatRange(1), help="Largest over smallest.")
@click.option("--check-language/--no-check-language", default=None, help="Check the answers.")
@click.option("--near-duplicates/--no-near-duplicates", default=None, help="Remove them.")
@click.option(
    "--canonical-duplicates",
    type=click.Choice(["prompt", "all", "keep"]),
    help="Queries that are one by their canonical form: of one prompt, everywhere, or keep.",
)
@click.option(
    "--contradictions",
    type=click.Choice(["drop", "majority", "keep"]),
    help="Prompts with different answers.",
)
@click.option("--language", help="Language of the rows that name none.")
@click.option("--dialect", help="Dialect to check the answers against.")
@click.option("--hash", type=click.Choice(["blake2b", "md5"]), help="Digest in the removals' list.")
@click.option("--refill", is_flag=True, help="Have generators fill the categories that lack rows.")
@click.option("--recipe", "--preset", help="With --refill: take the generators from here.")
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True, help="Of --refill.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and write nothing.")
@shard_options
@_workers
@executor_options
@_set
@json_option
def correct(
    dataset: Path,
    output: Path | None,
    refill: bool,
    recipe: str | None,
    seed: int,
    dry_run: bool,
    shards: ShardSize | None,
    settings: tuple[str, ...],
    as_json: bool,
    **flags: Any,
) -> None:
    """Remove what is wrong with DATASET, in place after a backup. Nothing is ever copied."""
    executor = _executor(flags)
    options: CorrectOptions = _options(CorrectOptions, settings, **flags)
    plugins = registry()
    if recipe and not refill:
        raise HeimdallError("--recipe is for --refill", hint="add --refill, or leave it out")
    if refill and not options.min_category_size:
        raise HeimdallError(
            "--refill has nothing to fill up to", hint="set --min-category-size, such as 50"
        )
    with progress() as observe, working(plugins, executor, observe):

        def corrected(
            source: Path, target: Path | None, *, history: bool = False, keep: bool = False
        ) -> CorrectionReport:
            return correct_file(
                source,
                target,
                options,
                language=plugins.find_language,
                schemas=known_schemas(plugins),
                dry_run=dry_run,
                history=history,
                keep_target=keep,
                shards=shards,
                emit=observe,
            )

        report = corrected(dataset, output)
        lines = report.lines()
        if refill and report.quotas and not dry_run:
            target = located(report.output)
            # A first pass that changed nothing has kept nothing.
            keep = output is None and report.backup is None
            again = refilled(
                plugins,
                _sources(plugins, recipe),
                target,
                report,
                lambda path: corrected(path, output or dataset, history=True, keep=keep),
                extra=target.with_name(f"{target.name.split('.')[0]}_refill.jsonl"),
                seed=seed,
                dialect=options.dialect,
                emit=observe,
            )
            report = attrs.evolve(again, backup=again.backup or report.backup)
            lines += ["Second pass:", *again.lines()]
    if as_json:
        print_json(report.to_json())
        return
    for line in lines:
        click.echo(line)
    _counts("Rows by category", report.categories)


def _sources(plugins: Registry, recipe: str | None) -> tuple[Source, ...]:
    from heimdall_core.cli.run import load
    from heimdall_core.pipeline.data_stages import sources_of

    if recipe:
        return sources_of(load(recipe, ()).resolve(plugins), plugins)
    found = []
    for name in plugins.names("generator"):
        generator = plugins.generator(name)
        found.append(Source(generator, structure({}, generator.options, name)))
    require_generators(tuple(found))
    return tuple(found)


@click.command("split")
@_dataset
@click.option("--output-dir", type=dataset_type, required=True, help="Folder for the parts.")
@click.option("--validation", type=float, help="Share for validation.")
@click.option("--test", type=float, help="Share for the test.")
@click.option("--unseen-schemas", type=click.IntRange(0), help="Schemas kept out of training.")
@click.option("--unseen-families", type=click.IntRange(0), help="Families kept out of training.")
@click.option(
    "--allow-copies",
    is_flag=True,
    default=None,
    help="Copy rows of small categories, in the training part alone.",
)
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True)
@shard_options
@_workers
@executor_options
@_set
@json_option
def split(
    dataset: Path,
    output_dir: Path,
    seed: int,
    shards: ShardSize | None,
    settings: tuple[str, ...],
    as_json: bool,
    **flags: Any,
) -> None:
    """Split DATASET so that nothing close crosses from one part to another."""
    executor = _executor(flags)
    options: SplitOptions = _options(SplitOptions, settings, **flags)
    with progress() as observe, working(registry(), executor, observe):
        report = split_rows(
            dataset,
            output_dir,
            options,
            seed=seed,
            shards=shards,
            language=registry().find_language,
            emit=observe,
        )
    if as_json:
        print_json(report.to_json())
        return
    for line in report.lines():
        click.echo(line)


def _executor(flags: dict[str, Any]) -> dict[str, Any]:
    """Takes the executor's own options out of a command's flags."""
    name, address = flags.pop("executor"), flags.pop("address")
    return executor_table(name, address, flags.pop("executor_settings"), flags["workers"])


def _options(kind: Any, settings: tuple[str, ...], **flags: Any) -> Any:
    given = {name: value for name, value in flags.items() if value is not None}
    return structure({**settings_table(settings), **given}, kind)


def _counts(title: str, counts: Any, column: str = "category") -> None:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    table.add_column(column)
    table.add_column("rows", justify="right")
    for name, count in counts.items():
        table.add_row(name or "(not stated)", f"{count:,}")
    console().print(table)

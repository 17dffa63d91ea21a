"""`heimdall preview`, `heimdall stats`: looking at a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from heimdall_core.cli.common import (
    console,
    dataset_type,
    json_option,
    print_json,
    progress,
    registry,
)
from heimdall_core.dataset.describe import Description, describe
from heimdall_core.dataset.lengths import Spread
from heimdall_core.dataset.preview import PreviewedRow, preview_rows
from heimdall_core.errors import FindingsError, HeimdallError

_file = click.Path(path_type=Path)
_tokenizer = click.option("--tokenizer", default="", help="Model folder, tokenizer.json, hub name.")
_TITLES = {
    "categories": "category",
    "families": "family",
    "schemas": "schema",
    "context_sizes": "context size",
    "sources": "source",
    "licences": "licence",
    "languages": "language",
}


@click.command("preview")
@click.argument("dataset", type=dataset_type)
@click.option("--rows", type=click.IntRange(1), default=3, show_default=True, help="How many.")
@click.option("--from-line", "first", type=click.IntRange(1), default=1, help="Where to begin.")
@_tokenizer
@click.option("--max-seq-length", type=click.IntRange(1), help="Tokens that a trainer takes.")
@json_option
def preview(
    dataset: Path,
    rows: int,
    first: int,
    tokenizer: str,
    max_seq_length: int | None,
    as_json: bool,
) -> None:
    """Show rows of DATASET as a model sees them: the prompt dimmed, what is trained in green, the
    end of the answer marked, and what a trainer would not take in red."""
    if max_seq_length and not tokenizer:
        raise HeimdallError("--max-seq-length counts tokens", hint="name a --tokenizer")
    found, bad = preview_rows(
        dataset,
        rows=rows,
        first=first,
        tokenizer=tokenizer,
        max_seq_length=max_seq_length or 0,
    )
    if as_json:
        print_json(
            {"rows": [row.to_json() for row in found], "bad_lines": [str(line) for line in bad]}
        )
    else:
        for row in found:
            _show(row)
        for line in bad:
            click.echo(f"✗ {line}")
    if not found and not bad:
        raise HeimdallError(f"holds no row from line {first} on", where=str(dataset))
    if not found:
        raise FindingsError("holds no row that can be shown", where=str(dataset))


def _show(row: PreviewedRow) -> None:
    out = console()
    title = f"line {row.line}" + (f", {row.category}" if row.category else "")
    if row.tokens:
        title += f": {len(row.tokens)} tokens, {row.trained} trained"
        if beyond := sum(token.beyond for token in row.tokens):
            title += f", {beyond} beyond the limit"
    out.print(Text(title, style="bold"))
    if row.tokens:
        out.print(tokens_text(row), soft_wrap=True)
    else:
        text = Text(row.prompt, style="dim")
        text.append(row.answer, style="green")
        text.append("⏹", style="bold green")
        out.print(text, soft_wrap=True)
    out.print()


def tokens_text(row: PreviewedRow) -> Text:
    """The row's text with a bar between two tokens; `▶` where training begins, `⏹` where the
    answer ends."""
    text = Text()
    trained = False
    for token in row.tokens:
        if token.trained and not trained:
            trained = True
            text.append("▶", style="bold green")
        elif text:
            text.append("|", style="dim")
        style = "red strike" if token.beyond else "green" if token.trained else "dim"
        text.append(token.text, style=style)
    text.append("⏹", style="bold red" if row.tokens[-1].beyond else "bold green")
    return text


@click.command("stats")
@click.argument("dataset", type=dataset_type)
@_tokenizer
@click.option("--top", type=click.IntRange(1), default=12, show_default=True, help="Names shown.")
@click.option("--plots", type=_file, help="Folder to write plots into (extra 'report').")
@click.option("--plot-format", type=click.Choice(["svg", "png"]), default="svg", show_default=True)
@click.option("--workers", type=click.IntRange(0), default=0, help="Processes; 0: one per core.")
@json_option
def stats(
    dataset: Path,
    tokenizer: str,
    top: int,
    plots: Path | None,
    plot_format: str,
    workers: int,
    as_json: bool,
) -> None:
    """Say what DATASET is made of: composition, lengths, complexity, names in its queries."""
    with progress() as observe:
        found = describe(
            dataset,
            language=registry().find_language,
            tokenizer=tokenizer,
            workers=workers,
            emit=observe,
        )
    files: list[Path] = []
    if plots:
        from heimdall_core.dataset.plots import write_plots

        files = write_plots(found, plots, plot_format)
    if as_json:
        print_json({**found.to_json(), "plots": [str(path) for path in files]})
    else:
        _tables(found, top)
        for path in files:
            click.echo(str(path))
    if not found.rows:
        raise FindingsError("holds no rows", where=str(dataset))


def _tables(found: Description, top: int) -> None:
    out = console()
    bad = f", and {found.bad:,} lines that are no rows" if found.bad else ""
    out.print(f"{found.rows:,} rows{bad}")
    for name, title in _TITLES.items():
        counts = found.counts[name]
        if any(counts):
            out.print(_counted(f"Rows by {title}", counts, found.rows, top))
    table = Table(title="Lengths", title_justify="left")
    table.add_column("")
    for column in ("mean", "5 %", "50 %", "95 %", "longest"):
        table.add_column(column, justify="right")
    for unit, spreads in (("characters", found.characters), ("tokens", found.tokens)):
        for name, spread in spreads.items():
            table.add_row(f"{name}, {unit}", *_figures(spread))
    out.print(table)
    if found.complexity:
        levels = {f"level {level}": n for level, n in found.complexity.items()}
        out.print(_counted("Queries by complexity", levels, sum(levels.values()), top))
    for kind, counts in found.vocabulary.items():
        title = f"{len(counts):,} {kind}, and the rows that mention them"
        out.print(_counted(title, counts, found.rows, top))
    if found.unread:
        out.print(f"{found.unread:,} queries could not be parsed")


def _figures(spread: Spread) -> tuple[str, ...]:
    counts = (spread.p5, spread.p50, spread.p95, spread.longest)
    return f"{spread.mean:,.1f}", *(f"{n:,}" for n in counts)


def _counted(title: str, counts: Mapping[Any, int], rows: int, top: int) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("name")
    table.add_column("rows", justify="right")
    table.add_column("share", justify="right")
    for name, count in list(counts.items())[:top]:
        table.add_row(Text(name or "(not stated)"), f"{count:,}", f"{count / rows:.1%}")
    if (more := len(counts) - top) > 0:
        rest = sum(list(counts.values())[top:])
        table.add_row(f"{more:,} others", f"{rest:,}", "")
    return table

"""`heimdall report runs/NAME`."""

from __future__ import annotations

from pathlib import Path

import click

from heimdall_core.cli.common import json_option, print_json, registry, runs_option
from heimdall_core.dataset import atomic_text
from heimdall_core.errors import HeimdallError
from heimdall_report_html.collect import collect


@click.command("report")
@click.argument("run")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write; by default report.html (or model-card.md) in the run's folder.",
)
@click.option("--markdown", is_flag=True, help="Write a model card in Markdown instead.")
@click.option(
    "--answers",
    type=click.IntRange(0),
    default=400,
    show_default=True,
    help="Answers in the list, of each test set; wrong ones first.",
)
@runs_option
@json_option
def report(
    run: str, output: Path | None, markdown: bool, answers: int, runs: Path, as_json: bool
) -> None:
    """Write what RUN, a run's name or folder, came to: one page that needs no network.

    With --json the page's data are printed and nothing is written.
    """
    folder = _folder(run, runs)
    if as_json and (markdown or output is not None):
        raise HeimdallError("--json prints; it goes with neither --markdown nor --output")
    data = collect(registry(), folder, answers=answers)
    if as_json:
        print_json(data)
        return
    if markdown:
        from heimdall_report_html.card import model_card

        text, target = model_card(data), output or folder / "model-card.md"
    else:
        from heimdall_report_html.page import page

        text, target = page(data), output or folder / "report.html"
    with atomic_text(target) as file:
        file.write(text)
    click.echo(str(target))


def _folder(run: str, runs: Path) -> Path:
    """The run's folder, from its name or its path."""
    path = Path(run)
    if (path / "manifest.json").is_file() or (path / "recipe.toml").is_file():
        return path
    if len(path.parts) > 1 and not (runs / run).is_dir():
        raise HeimdallError("is no run's folder: it holds no manifest.json", where=run)
    return runs / run


def command() -> click.Command:
    """The command, for the registry."""
    return report

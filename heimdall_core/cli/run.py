"""`heimdall run`: a recipe from generation to measurement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import click

from heimdall_core.cli.common import (
    console,
    executor_of,
    executor_options,
    executor_table,
    human_bytes,
    human_seconds,
    json_option,
    print_json,
    progress,
    registry,
    runs_option,
)
from heimdall_core.errors import FindingsError
from heimdall_core.pipeline import run
from heimdall_core.pipeline.plan import PlannedStage, plan
from heimdall_core.pipeline.steps.evaluate import missed_targets
from heimdall_core.recipe import Recipe, trust_of


@click.command("run")
@click.argument("recipe")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a setting.")
@click.option("--name", help="Name of the run, in place of the recipe's.")
@click.option("--until", metavar="STAGE", help="Stop after this stage.")
@click.option("--plan", "only_plan", is_flag=True, help="Say what would run, and run nothing.")
@executor_options
@runs_option
@json_option
def run_command(
    recipe: str,
    overrides: tuple[str, ...],
    name: str | None,
    until: str | None,
    only_plan: bool,
    runs: Path,
    as_json: bool,
    **executor: Any,
) -> None:
    """Run RECIPE, a TOML file or a preset's name.

    What is done already is not done again, and a run that was interrupted goes on where it was.
    """
    if name:
        overrides = (*overrides, f"name={name}")
    found = load(recipe, overrides)
    if table := executor_table(**executor):
        found = attrs.evolve(found, executor=executor_of(found.executor, table))
    plugins = registry(found.plugins)
    if only_plan:
        lines = plan(found, plugins, runs)
        if as_json:
            print_json([attrs.asdict(line) for line in lines])
        else:
            _show_plan(found.name, lines)
        return
    with progress() as observe:
        result = run(found, registry=plugins, runs=runs, until=until, on_event=observe)
    if as_json:
        print_json(result.manifest)
    else:
        from heimdall_core.cli.summary import show_summary

        show_summary(console(), result.manifest, result.folder)
    if missed := missed_targets(result.metrics):
        raise FindingsError(f"targets missed: {', '.join(missed)}", where=found.name)


def load(recipe: str, overrides: tuple[str, ...]) -> Recipe:
    """A recipe by file or preset name. Plugins that it blocks are not even imported."""
    return Recipe.load(recipe, registry(trust_of(recipe, overrides)), overrides)


def _show_plan(name: str, lines: list[PlannedStage]) -> None:
    from rich.table import Table

    table = Table(title=f"Plan of {name}", title_justify="left")
    for column in ("stage", "what", "time", "memory", "figures from"):
        table.add_column(column, justify="right" if column in ("time", "memory") else "left")
    words = {
        "cached": "[green]done before[/]",
        "run": "runs",
        "depends": "runs, unless its inputs come out as before",
    }
    for line in lines:
        table.add_row(
            line.stage,
            words[line.state],
            human_seconds(line.seconds),
            human_bytes(line.bytes),
            line.basis,
        )
    total = [line.seconds for line in lines if line.seconds is not None]
    unknown = sum(line.seconds is None for line in lines)
    out = console()
    out.print(table)
    note = f", and {unknown} stages that were never measured here" if unknown else ""
    out.print(f"about {human_seconds(sum(total))}{note}")

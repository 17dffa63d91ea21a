"""`heimdall runs`: what was run, and what it came to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from heimdall_core.cli.common import (
    console,
    human_bytes,
    human_seconds,
    json_option,
    print_json,
    runs_option,
)
from heimdall_core.errors import HeimdallError
from heimdall_core.pipeline import list_runs, read_manifest
from heimdall_core.pipeline.runner import prune_run, remove_run


@click.group("runs", invoke_without_command=True)
@runs_option
@json_option
@click.pass_context
def runs(ctx: click.Context, runs: Path, as_json: bool) -> None:
    """List runs; `heimdall runs show NAME` shows one."""
    if ctx.invoked_subcommand is not None:
        return
    found = [_entry(runs, name) for name in list_runs(runs)]
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo(f"no runs in {runs}")
        return
    from rich.table import Table

    table = Table()
    for column in ("run", "finished", "time", "headline"):
        table.add_column(column)
    for entry in found:
        table.add_row(entry["name"], entry["finished"], entry["time"], entry["headline"])
    console().print(table)


@runs.command("show")
@click.argument("name")
@runs_option
@json_option
def show(name: str, runs: Path, as_json: bool) -> None:
    """Show a finished run: composition, loss, metrics, files."""
    manifest = read_manifest(runs, name)
    if as_json:
        print_json(manifest)
        return
    from heimdall_core.cli.summary import show_summary

    show_summary(console(), manifest, runs / name)


@runs.command("prune")
@click.argument("name")
@runs_option
def prune(name: str, runs: Path) -> None:
    """Delete what earlier settings of a finished run made and the newest does not use."""
    removed, freed = prune_run(runs, name)
    click.echo(f"{runs / name}: {removed} outputs removed, {human_bytes(freed)} freed")


@runs.command("remove")
@click.argument("name")
@runs_option
def remove(name: str, runs: Path) -> None:
    """Delete a run with all that it made, unless it is being worked on."""
    remove_run(runs, name)
    click.echo(f"{runs / name}: removed")


def _entry(runs: Path, name: str) -> dict[str, Any]:
    try:
        manifest = read_manifest(runs, name)
    except HeimdallError as error:
        state = "damaged" if "damaged" in error.message else "not yet"
        return {"name": name, "finished": state, "time": "–", "headline": ""}
    headline = ", ".join(
        f"{metric} {entry['value']:.3f}"
        for metric, entry in manifest["metrics"].items()
        if entry.get("test_set") == "test" and "@" not in metric and entry["value"] is not None
    )
    seconds = sum(stage["seconds"] for stage in manifest["stages"])
    return {
        "name": name,
        "finished": manifest["finished"],
        "time": human_seconds(seconds),
        "headline": headline,
    }

"""`heimdall plugin new`: the start of somebody's own plugin."""

from __future__ import annotations

from pathlib import Path

import click

from heimdall_core.scaffold import ROLES, new_plugin


@click.group("plugin")
def plugin() -> None:
    """Write plugins of your own; `heimdall plugins` lists what is installed."""


@plugin.command("new")
@click.argument("name")
@click.option("--role", type=click.Choice(sorted(ROLES)), required=True, help="What it is to be.")
@click.option(
    "--output-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    show_default="here",
    help="Folder that the new folder is made in.",
)
def new(name: str, role: str, output_dir: Path) -> None:
    """Write a distribution NAME, such as acme-fraud, that installs and passes its contract tests
    at once."""
    folder = new_plugin(name, role, output_dir)
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        click.echo(f"  {path}")
    click.echo(f"next: pip install -e '{folder}[dev]' && pytest {folder}")

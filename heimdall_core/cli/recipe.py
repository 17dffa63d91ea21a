"""`heimdall recipe`: presets, checks, the resolved form, and the schema of recipes."""

from __future__ import annotations

import click

from heimdall_core.cli.common import console, json_option, print_json, registry
from heimdall_core.cli.run import load


@click.group("recipe")
def recipe() -> None:
    """Show, check and describe recipes and presets."""


_overrides = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a setting."
)


@recipe.command("show")
@click.argument("name")
@_overrides
@json_option
def show(name: str, overrides: tuple[str, ...], as_json: bool) -> None:
    """Print a recipe with everything filled in: presets merged, defaults, plugins' options."""
    found = load(name, overrides)
    plugins = registry(found.plugins)
    resolved = found.resolve(plugins)
    if as_json:
        print_json(resolved.to_dict(plugins))
    else:
        click.echo(resolved.to_toml(plugins), nl=False)


@recipe.command("check")
@click.argument("name")
@_overrides
def check(name: str, overrides: tuple[str, ...]) -> None:
    """Say whether a recipe can be run; every mistake is told with its path."""
    found = load(name, overrides)
    found.resolve(registry(found.plugins))
    click.echo(f"{name}: fine; run it with: heimdall run {name}")


@recipe.command("schema")
def schema() -> None:
    """Print the JSON schema of recipes, the installed plugins' options included."""
    from heimdall_core.schema import recipe_schema

    print_json(recipe_schema(registry()))


@recipe.command("presets")
@json_option
def presets(as_json: bool) -> None:
    """List the presets that a recipe can extend and `heimdall run` takes by name."""
    plugins = registry()
    found = [
        {
            "name": preset.name,
            "summary": preset.summary,
            "from": plugins.provider("preset", preset.name).origin,
        }
        for preset in plugins.presets()
    ]
    if as_json:
        print_json(found)
        return
    from rich.table import Table

    table = Table()
    for column in ("preset", "what it makes", "from"):
        table.add_column(column)
    for preset in found:
        table.add_row(preset["name"], preset["summary"], preset["from"])
    console().print(table)

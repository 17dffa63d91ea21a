"""`heimdall plugins`: what is there, where it comes from, and what did not load and why."""

from __future__ import annotations

import attrs
import click

from heimdall_core.cli.common import console, json_option, print_json
from heimdall_core.registry import PluginInfo, Registry


@click.command("plugins")
@json_option
@click.pass_context
def plugins(ctx: click.Context, as_json: bool) -> None:
    """List plugins: name, role, distribution, version, hooks, and what failed to load and why."""
    settings = ctx.find_root().obj or {}
    # Its own registry: the failures are in the table and need no warning above it.
    found = Registry(third_party=settings.get("third_party", True)).plugins
    if as_json:
        print_json([{**attrs.asdict(info), "roles": sorted(info.provides)} for info in found])
        return
    from rich.table import Table

    table = Table()
    for column in ("plugin", "provides", "distribution", "version", "hooks", "status"):
        table.add_column(column, overflow="fold")
    colours = {"loaded": "green", "blocked": "yellow", "failed": "red"}
    for info in found:
        table.add_row(
            info.name,
            _provides(info),
            info.distribution,
            info.version,
            ", ".join(hook.removeprefix("heimdall_") for hook in info.hooks),
            f"[{colours[info.status]}]{info.status}[/]",
        )
    out = console()
    out.print(table)
    for info in found:
        if info.error:
            out.print(f"{info.origin} did not load: {info.error}", style="red", markup=False)
        for line in info.deprecated:
            out.print(f"{info.origin}: {line}", style="yellow", markup=False)


def _provides(info: PluginInfo) -> str:
    return "; ".join(f"{role}: {', '.join(names)}" for role, names in info.provides.items())

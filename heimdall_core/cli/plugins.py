"""`heimdall plugins`: what is there, where it comes from, and what did not load and why.

Laid out with click's own formatter: importing rich would take as long as loading all plugins.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from itertools import groupby

import attrs
import click

from heimdall_core.cli.common import json_option, print_json
from heimdall_core.plugin_info import PluginInfo
from heimdall_core.registry import Registry

_COLOURS = {"loaded": "green", "blocked": "yellow", "failed": "red"}


@click.command("plugins")
@json_option
@click.pass_context
def plugins(ctx: click.Context, as_json: bool) -> None:
    """List plugins: name, role, distribution, version, hooks, and what failed to load and why."""
    settings = ctx.find_root().obj or {}
    # Its own registry: the failures are in the list and need no warning above it.
    made = Registry(third_party=settings.get("third_party", True))
    for name in made.unknown_blocked:
        click.echo(f"warning: no plugin is called '{name}'; nothing is blocked by it", err=True)
    found = made.plugins
    if as_json:
        print_json([{**attrs.asdict(info), "roles": sorted(info.provides)} for info in found])
        return
    click.echo(_listed(found), nl=False)
    for info in found:
        if info.error:
            click.secho(f"{info.origin} did not load: {info.error}", fg="red")
        for line in info.deprecated:
            click.secho(f"{info.origin}: {line}", fg="yellow")


def _listed(found: Iterable[PluginInfo]) -> str:
    """A section per distribution, the built-ins' first; a plugin to a line."""
    formatter = click.HelpFormatter(width=_width())

    def origin(info: PluginInfo) -> tuple[bool, str]:
        return (not info.builtin, f"{info.distribution} {info.version}".strip())

    for (_, title), group in groupby(sorted(found, key=origin), key=origin):
        with formatter.section(title):
            formatter.write_dl([(info.name, _described(info)) for info in group], col_max=40)
    return formatter.getvalue()


def _described(info: PluginInfo) -> str:
    parts = [click.style(info.status, fg=_COLOURS[info.status])]
    parts += [f"{role}: {', '.join(names)}" for role, names in info.provides.items()]
    if info.hooks:
        parts.append(f"hooks: {', '.join(h.removeprefix('heimdall_') for h in info.hooks)}")
    return "; ".join(parts)


def _width() -> int:
    """As wide as the terminal; a pipe is never narrower than most lines need."""
    if sys.stdout.isatty() or "COLUMNS" in os.environ:
        return shutil.get_terminal_size().columns
    return 120

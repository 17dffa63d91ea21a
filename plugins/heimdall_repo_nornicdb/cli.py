"""`heimdall nornicdb`: what is read from a checkout."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import click

from heimdall_core.cli.common import json_option
from heimdall_repo_nornicdb.inspect import inspect


@click.group("nornicdb")
def group() -> None:
    """What is read from a NornicDB checkout."""


def command() -> click.Group:
    """The command group."""
    return group


@group.command("inspect")
@click.option("--repo", type=click.Path(path_type=Path), required=True, help="Folder of a clone.")
@json_option
def inspect_command(repo: Path, as_json: bool) -> None:
    """Count what generators read from a checkout, beside what the facts' version holds, and name
    the facts that the checkout no longer bears out."""
    notes: list[str] = []
    found = inspect(repo, notes.append)
    if as_json:
        click.echo(json.dumps({**attrs.asdict(found), "notes": notes}, ensure_ascii=False))
        return
    for note in notes:
        click.echo(note, err=True)
    width = max(len(line.name) for line in found.lines)
    click.echo(f"{'':<{width}}  {'found':>7}  {'known':>7}")
    for line in found.lines:
        known = f"{line.expected:>7,}" if line.expected else f"{'':>7}"
        mark = "" if line.expected in (0, line.found) else "  differs"
        click.echo(f"{line.name:<{width}}  {line.found:>7,}  {known}{mark}")
    click.echo(f"{len(found.stale)} of {found.facts} facts no longer hold in this checkout")
    for name, why in found.stale:
        click.echo(f"  {name}: {why}")
    if found.skipped:
        told = ", ".join(f"{count} {reason}" for reason, count in sorted(found.skipped.items()))
        click.echo(f"passed over: {told}")

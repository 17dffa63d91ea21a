"""`heimdall doctor`: what this installation can do, and what to do about what it cannot."""

from __future__ import annotations

from pathlib import Path

import attrs
import click

from heimdall_core.cli.common import console, json_option, print_json
from heimdall_core.cli.doctor_checks import diagnose
from heimdall_core.errors import FindingsError


@click.command("doctor")
@click.option(
    "--limit",
    type=click.FloatRange(0.1),
    default=60.0,
    show_default=True,
    help="Seconds that one look may take; a plugin that hangs is named after that.",
)
@json_option
@click.pass_context
def doctor(ctx: click.Context, limit: float, as_json: bool) -> None:
    """Look at Python, torch, device, bitsandbytes, llama.cpp, disk, hub and plugins, and say what
    to do for each finding. Exit code 1 where there is a problem."""
    third_party = (ctx.find_root().obj or {}).get("third_party", True)
    found = list(diagnose(limit=limit, folder=Path.cwd(), third_party=third_party))
    problems = [d for d in found if d.state == "problem"]
    if as_json:
        print_json([attrs.asdict(d) for d in found])
    else:
        out = console()
        marks = {"ok": ("✓", "green"), "note": ("·", "yellow"), "problem": ("✗", "red")}
        for diagnosis in found:
            mark, colour = marks[diagnosis.state]
            line = f"{mark} {diagnosis.name}: {diagnosis.detail}"
            out.print(line, style=colour, markup=False, soft_wrap=True)
            if diagnosis.advice:
                out.print(f"    → {diagnosis.advice}", markup=False, soft_wrap=True)
    if problems:
        raise FindingsError(f"{len(problems)} problems: {', '.join(d.name for d in problems)}")

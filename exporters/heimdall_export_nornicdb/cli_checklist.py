"""`heimdall checklist`."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import attrs
import click

from heimdall_core.cli.common import json_option, print_json, registry
from heimdall_core.errors import FindingsError, HeimdallError, did_you_mean
from heimdall_core.pipeline.steps.models import open_model, prompt_of
from heimdall_core.types import Example
from heimdall_export_nornicdb.check import Server, check_server
from heimdall_export_nornicdb.checklist import Point
from heimdall_export_nornicdb.checklist import checklist as points_of

_ASKED = ("integration", "cache", "monitoring", "fallback", "documentation")


@click.command("checklist")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--url", help="A running NornicDB, to check the integration.")
@click.option("--model", "name", default="", help="The model that NornicDB should run.")
@click.option("--serve-url", help="A running heimdall serve, to check cache and fallback.")
@click.option("--confirm", multiple=True, help="A point that only you know, as done; repeatable.")
@click.option("--threads", type=click.IntRange(0), default=0, help="For the latency; 0 chooses.")
@json_option
def checklist(
    run: Path,
    url: str | None,
    name: str,
    serve_url: str | None,
    confirm: tuple[str, ...],
    threads: int,
    as_json: bool,
) -> None:
    """Go through the production checklist for RUN (such as runs/nano).

    Exit code 0 where every point is done, 1 otherwise. What no program can know is asked on a
    terminal, and counts as open elsewhere unless it is confirmed.
    """
    for given in confirm:
        if given not in _ASKED:
            raise HeimdallError(f"'{given}' cannot be confirmed", hint=did_you_mean(given, _ASKED))

    def latency(file: Path, rows: list[Example]) -> float:
        with open_model(registry(), file, threads=threads) as model:
            prompts = [prompt_of(row) for row in rows]
            model.generate(prompts[:1], max_new_tokens=8)  # caches fill
            times = []
            for prompt in prompts:
                started = time.perf_counter()
                model.generate([prompt], max_new_tokens=256)
                times.append(1000 * (time.perf_counter() - started))
        return sorted(times)[max(0, -(-95 * len(times) // 100) - 1)]

    def integration() -> tuple[bool, str]:
        user, password = (os.environ.get(f"NORNICDB_{k}", "") for k in ("USER", "PASSWORD"))
        checks = check_server(Server(str(url), user, password), name)
        wrong = [f"{check.name}: {check.detail}" for check in checks if not check.passed]
        return not wrong, "; ".join(wrong) or f"{len(checks)} checks of {url}"

    def serving() -> tuple[bool, bool, str]:
        status, body = Server(str(serve_url)).get("/health")
        try:
            health = json.loads(body)
            size = int(health["cache"]["size"])
            fallback = bool(health.get("fallback"))
        except (ValueError, KeyError, TypeError):
            return False, False, f"{serve_url} is no heimdall serve (HTTP {status})"
        told = f"{serve_url}: cache of {size} answers, fallback {'on' if fallback else 'off'}"
        return size > 0, fallback, told

    found = points_of(
        run,
        latency=latency,
        integration=integration if url else None,
        serving=serving if serve_url else None,
    )
    ask = sys.stdin.isatty() and not as_json
    found = [_settled(point, confirm, ask=ask) for point in found]
    if as_json:
        print_json([attrs.asdict(point) for point in found])
    else:
        marks = {"passed": ("✓", "green"), "failed": ("✗", "red"), "asked": ("?", "yellow")}
        for point in found:
            mark, colour = marks[point.state]
            click.echo(f"{click.style(mark, fg=colour)} {point.name}: {point.detail}")
            if point.state == "asked":
                click.echo(f"    {point.question} (--confirm {point.name})")
    missing = [point.name for point in found if point.state != "passed"]
    if missing:
        raise FindingsError(f"not ready for production: {', '.join(missing)}", where=str(run))


def _settled(point: Point, confirm: tuple[str, ...], *, ask: bool) -> Point:
    if point.state != "asked":
        return point
    if point.name in confirm or (ask and click.confirm(point.question)):
        return attrs.evolve(point, state="passed", detail=f"{point.detail}: confirmed")
    return attrs.evolve(point, state="failed", detail="answered with no") if ask else point

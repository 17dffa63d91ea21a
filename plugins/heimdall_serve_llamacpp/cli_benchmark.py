"""`heimdall benchmark`."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import attrs
import click

from heimdall_core.cli.common import console, json_option, print_json, progress
from heimdall_core.errors import HeimdallError
from heimdall_core.types import Event
from heimdall_serve_llamacpp.benchmark import (
    PERCENTILES,
    Row,
    beside_guide,
    file_kind,
    measure,
    read_questions,
)


def _numbers(ctx: click.Context, parameter: click.Parameter, text: str) -> list[int]:
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        found = [-1]
    if min(found) < 0:
        raise HeimdallError(
            f"cannot read '{text}'", where=parameter.opts[0], hint="numbers, such as 1,2,4"
        )
    return list(dict.fromkeys(found))


@click.command("benchmark")
@click.option("--model", type=click.Path(path_type=Path), required=True, help="GGUF file.")
@click.option("--queries", type=click.Path(path_type=Path), required=True, help="One per line.")
@click.option("--threads", default="0", callback=_numbers, help="Such as 1,2,4; 0 chooses.")
@click.option(
    "--contexts",
    default="0",
    callback=_numbers,
    help="Such as 0,2048: prompts filled up to that many tokens; 0 for the questions alone.",
)
@click.option("--runs", type=click.IntRange(1), default=3, show_default=True)
@click.option("--max-queries", type=click.IntRange(1), default=50, show_default=True)
@click.option("--max-new-tokens", type=click.IntRange(2), default=128, show_default=True)
@json_option
def benchmark(
    model: Path,
    queries: Path,
    threads: list[int],
    contexts: list[int],
    runs: int,
    max_queries: int,
    max_new_tokens: int,
    as_json: bool,
) -> None:
    """Measure tokens per second, time to the first token and latency, one question at a time."""
    from heimdall_run_llamacpp.gguf_file import read_gguf

    questions = read_questions(queries)[:max_queries]
    header = read_gguf(model)
    with progress() as observe:
        rows = measure(
            model,
            questions,
            threads=threads,
            contexts=contexts,
            runs=runs,
            max_new_tokens=max_new_tokens,
            progress=lambda what, done, total: observe(
                Event("progress", "benchmark", what, done=done, total=total)
            ),
        )
    kind = file_kind(header.metadata)
    best = max((row for row in rows if row.filled == contexts[0]), key=lambda row: row.speed)
    guide = beside_guide(kind, header.size, best)
    if as_json:
        print_json(
            {
                "model": model.name,
                "kind": kind,
                "bytes": header.size,
                "parameters": header.parameters,
                "machine": platform.machine(),
                "cores": os.cpu_count(),
                "runs": runs,
                "rows": [attrs.asdict(row) for row in rows],
                "guide": [
                    dict(zip(("figure", "guide", "here", "verdict"), g, strict=True)) for g in guide
                ],
            }
        )
        return
    console().print(_table(rows, f"{model.name}: {len(questions)} questions, {runs} runs"))
    console().print(_guide_table(guide, header.parameters))


def _table(rows: list[Row], title: str) -> Any:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for name in ("threads", "context", "prompt", "answer", "prompt tok/s", "tok/s"):
        table.add_column(name, justify="right")
    table.add_column("first token ms\n" + " / ".join(f"p{p}" for p in PERCENTILES), justify="right")
    table.add_column("answer ms\n" + " / ".join(f"p{p}" for p in PERCENTILES), justify="right")
    for row in rows:
        table.add_row(
            str(row.threads),
            str(row.filled or "–"),
            str(row.prompt_tokens),
            str(row.tokens),
            f"{row.prompt_speed:,.0f} ({row.prompt_spread[0]:,.0f}–{row.prompt_spread[1]:,.0f})",
            f"{row.speed:,.0f} ({row.spread[0]:,.0f}–{row.spread[1]:,.0f})",
            " / ".join(f"{row.first[p]:.0f}" for p in PERCENTILES),
            " / ".join(f"{row.latency[p]:.0f}" for p in PERCENTILES),
        )
    return table


def _guide_table(guide: list[tuple[str, str, str, str]], parameters: int) -> Any:
    from rich.table import Table

    title = f"beside the guide's figures for 1.5 B parameters (this file: {parameters / 1e9:.3g} B)"
    table = Table("figure", "guide", "here", "", title=title, title_justify="left")
    for line in guide:
        table.add_row(*line)
    return table

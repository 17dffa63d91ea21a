"""`heimdall add-production-queries LOG… DATASET`."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import click

from heimdall_core.cli.common import json_option, progress, registry
from heimdall_core.dataset import read_examples
from heimdall_core.dataset.files import exclusive, put, staged_name
from heimdall_core.dataset.sources import Tally
from heimdall_core.errors import DatasetError
from heimdall_core.pipeline.steps.generate import Source, generate_dataset
from heimdall_core.types import Event, Example, GenerateContext
from heimdall_gen_logs.generate import CATEGORIES, examples
from heimdall_gen_logs.options import LogsOptions

_path = click.Path(path_type=Path)


def command() -> click.Command:
    """The command, for the hook."""
    return add


@click.command("add-production-queries")
@click.argument("logs", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.argument("dataset", type=_path)
@click.option(
    "--format",
    "format_",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "log", "json", "cypher", "lines"]),
)
@click.option("--rotated/--not-rotated", default=True, help="Read query.log.1, .2.gz … too.")
@click.option("--placeholders", is_flag=True, help="Typed parameters instead of made-up values.")
@click.option(
    "--keep-literals",
    is_flag=True,
    help="Leave values as they are. A log is personal data: think first.",
)
@click.option(
    "--failed",
    type=click.Choice(["drop", "fix"]),
    default="drop",
    show_default=True,
    help="Drop failed queries, or ask for their repair.",
)
@click.option("--dialect", default="nornicdb", show_default=True)
@click.option(
    "--schema",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="JSON graph schema to check against.",
)
@click.option("--teacher", default="", help="Teacher that words the questions.")
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=1_000_000,
    show_default=True,
    help="Most rows to add.",
)
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True)
@json_option
def add(
    logs: tuple[Path, ...],
    dataset: Path,
    format_: Any,
    rotated: bool,
    placeholders: bool,
    keep_literals: bool,
    failed: Any,
    dialect: str,
    schema: Path | None,
    teacher: str,
    limit: int,
    seed: int,
    as_json: bool,
) -> None:
    """Add the queries of LOGS (or of a plain list) to DATASET, a JSONL file.

    Rows of the dataset stay as they are, byte for byte; a query whose prompt is there already is
    left out. Literals are replaced by made-up values unless --keep-literals is given.
    """
    started = time.monotonic()
    options = LogsOptions(
        files=tuple(str(path) for path in logs),
        format=format_,
        rotated=rotated,
        values="placeholders" if placeholders else "synthetic",
        keep_literals=keep_literals,
        failed=failed,
        dialect=dialect,
        schema=str(schema) if schema else "",
        teacher=teacher,
    )
    _outside(logs, dataset)
    with progress() as observe, exclusive(dataset):
        found = _add(options, dataset, limit, seed, observe)
    found["seconds"] = round(time.monotonic() - started, 3)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    click.echo(
        f"{dataset}: {found['added']:,} rows added to {found['before']:,}, "
        f"{found['rejected']} rejected, {found['known']} known already"
    )
    for reason, count in found["left_out"].items():
        click.echo(f"  {count:,} {reason}")


def _outside(logs: tuple[Path, ...], dataset: Path) -> None:
    if dataset.is_dir():
        raise DatasetError("is a folder, not a dataset", where=str(dataset))
    if any(dataset.exists() and log.exists() and dataset.samefile(log) for log in logs):
        raise DatasetError("cannot be both the log and the dataset", where=str(dataset))
    if dataset.suffix == ".gz":
        raise DatasetError("cannot be added to", where=str(dataset), hint="unpack it first")


def _add(
    options: LogsOptions, dataset: Path, limit: int, seed: int, observe: Any
) -> dict[str, Any]:
    plugins = registry()
    known: set[bytes] = set()
    before = 0
    if dataset.exists():
        for row in read_examples(dataset):
            known.add(_key(row))
            before += 1
    skipped = 0

    def is_known(row: Example) -> bool:
        nonlocal skipped
        skipped += _key(row) in known
        return _key(row) in known

    tally = Tally(lambda text: observe(Event("warning", "logs", text)))

    def rows(context: GenerateContext, given: LogsOptions) -> Iterator[Example]:
        return examples(context, given, tally)

    generator = attrs.evolve(plugins.generator("logs"), examples=rows)
    fresh = staged_name(dataset, "new")
    try:
        report = generate_dataset(
            plugins,
            (Source(generator, options),),
            total=limit,
            seed=seed,
            output=fresh,
            dialect=options.dialect,
            max_rejected=1.0,
            quotas=dict.fromkeys(CATEGORIES, limit),
            exclude=is_known,
            emit=observe,
        )
        _append(dataset, fresh)
    finally:
        fresh.unlink(missing_ok=True)
    return {
        "dataset": str(dataset),
        "before": before,
        "added": report.rows,
        "rejected": report.rejected,
        "known": skipped + report.duplicates,
        "by_category": dict(report.by_category),
        "read": dict(tally.seen),
        "left_out": dict(tally.counts.most_common()),
    }


def _append(dataset: Path, fresh: Path) -> None:
    """The dataset with the new rows after it, in one step that happens or does not."""
    both = staged_name(dataset, "both")
    with both.open("wb") as target:
        for part in (dataset, fresh):
            if not part.exists():
                continue
            with part.open("rb") as source:
                shutil.copyfileobj(source, target, 2**20)
            if part is dataset and target.tell() and not _ends_line(dataset):
                target.write(b"\n")
    if dataset.exists():
        shutil.copymode(dataset, both)
    put(both, dataset)


def _ends_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) == b"\n"


def _key(row: Example) -> bytes:
    import hashlib

    text = json.dumps(row.prompt_key).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=16).digest()

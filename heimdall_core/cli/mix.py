"""`heimdall mix`, `heimdall replay`: several datasets as one, and rows of earlier generations."""

from __future__ import annotations

from pathlib import Path

import click

from heimdall_core.cli.common import dataset_type, json_option, print_json, shard_options
from heimdall_core.dataset.mix import MixOptions, mix_files
from heimdall_core.dataset.remote import located
from heimdall_core.dataset.replay import ReplayStore
from heimdall_core.dataset.shard_write import ShardSize
from heimdall_core.errors import HeimdallError

_file = click.Path(path_type=Path)


@click.command("mix")
@click.argument("datasets", nargs=-1, required=True, metavar="DATASET[=WEIGHT]…")
@click.option(
    "--output", type=dataset_type, required=True, help="File, pattern or folder to write."
)
@click.option("--rows", type=click.IntRange(1), help="Rows wanted; default: as many as fit.")
@click.option(
    "--temperature",
    type=click.FloatRange(1),
    default=1.0,
    show_default=True,
    help="Shares are weight × size^(1/temperature).",
)
@click.option("--by-size/--by-weight", default=True, help="Whether sizes count beside weights.")
@click.option("--allow-oversampling", is_flag=True, help="Take rows of a small dataset again.")
@click.option("--replay", "store", type=_file, help="Add rows of earlier generations.")
@click.option(
    "--replay-ratio",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.1,
    show_default=True,
    help="Share of the mix that they are.",
)
@click.option(
    "--drop-shared", is_flag=True, help="Leave out rows that stand in an earlier dataset too."
)
@shard_options
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True)
@json_option
def mix(
    datasets: tuple[str, ...],
    output: Path,
    rows: int | None,
    temperature: float,
    by_size: bool,
    allow_oversampling: bool,
    store: Path | None,
    replay_ratio: float,
    drop_shared: bool,
    shards: ShardSize | None,
    seed: int,
    as_json: bool,
) -> None:
    """Mix DATASETs by weight. No row is taken twice unless --allow-oversampling says so."""
    sources: dict[Path, float] = {}
    for given in datasets:
        path, weight = _weighted(given)
        if path in sources:
            raise HeimdallError("is named twice", where=str(path), hint="give it one weight")
        sources[path] = weight
    options = MixOptions(
        rows=rows,
        temperature=temperature,
        by_size=by_size,
        allow_oversampling=allow_oversampling,
        drop_shared=drop_shared,
        seed=seed,
    )
    replay = (ReplayStore(store).rows_path(), replay_ratio) if store else None
    report = mix_files(sources, output, options, replay=replay, shards=shards)
    if as_json:
        print_json(report.to_json())
        return
    for line in report.lines():
        click.echo(line)


def _weighted(given: str) -> tuple[Path, float]:
    path, equals, weight = given.rpartition("=")
    if not equals or Path(given).exists():
        return located(given), 1.0
    try:
        share = float(weight)
    except ValueError as error:
        if "://" in given and "?" in path:  # a query, and not ours to show
            return located(given), 1.0
        raise HeimdallError(
            f"'{weight}' is no weight", where=given, hint="write DATASET=2.5"
        ) from error
    return located(path), share


@click.group("replay")
def replay() -> None:
    """Keep rows of every training generation, so that later ones do not forget them."""


@replay.command("add")
@click.argument("store", type=_file)
@click.argument("dataset", type=dataset_type)
@click.option("--generation", required=True, help="Name of the generation.")
@click.option("--weight", type=float, default=1.0, show_default=True, help="Of its rows.")
@click.option("--capacity", type=click.IntRange(1), help="Rows in all; fixed at first use (10000).")
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True)
@json_option
def add(
    store: Path,
    dataset: Path,
    generation: str,
    weight: float,
    capacity: int | None,
    seed: int,
    as_json: bool,
) -> None:
    """Remember DATASET in STORE as a generation; again changes nothing."""
    state = ReplayStore(store).remember(
        dataset, generation, weight=weight, capacity=capacity, seed=seed
    )
    if as_json:
        print_json(state.to_json())
        return
    for line in state.lines():
        click.echo(line)


@replay.command("show")
@click.argument("store", type=_file)
@json_option
def show(store: Path, as_json: bool) -> None:
    """Say what is in STORE."""
    state = ReplayStore(store).state()
    if as_json:
        print_json(state.to_json())
        return
    for line in state.lines():
        click.echo(line)

"""`heimdall train`: a trainer on plain files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import click

from heimdall_core.cli.common import (
    json_option,
    print_json,
    progress,
)
from heimdall_core.cli.common import registry as plugins_of_call
from heimdall_core.cli.run import load
from heimdall_core.errors import RecipeError
from heimdall_core.pipeline.steps.train import train_files

_file = click.Path(path_type=Path)


@click.command("train")
@click.option("--preset", required=True, help="Preset or recipe file whose [train] is used.")
@click.option("--dataset", type=_file, required=True, help="Training rows (JSONL).")
@click.option("--validation", type=_file, help="Validation rows; without it a part is split off.")
@click.option("--output-dir", type=_file, required=True, help="Folder for the model; a new one.")
@click.option("--epochs", type=float, help="Passes over the rows.")
@click.option("--batch-size", type=int, help="Rows per micro-batch.")
@click.option("--gradient-accumulation", type=int, help="Micro-batches per optimiser step.")
@click.option("--learning-rate", type=float, help="Peak learning rate.")
@click.option("--max-seq-length", type=int, help="Longest row in tokens.")
@click.option("--logging-steps", type=int, help="Steps between two log lines.")
@click.option("--eval-steps", type=int, help="Steps between two validations.")
@click.option("--save-steps", type=int, help="Steps between two checkpoints.")
@click.option("--seed", type=click.IntRange(0), help="Fixes weights and data order.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Any train.KEY.")
@json_option
def train(
    preset: str,
    dataset: Path,
    validation: Path | None,
    output_dir: Path,
    overrides: tuple[str, ...],
    as_json: bool,
    **flags: Any,
) -> None:
    """Train a model on a dataset. An interrupted training goes on where it was."""
    given = [f"train.{key}={value}" for key, value in flags.items() if value is not None]
    for override in overrides:
        if not override.startswith("train."):
            raise RecipeError(f"'{override}' is no training setting", hint="write train.KEY=VALUE")
    recipe = load(preset, (*overrides, *given))
    plugins = plugins_of_call(recipe.plugins)
    with progress() as observe:
        result = train_files(
            plugins,
            recipe.training(plugins),
            dataset=dataset,
            validation=validation,
            output=output_dir,
            seed=recipe.seed,
            split=recipe.split,
            emit=observe,
        )
    if as_json:
        print_json(attrs.asdict(result))
        return
    click.echo(f"model: {output_dir}")
    for name, value in result.metrics.items():
        click.echo(f"  {name} {value:.6g}")

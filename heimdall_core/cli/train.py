"""`heimdall train`: a trainer on plain files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import click

from heimdall_core.cli.common import (
    dataset_type,
    executor_of,
    executor_options,
    executor_table,
    json_option,
    print_json,
    progress,
)
from heimdall_core.cli.common import registry as plugins_of_call
from heimdall_core.cli.estimate import show_estimate
from heimdall_core.cli.run import load
from heimdall_core.errors import HeimdallError, RecipeError
from heimdall_core.pipeline.steps.train import process_rank, train_files

_file = click.Path(path_type=Path)


@click.command("train")
@click.option("--preset", required=True, help="Preset or recipe file whose [train] is used.")
@click.option("--dataset", type=dataset_type, help="Training rows.")
@click.option(
    "--validation", type=dataset_type, help="Validation rows; without it a part is split off."
)
@click.option("--output-dir", type=_file, help="Folder for the model; a new one.")
@click.option("--base-model", help="Folder or hub name of the model to fine-tune.")
@click.option("--continue-from", help="Adapter of an earlier training to go on from.")
@click.option("--epochs", type=float, help="Passes over the rows.")
@click.option("--max-steps", type=int, help="Optimiser steps at most.")
@click.option("--batch-size", type=int, help="Rows per micro-batch.")
@click.option("--gradient-accumulation", type=int, help="Micro-batches per optimiser step.")
@click.option("--fit-batch", is_flag=True, help="Measure the micro-batch that fits and is fastest.")
@click.option("--learning-rate", type=float, help="Peak learning rate.")
@click.option("--max-seq-length", type=int, help="Longest row in tokens.")
@click.option("--lora-r", type=int, help="Rank of the adapter.")
@click.option("--lora-alpha", type=int, help="Scale of the adapter is alpha / r.")
@click.option("--use-qlora", is_flag=True, help="Base model in 4 bits (NF4).")
@click.option("--use-rslora", is_flag=True, help="Scale by alpha / sqrt(r).")
@click.option("--use-dora", is_flag=True, help="Train lengths and directions apart.")
@click.option("--gradient-checkpointing/--no-gradient-checkpointing", default=None)
@click.option("--use-metal", is_flag=True, help="Train on Apple's GPU.")
@click.option("--device", help="auto, cpu, cuda or mps; a card's name with --estimate-memory.")
@click.option("--logging-steps", type=int, help="Steps between two log lines.")
@click.option("--eval-steps", type=int, help="Steps between two validations.")
@click.option("--save-steps", type=int, help="Steps between two checkpoints.")
@click.option("--early-stopping-patience", type=int, help="Validations without a better loss.")
@click.option("--replay-dataset", help="Rows of earlier trainings to mix in (file or folder).")
@click.option("--replay-ratio", type=float, help="Share of the rows that are replayed.")
@click.option("--wandb-project", help="Track with Weights & Biases, too.")
@click.option("--seed", type=click.IntRange(0), help="Fixes weights and data order.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Any train.KEY.")
@click.option("--resume/--no-resume", default=True, help="Go on from a checkpoint, or start anew.")
@click.option("--eval-only", is_flag=True, help="Measure the model in --output-dir on --dataset.")
@click.option("--estimate-memory", is_flag=True, help="Say what it would take, and stop.")
@executor_options
@json_option
def train(
    preset: str,
    dataset: Path | None,
    validation: Path | None,
    output_dir: Path | None,
    overrides: tuple[str, ...],
    resume: bool,
    eval_only: bool,
    estimate_memory: bool,
    use_metal: bool,
    fit_batch: bool,
    as_json: bool,
    executor: str | None,
    address: str | None,
    executor_settings: tuple[str, ...],
    **flags: Any,
) -> None:
    """Train a model on a dataset. An interrupted training goes on where it was.

    Under `torchrun` or `accelerate launch` the processes share out every step; `--executor ray`
    starts them on a cluster.
    """
    if use_metal and flags["device"]:
        raise HeimdallError("--use-metal is a device already; leave out --device")
    if use_metal:
        flags["device"] = "mps"
    if fit_batch:
        flags["micro_batch"] = "fit"
    for override in overrides:
        if not override.startswith("train."):
            raise RecipeError(f"'{override}' is no training setting", hint="write train.KEY=VALUE")
    given = executor_table(executor, address, executor_settings)
    if given and (estimate_memory or eval_only):
        option = "--estimate-memory" if estimate_memory else "--eval-only"
        raise HeimdallError(f"{option} works in this process alone; leave out --executor")
    if "workers" in given:
        raise HeimdallError(
            "workers spread rows, and a training has none to spread",
            where="--executor-set",
            hint="train_workers is the number of its processes on a cluster",
        )
    recipe = load(preset, (*overrides, *_given(flags)))
    if estimate_memory:
        show_estimate(recipe, dataset, as_json=as_json)
        return
    if dataset is None or output_dir is None:
        missing = "--dataset" if dataset is None else "--output-dir"
        raise HeimdallError(f"Missing option '{missing}'", hint="try 'heimdall train --help'")
    if eval_only:
        _evaluate(dataset, output_dir, as_json)
        return
    plugins = plugins_of_call(recipe.plugins)
    table = executor_of(recipe.executor, given)
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
            resume=resume,
            executor=table,
        )
    if process_rank():
        return
    if as_json:
        print_json(attrs.asdict(result))
        return
    click.echo(f"model: {output_dir}")
    for name, value in result.metrics.items():
        click.echo(f"  {name} {value:.6g}")


def _given(flags: dict[str, Any]) -> list[str]:
    """Overrides for the flags that were written down; a switch that was left off is none. Strings
    are quoted as TOML does, so that no path is taken for a number."""
    given = []
    for name, value in flags.items():
        if name == "gradient_checkpointing" and value is not None:
            given.append(f"train.{name}={str(value).lower()}")
        elif value is not None and value is not False:
            shown = json.dumps(value) if isinstance(value, str) else str(value).lower()
            given.append(f"train.{name}={shown}")
    return given


def _evaluate(dataset: Path, model: Path, as_json: bool) -> None:
    """The same as `heimdall evaluate`, on the model that a training has left."""
    from heimdall_core.cli.evaluate import evaluate

    if not model.is_dir():
        raise HeimdallError("there is no trained model", where=str(model))
    click.get_current_context().invoke(
        evaluate,
        model_dir=model,
        test_dataset=dataset,
        metrics=(),
        runtime=None,
        max_rows=1000,
        max_new_tokens=256,
        output=None,
        seed=7,
        as_json=as_json,
    )

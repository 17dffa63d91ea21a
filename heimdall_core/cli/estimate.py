"""`heimdall estimate`: what a training would take, before anything is spent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import click

from heimdall_core.cli.common import (
    console,
    dataset_type,
    human_bytes,
    human_seconds,
    json_option,
    print_json,
)
from heimdall_core.cli.common import registry as plugins_of_call
from heimdall_core.cli.run import load
from heimdall_core.dataset import read_examples
from heimdall_core.dataset.local import is_here
from heimdall_core.errors import DatasetError, HeimdallError
from heimdall_core.prompt import render_example
from heimdall_core.recipe import Recipe
from heimdall_core.types import Estimate

#: Rows and tokens to a row where no dataset tells: those of the training guide.
ROWS, TOKENS = 5000, 150

#: Tokens of a row under NornicDB's own system prompt, where no dataset tells.
LONG_TOKENS = 2300

#: Characters to a token, in text of Cypher and questions.
_CHARACTERS = 3.5

_PARTS = {
    "process": "libraries, context of the card",
    "base": "base model",
    "adapter": "adapter (fp32)",
    "gradients": "gradients of the adapter",
    "optimizer": "AdamW's two moments",
    "best": "best weights so far",
    "activations": "activations kept for the backward pass",
    "head": "logits and their gradient",
    "gaps": "gaps of the allocator",
}


@click.command("estimate")
@click.option("--preset", required=True, help="Preset or recipe file whose [train] is used.")
@click.option("--device", help="auto, cpu, cuda, mps, or a card such as 2080ti, 4090, h200.")
@click.option("--dataset", type=dataset_type, help="Rows to count.")
@click.option("--rows", type=click.IntRange(1), help="Training rows, where there is no dataset.")
@click.option("--tokens-per-row", type=click.IntRange(2), help="Tokens of a row, as above.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Any train.KEY.")
@json_option
def estimate(
    preset: str,
    device: str | None,
    dataset: Path | None,
    rows: int | None,
    tokens_per_row: int | None,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Say what a training would take: parameters, memory by part, time, the batch that fits.

    Nothing is downloaded or loaded.
    """
    if device:
        overrides = (*overrides, f'train.device="{device}"')
    show_estimate(
        load(preset, overrides), dataset, as_json=as_json, rows=rows, tokens_per_row=tokens_per_row
    )


def show_estimate(
    recipe: Recipe,
    dataset: Path | None,
    *,
    as_json: bool,
    rows: int | None = None,
    tokens_per_row: int | None = None,
) -> None:
    """Prints the trainer's forecast for a recipe and a dataset."""
    plugins = plugins_of_call(recipe.plugins)
    config = recipe.training(plugins)
    trainer = plugins.trainer(config.trainer_name)
    if trainer.estimate is None:
        raise HeimdallError("makes no forecast", where=f"trainer {trainer.name}")
    if dataset is not None:
        if is_here(dataset) and not dataset.is_file():
            raise DatasetError("no such file", where=str(dataset))
        counted, length, longest = _measure(dataset)
        rows, tokens_per_row = rows or counted, tokens_per_row or length
        # Micro-batches are drawn by length, so one of them holds the longest rows.
        config = attrs.evolve(config, max_seq_length=min(config.max_seq_length, longest))
    tokens_per_row = tokens_per_row or _usual_tokens(recipe)
    found = trainer.estimate(config, rows or ROWS, tokens_per_row)
    if as_json:
        print_json(attrs.asdict(found))
        return
    _show(recipe, found, rows or ROWS)
    if dataset is None:
        console().print(
            f"Assumed: {rows or ROWS:,} rows of {tokens_per_row:,} tokens; --dataset counts yours",
            markup=False,
            soft_wrap=True,
        )


def _usual_tokens(recipe: Recipe) -> int:
    """Tokens of a row that the recipe would make: long ones where it asks for the whole prompt."""
    return LONG_TOKENS if recipe.generate.max_context_size == "xl" else TOKENS


def _measure(dataset: Path) -> tuple[int, int, int]:
    """Rows, and tokens of a usual and of the longest one, from their characters."""
    characters = count = longest = 0
    for row in read_examples(dataset):
        text = render_example(row.instruction, row.input, row.output, row.system)
        length = len(text.prompt) + len(text.answer)
        characters, count, longest = characters + length, count + 1, max(longest, length)
    if not count:
        raise DatasetError("the file has no rows", where=str(dataset))
    usual = max(2, round(characters / count / _CHARACTERS))
    return count, usual, max(usual, round(longest / _CHARACTERS))


def _show(recipe: Recipe, found: Estimate, rows: int) -> None:
    details = found.details
    out = console()
    lines: list[tuple[str, str]] = []
    if "base_model" in details:
        lines.append(("Model", f"{details['base_model']} ({details['base_licence']})"))
    if "parameters" in details:
        lines.append(("Parameters", f"{details['parameters']:,}"))
    if "lora_parameters" in details:
        targets = ", ".join(details["target_modules"])
        share = details["lora_share"]
        count = f"{details['lora_parameters']:,} ({share:.2%})"
        lines.append(("LoRA Parameters", f"{count}: r = {recipe.train.lora_r} on {targets}"))
    if "device" in details:
        lines.append(("Device", f"{details['device']}, {details['precision']}"))
    if "rows_at_once" in details:
        lines.append(
            (
                "Batch",
                f"{details['rows_at_once']} rows of {details['tokens_per_row']} tokens at once",
            )
        )
    lines.append(("Estimated VRAM", human_bytes(found.bytes)))
    for part, size in _parts(details).items():
        if size:
            lines.append((f"  {_PARTS.get(part, part)}", human_bytes(size)))
    if "bytes_longest_rows" in details:
        longest = human_bytes(details["bytes_longest_rows"])
        tokens = details.get("tokens_longest_rows", recipe.train.max_seq_length)
        lines.append(("At the longest rows", f"{longest} ({tokens} tokens each)"))
    lines.append(("Time", f"{human_seconds(found.seconds)} for {rows:,} rows"))
    if "seconds_per_epoch" in details:
        lines.append(("Time per epoch", human_seconds(details["seconds_per_epoch"])))
    if "recommended" in details:
        lines.append(("Recommended", _recommended(details["recommended"])))
    if "recommended_longest_rows" in details:
        longest = _recommended(details["recommended_longest_rows"])
        lines.append(("Recommended where the longest rows meet in a batch", longest))
    if "gguf_bytes" in details:
        sizes = (f"{kind} {human_bytes(size)}" for kind, size in details["gguf_bytes"].items())
        lines.append(("GGUF", ", ".join(sizes)))
    for key, name in (("basis", "Rests on"), ("guide_note", "The guide")):
        if key in details:
            lines.append((name, str(details[key])))
    for part, (there, here) in details.get("guide_parts", {}).items():
        lines.append((f"  {part}", f"{human_bytes(there)} there, {human_bytes(here)} here"))
    for name, text in lines:
        out.print(f"{name}: {text}", markup=False, soft_wrap=True)


def _parts(details: Mapping[str, Any]) -> Mapping[str, int]:
    own: Mapping[str, int] = details.get("bytes_by_part", {})
    return own or {
        key.removeprefix("bytes_").replace("_", " "): value
        for key, value in details.items()
        if key.startswith("bytes_")
    }


def _recommended(found: Mapping[str, int] | None) -> str:
    if found is None:
        return "not even one row fits: set use_qlora, or lower max_seq_length"
    rows, times = found["per_device_train_batch_size"], found["gradient_accumulation_steps"]
    twice = ", gradient_checkpointing=true" if found.get("gradient_checkpointing") else ""
    return f"batch_size={rows}, gradient_accumulation={times}{twice}"

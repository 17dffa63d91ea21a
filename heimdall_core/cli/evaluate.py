"""`heimdall evaluate`: the suite on plain files."""

from __future__ import annotations

from pathlib import Path

import click

from heimdall_core.cli.common import (
    console,
    json_option,
    print_json,
    progress,
)
from heimdall_core.cli.common import registry as plugins_of_call
from heimdall_core.cli.models import model_dir_option, rows_of
from heimdall_core.dataset import atomic_text
from heimdall_core.pipeline.steps.evaluate import evaluate_model, write_answers
from heimdall_core.pipeline.steps.generate import known_schemas
from heimdall_core.pipeline.steps.models import open_model

_file = click.Path(path_type=Path)


@click.command("evaluate")
@model_dir_option
@click.option("--test-dataset", type=_file, required=True, help="Rows to ask (JSONL).")
@click.option("--metric", "metrics", multiple=True, help="Evaluator; repeat for several.")
@click.option("--runtime", help="Runtime plugin; by default the one that takes the model.")
@click.option("--max-rows", type=click.IntRange(1), default=1000, show_default=True)
@click.option("--max-new-tokens", type=click.IntRange(1), default=256, show_default=True)
@click.option("--output", type=_file, help="Write every answer with its values (JSONL).")
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True)
@json_option
def evaluate(
    model_dir: Path,
    test_dataset: Path,
    metrics: tuple[str, ...],
    runtime: str | None,
    max_rows: int,
    max_new_tokens: int,
    output: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Measure a model on a test set, as it is served."""
    plugins = plugins_of_call()
    names = metrics or ("exact_match", "perplexity")
    evaluators = {name: plugins.evaluator(name).options() for name in names}
    rows = rows_of(test_dataset, max_rows)
    if output is not None:
        with atomic_text(output.with_name(f".{output.name}.probe")):
            pass  # it can be written there: known before the work, not after it
        output.with_name(f".{output.name}.probe").unlink()
    with progress() as observe, open_model(plugins, model_dir, runtime) as model:
        report = evaluate_model(
            plugins,
            model,
            rows,
            evaluators,
            max_new_tokens=max_new_tokens,
            schemas=known_schemas(plugins),
            seed=seed,
            emit=observe,
            label=test_dataset.stem,
        )
    if output is not None:
        write_answers(output, rows, report)
    found = {result.metric: result.to_dict() for result in report.results}
    if as_json:
        print_json({"rows": len(rows), "cut_off": report.cut_off, "metrics": found})
        return
    from heimdall_core.cli.summary import metrics_table

    console().print(metrics_table(found))
    if report.cut_off:
        click.echo(f"{report.cut_off} of {len(rows)} answers were cut off at {max_new_tokens}")

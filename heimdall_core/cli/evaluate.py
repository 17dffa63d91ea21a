"""`heimdall evaluate`: the suite on plain files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from heimdall_core.cli.common import (
    console,
    dataset_type,
    executor_options,
    executor_table,
    json_option,
    print_json,
    progress,
    settings_table,
)
from heimdall_core.cli.common import registry as plugins_of_call
from heimdall_core.cli.models import model_dir_option, rows_of
from heimdall_core.dataset import atomic_text
from heimdall_core.errors import FindingsError, HeimdallError, did_you_mean
from heimdall_core.execution import working
from heimdall_core.pipeline.steps.answers import AnswerLog, model_digest
from heimdall_core.pipeline.steps.evaluate import (
    EvaluateReport,
    evaluate_model,
    missed_targets,
    write_report,
)
from heimdall_core.pipeline.steps.generate import known_schemas
from heimdall_core.pipeline.steps.hosted import ModelSource
from heimdall_core.pipeline.steps.models import open_model
from heimdall_core.pipeline.steps.suite import (
    locked_rows,
    read_suite,
    refuse_leaks,
    refuse_near_leaks,
    require_suite,
    suite_of,
)
from heimdall_core.registry import Registry
from heimdall_core.structure import structure

_file = click.Path(path_type=Path)
metric_option = click.option(
    "--metric", "metrics", multiple=True, help="Evaluator; repeat for several."
)
set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="METRIC.KEY=VALUE",
    help="An option of an evaluator, such as exact_match.mode=raw.",
)
max_rows_option = click.option(
    "--max-rows", type=click.IntRange(1), default=1000, show_default=True
)
max_new_tokens_option = click.option(
    "--max-new-tokens", type=click.IntRange(1), default=256, show_default=True
)


@click.command("evaluate")
@model_dir_option
@click.option("--test-dataset", type=dataset_type, required=True, help="Rows to ask.")
@metric_option
@set_option
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="METRIC=VALUE",
    help="Exit with 1 where the metric misses this.",
)
@click.option("--runtime", help="Runtime plugin; by default the one that takes the model.")
@max_rows_option
@max_new_tokens_option
@click.option("--output", type=_file, help="Write every answer with its values (JSONL).")
@click.option("--suite", type=_file, help="A locked suite; refuse anything else.")
@click.option(
    "--train-dataset", type=dataset_type, help="Refuse test rows that stand in this dataset."
)
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True)
@executor_options
@json_option
def evaluate(
    model_dir: Path,
    test_dataset: Path,
    metrics: tuple[str, ...],
    settings: tuple[str, ...],
    targets: tuple[str, ...],
    runtime: str | None,
    max_rows: int,
    max_new_tokens: int,
    output: Path | None,
    suite: Path | None,
    train_dataset: Path | None,
    seed: int,
    as_json: bool,
    **executor: Any,
) -> None:
    """Measure a model on a test set, as it is served.

    With --output, answers are written down as they come: the same call again goes on where one
    that was stopped has ended.
    """
    plugins = plugins_of_call()
    names = metrics or ("exact_match", "perplexity")
    evaluators = evaluators_of(plugins, names, settings)
    wanted = _targets(targets, names)
    locked = read_suite(suite) if suite is not None else None
    if locked is not None:
        if not _given("max_rows"):
            max_rows = locked_rows(locked)
        if not _given("max_new_tokens"):
            max_new_tokens = locked["max_new_tokens"]
    rows = rows_of(test_dataset, max_rows)
    schemas = known_schemas(plugins)
    if locked is not None:
        found = suite_of(plugins, rows, evaluators, max_new_tokens=max_new_tokens, schemas=schemas)
        require_suite(locked, found, str(suite))
    if train_dataset is not None:
        refuse_leaks(train_dataset, rows, str(test_dataset))
        if note := refuse_near_leaks(train_dataset, test_dataset, str(test_dataset)):
            click.echo(note, err=True)
    if output is not None:
        with atomic_text(output.with_name(f".{output.name}.probe")):
            pass  # it can be written there: known before the work, not after it
        output.with_name(f".{output.name}.probe").unlink()
    with ExitStack() as stack:
        observe = stack.enter_context(progress())
        stack.enter_context(working(plugins, executor_table(**executor), observe))
        model = stack.enter_context(open_model(plugins, model_dir, runtime))
        log = None
        if output is not None:
            key = f"{model_digest(model_dir)} {runtime or ''} {max_new_tokens}"
            log = stack.enter_context(AnswerLog(output.with_name(f".{output.name}.answers"), key))
        report = evaluate_model(
            plugins,
            model,
            rows,
            evaluators,
            max_new_tokens=max_new_tokens,
            schemas=schemas,
            targets=wanted,
            seed=seed,
            emit=observe,
            label=test_dataset.stem,
            log=log,
            source=ModelSource(model_dir, runtime),
        )
    if output is not None:
        write_report(output, rows, report)
        if log is not None and not report.failed:
            log.remove()
    _show(report, len(rows), max_new_tokens, as_json=as_json)
    kept = "the other figures are above" + (f" and in {output}" if output is not None else "")
    report.require_all(str(model_dir), kept)
    results = {r.metric: r.to_dict() for r in report.results if r.metric in wanted}
    if missed := missed_targets(results):
        raise FindingsError(f"targets missed: {', '.join(missed)}", where=str(model_dir))


def _given(option: str) -> bool:
    """Whether an option of this call was written, and is not its default."""
    source = click.get_current_context().get_parameter_source(option)
    return source is not click.core.ParameterSource.DEFAULT


def evaluators_of(
    plugins: Registry, names: Sequence[str], settings: Sequence[str]
) -> dict[str, Any]:
    """Evaluators with their options, from `--metric` and `--set METRIC.KEY=VALUE`."""
    tables: dict[str, dict[str, Any]] = {name: {} for name in names}
    for key, value in settings_table(settings).items():
        metric, dot, option = key.partition(".")
        if not dot:
            raise HeimdallError(
                f"cannot read '{key}'", where="--set", hint="write METRIC.KEY=VALUE"
            )
        if metric not in tables:
            hint = did_you_mean(metric, tables)
            raise HeimdallError(f"'{metric}' is not measured", where="--set", hint=hint)
        tables[metric][option] = value
    return {
        name: structure(table, plugins.evaluator(name).options, name)
        for name, table in tables.items()
    }


def _targets(targets: Sequence[str], names: Sequence[str]) -> Mapping[str, float]:
    found: dict[str, float] = {}
    for metric, value in settings_table(targets).items():
        if metric not in names:
            hint = did_you_mean(metric, names)
            raise HeimdallError(f"'{metric}' is not measured", where="--target", hint=hint)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise HeimdallError(f"'{value}' is no number", where=f"--target {metric}")
        found[metric] = float(value)
    return found


def _show(report: EvaluateReport, rows: int, max_new_tokens: int, *, as_json: bool) -> None:
    found = {result.metric: result.to_dict() for result in report.results}
    if as_json:
        print_json(
            {
                "rows": rows,
                "cut_off": report.cut_off,
                "metrics": found,
                "failed": {name: str(error) for name, error in report.failed.items()},
                "suite": report.suite,
            }
        )
        return
    from heimdall_core.cli.summary import metrics_table, skipped_lines

    console().print(metrics_table(found, own_gate=False))
    if any(m["target"] is not None and not m["demanded"] for m in found.values()):
        click.echo(
            "(own): the evaluator's own target, which gates nothing; "
            "--target METRIC=VALUE sets one that does"
        )
    for line in skipped_lines(found):
        click.echo(line)
    if report.cut_off:
        click.echo(f"{report.cut_off} of {rows} answers were cut off at {max_new_tokens} tokens")

"""`heimdall compare` and `heimdall suite`: is one model better, and on the same questions?"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import attrs
import click

from heimdall_core.cli.common import (
    console,
    dataset_type,
    json_option,
    print_json,
    registry,
    runs_option,
)
from heimdall_core.cli.evaluate import (
    evaluators_of,
    max_new_tokens_option,
    max_rows_option,
    metric_option,
    set_option,
)
from heimdall_core.cli.models import rows_of
from heimdall_core.errors import FindingsError, HeimdallError, did_you_mean
from heimdall_core.pipeline import list_runs, read_manifest
from heimdall_core.pipeline.compare import Comparison, compare_files
from heimdall_core.pipeline.steps.generate import known_schemas
from heimdall_core.pipeline.steps.suite import (
    differences,
    locked_rows,
    read_suite,
    require_suite,
    suite_of,
    suite_path,
    write_suite,
)

_file = click.Path(path_type=Path)


@click.command("compare")
@click.argument("first")
@click.argument("second")
@metric_option
@click.option("--artefact", help="Of a run: the measured file; by default its headline.")
@click.option("--test-set", default="test", show_default=True, help="Of a run: which test set.")
@click.option("--suite", type=_file, help="A locked suite that both must have been measured on.")
@click.option("--fail-if-worse", is_flag=True, help="Exit with 1 where SECOND is worse.")
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True)
@runs_option
@json_option
def compare(
    first: str,
    second: str,
    metrics: tuple[str, ...],
    artefact: str | None,
    test_set: str,
    suite: Path | None,
    fail_if_worse: bool,
    seed: int,
    runs: Path,
    as_json: bool,
) -> None:
    """Say whether SECOND is better than FIRST, row by row.

    Each is an answers file of `heimdall evaluate --output`, or the name of a run. A paired
    bootstrap decides: better, worse, or it can't be told.
    """
    files = [answers_of(name, runs, artefact, test_set) for name in (first, second)]
    if suite is not None:
        locked = read_suite(suite)
        for path in files:
            changed = differences(locked, read_suite(suite_path(path)), metrics or None)
            if changed:
                raise HeimdallError(
                    f"was not measured on the locked suite: {'; '.join(changed)}", where=str(path)
                )
    found = compare_files(registry(), *files, metrics=metrics, seed=seed)
    if as_json:
        print_json({each.metric: _plain(each) for each in found})
    else:
        console().print(_table(found, first, second))
    worse = [each.metric for each in found if each.verdict == "worse"]
    if fail_if_worse and worse:
        raise FindingsError(f"{second} is worse than {first}: {', '.join(worse)}")


def answers_of(name: str, runs: Path, artefact: str | None, test_set: str) -> Path:
    """The answers file that a name on the command line means."""
    path = Path(name)
    if path.is_file():
        return path
    if name not in list_runs(runs):
        raise HeimdallError(
            f"'{name}' is neither an answers file nor a run in {runs}",
            hint=did_you_mean(name, list_runs(runs)),
        )
    stage = next((s for s in read_manifest(runs, name)["stages"] if s["stage"] == "evaluate"), None)
    if stage is None:
        raise HeimdallError("the run was not evaluated", where=name)
    folder = runs / name / str(stage["folder"])
    kind = artefact or str(stage["options"]["evaluate"]["artefacts"][0])
    wanted = folder / f"answers-{kind}-{test_set}.jsonl"
    if not wanted.is_file():
        known = [p.name for p in folder.glob("answers-*.jsonl")]
        raise HeimdallError(
            f"no answers of '{kind}' on '{test_set}'",
            where=name,
            hint=f"there are: {', '.join(sorted(known)) or 'none'}",
        )
    return wanted


def _plain(each: Comparison) -> dict[str, Any]:
    found = {**attrs.asdict(each), "difference": each.difference}
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in found.items()
    }


def _table(found: list[Comparison], first: str, second: str) -> Any:
    from rich.table import Table

    table = Table(title=f"{second} against {first} (95 % intervals)", title_justify="left")
    for column in ("metric", "first", "second", "difference", "interval", "rows", "differ", ""):
        table.add_column(column, justify="left" if column in ("metric", "") else "right")
    colours = {"better": "green", "worse": "red", "can't tell": "yellow"}
    for each in found:
        table.add_row(
            each.metric,
            f"{each.first:.4g}",
            f"{each.second:.4g}",
            f"{each.difference:+.4g}",
            f"{each.low:+.4g} – {each.high:+.4g}",
            str(each.rows),
            str(each.differing),
            f"[{colours[each.verdict]}]{each.verdict}[/]",
        )
    return table


@click.group("suite")
def suite() -> None:
    """Lock what models are measured on, so that figures stay comparable."""


@suite.command("lock")
@click.argument("test_dataset", type=dataset_type)
@metric_option
@set_option
@max_rows_option
@max_new_tokens_option
@click.option("--output", type=_file, help="The lock; by default beside the rows.")
def lock(
    test_dataset: Path,
    metrics: tuple[str, ...],
    settings: tuple[str, ...],
    max_rows: int,
    max_new_tokens: int,
    output: Path | None,
) -> None:
    """Write down checksums of rows and prompts, and the evaluators with their versions."""
    made = _suite(test_dataset, metrics, settings, max_rows, max_new_tokens)
    made["max_rows"] = max_rows
    target = output or suite_path(test_dataset)
    write_suite(target, made)
    click.echo(f"{target}: {made['rows']['count']} rows, {', '.join(made['evaluators'])}")


@suite.command("check")
@click.argument("lock_file", type=_file)
@click.argument("test_dataset", type=dataset_type)
@metric_option
@set_option
@click.option("--max-rows", type=click.IntRange(1), help="By default the lock's.")
def check(
    lock_file: Path,
    test_dataset: Path,
    metrics: tuple[str, ...],
    settings: tuple[str, ...],
    max_rows: int | None,
) -> None:
    """Say whether rows and evaluators are still those of a lock."""
    locked = read_suite(lock_file)
    names = metrics or tuple(locked["evaluators"])
    given = settings or tuple(
        f"{name}.{key}={_toml(value)}"
        for name, mark in locked["evaluators"].items()
        if name in names
        for key, value in mark["options"].items()
        if value is not None
    )
    limit = max_rows or locked_rows(locked)
    found = _suite(test_dataset, names, given, limit, locked["max_new_tokens"])
    require_suite(locked, found, str(lock_file))
    click.echo(f"{lock_file}: unchanged")


def _suite(
    test_dataset: Path,
    metrics: tuple[str, ...],
    settings: tuple[str, ...],
    max_rows: int,
    max_new_tokens: int,
) -> dict[str, Any]:
    plugins = registry()
    evaluators = evaluators_of(plugins, metrics or ("exact_match", "perplexity"), settings)
    rows = rows_of(test_dataset, max_rows)
    return suite_of(
        plugins,
        rows,
        evaluators,
        max_new_tokens=max_new_tokens,
        schemas=known_schemas(plugins),
    )


def _toml(value: Any) -> str:
    import tomli_w

    return tomli_w.dumps({"v": value}).partition("=")[2].strip()

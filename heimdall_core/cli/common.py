"""What the commands share: the registry, the console, tables, live progress, JSON output."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from heimdall_core.errors import RecipeError
from heimdall_core.registry import Registry
from heimdall_core.types import Event

if TYPE_CHECKING:  # it imports cattrs, which `heimdall plugins` need not wait for
    from heimdall_core.recipe import PluginsTable

    _PathParam = click.ParamType[Path]
else:
    _PathParam = click.ParamType  # not subscriptable in click 8.2

#: Options that several commands have.
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
runs_option = click.option(
    "--runs",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Folder that holds the runs.",
)


class DatasetParam(_PathParam):
    """A dataset: a file, a folder, a pattern such as `rows/*.parquet`, or a URL of one."""

    name = "dataset"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        from heimdall_core.dataset.remote import located

        return located(value)


#: Type of every option and argument that names a dataset.
dataset_type = DatasetParam()


def shard_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--shard-rows` and `--shard-mb`; the command takes `shards`, a `ShardSize` or None."""

    @click.option("--shard-rows", type=click.IntRange(1), help="Write shards of so many rows.")
    @click.option(
        "--shard-mb",
        type=click.FloatRange(0, min_open=True),
        help="Write shards of so many MB of JSON text.",
    )
    @functools.wraps(command)
    def wrapped(*args: Any, shard_rows: int | None, shard_mb: float | None, **kwargs: Any) -> Any:
        shards = None
        if shard_rows or shard_mb:
            from heimdall_core.dataset.shard_write import ShardSize

            shards = ShardSize(rows=shard_rows, megabytes=shard_mb)
        return command(*args, shards=shards, **kwargs)

    return wrapped


_EXECUTOR = (
    click.option("--executor", help="Where the work is spread: local (default), ray …"),
    click.option("--address", help="Cluster of the executor: auto, HOST:PORT, ray://HOST:10001."),
    click.option(
        "--executor-set",
        "executor_settings",
        multiple=True,
        metavar="KEY=VALUE",
        help="Any option of the executor.",
    ),
)


def executor_options(command: Any) -> Any:
    """Adds `--executor`, `--address` and `--executor-set` to a command."""
    for option in reversed(_EXECUTOR):
        command = option(command)
    return command


def executor_table(
    executor: str | None,
    address: str | None,
    executor_settings: tuple[str, ...],
    workers: int | None = None,
) -> dict[str, Any]:
    """The table `[executor]` that these options write; empty where none is given. `workers` is
    the command's own option, which an executor that is named takes over."""
    table = settings_table(executor_settings)
    own = {"name": executor, "workers": (workers or None) if executor else None, "address": address}
    for key, value in own.items():
        if value is None:
            continue
        if table.get(key, value) != value:
            option = "--executor" if key == "name" else f"--{key}"
            raise RecipeError(
                f"{key}={table[key]} and {option} {value} contradict each other",
                where="--executor-set",
                hint="say it once",
            )
        table[key] = value
    return table


def executor_of(recipe: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe's table `[executor]` with what a command's options say. Another executor has other
    options: what the recipe says of its own is not for one that is named here."""
    from heimdall_core.execution import LOCAL

    named = given.get("name")
    kept = recipe if named is None or named == recipe.get("name", LOCAL) else {}
    return {**kept, **given}


def registry(trust: PluginsTable | None = None) -> Registry:
    """The plugins of this invocation, as far as a recipe trusts them; a warning for each one that
    does not load."""
    context = click.get_current_context(silent=True)
    settings = (context.find_root().obj or {}) if context else {}
    block, allow = (trust.block, trust.allow) if trust else ((), None)
    key = ("registry", block, allow)
    if key in settings:
        found: Registry = settings[key]
        return found
    made = Registry(block=block, allow=allow, third_party=settings.get("third_party", True))
    if not settings.get("warned"):
        for failed in made.failures:
            click.echo(f"warning: plugin {failed.origin} did not load: {failed.error}", err=True)
        for name in made.unknown_blocked:
            click.echo(f"warning: no plugin is called '{name}'; nothing is blocked by it", err=True)
        for name in made.unknown_allowed:
            click.echo(f"warning: no plugin is called '{name}'; nothing is allowed by it", err=True)
        for info in made.plugins:
            for line in info.deprecated:
                click.echo(f"warning: plugin {info.origin}: {line}", err=True)
    if context:
        settings = context.find_root().obj = context.find_root().obj or {}
        settings[key] = made
        settings["warned"] = True
    return made


def console(*, stderr: bool = False) -> Any:
    """A rich console. `NO_COLOR` and a pipe turn colours off; a pipe is never narrower than the
    longest table needs."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else 120
    return Console(stderr=stderr, width=width, highlight=False)


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False))


def settings_table(settings: Iterable[str]) -> dict[str, Any]:
    """The table that `--set KEY=VALUE` options write; values as in TOML, a bare word a string."""
    import tomllib

    table: dict[str, Any] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals or not key.strip():
            raise RecipeError(f"cannot read '{setting}'", where="--set", hint="write KEY=VALUE")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except (ValueError, RecursionError):
            value = text
        table[key.strip().replace("-", "_")] = value
    return table


def human_bytes(count: float | None) -> str:
    """`1.5 MB`; powers of 1000, as file managers and model cards count."""
    if count is None:
        return "–"
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def human_seconds(seconds: float | None) -> str:
    """`3.2 s`, `4 min 05 s`, `2 h 10 min`."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


@contextmanager
def progress() -> Iterator[Callable[[Event], None]]:
    """An observer that shows a run on the terminal: a line per note, a bar while work is under
    way. Off a terminal the bar is left out and the lines stay."""
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    shown = console(stderr=True)
    bar = Progress(
        TextColumn("  {task.description}"),
        BarColumn(bar_width=30),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[values]}"),
        console=shown,
        transient=True,
        disable=not shown.is_terminal,
    )
    tasks: dict[str, TaskID] = {}
    latest: dict[str, float] = {}  # a validation must not hide loss and rate until the next step

    def observe(event: Event) -> None:
        name = f"{event.stage} {event.message}".strip()
        if event.kind == "progress" and event.total:
            if name not in tasks:
                for task in tasks.values():
                    bar.remove_task(task)
                tasks.clear()
                latest.clear()
                tasks[name] = bar.add_task(name, total=event.total, values="")
            bar.update(tasks[name], completed=event.done, total=event.total)
        elif event.kind == "metric":
            latest.update(event.values)
            for task in tasks.values():
                bar.update(task, values=_figures(latest))
            if not shown.is_terminal:
                shown.print(
                    f"  {event.stage} {_figures(event.values)}", style="dim", soft_wrap=True
                )
        elif event.kind == "warning":
            shown.print(f"! {event.stage}: {event.message}", style="yellow", markup=False)
        elif event.kind == "note":
            shown.print(f"· {event.stage}: {event.message}", markup=False)

    with bar:
        yield observe


def _figures(values: Mapping[str, float]) -> str:
    return "  ".join(f"{key} {value:.4g}" for key, value in values.items())

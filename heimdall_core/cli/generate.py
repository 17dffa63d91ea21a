"""`heimdall generate`: the generators' rows, checked, in a plain file."""

from __future__ import annotations

import json
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from heimdall_core.cli.common import (
    dataset_type,
    executor_options,
    executor_table,
    json_option,
    progress,
    registry,
    settings_table,
    shard_options,
)
from heimdall_core.cli.run import load
from heimdall_core.dataset.shard_write import ShardSize, sharded_name
from heimdall_core.errors import HeimdallError
from heimdall_core.execution import working
from heimdall_core.pipeline.data_stages import sources_of
from heimdall_core.pipeline.measure import peak_bytes
from heimdall_core.pipeline.steps.companions import Ties, write_companions
from heimdall_core.pipeline.steps.generate import Source, all_schemas, generate_dataset
from heimdall_core.pipeline.steps.mix import Focus, default_mix
from heimdall_core.pipeline.steps.prove import Draw
from heimdall_core.pipeline.steps.prove import prove as prove_rows
from heimdall_core.registry import Registry
from heimdall_core.structure import structure
from heimdall_core.types import CONTEXT_SIZES, Event, Example

_file = click.Path(path_type=Path)


@click.command("generate")
@click.option("--num-examples", type=click.IntRange(1), default=5000, show_default=True)
@click.option(
    "--output", type=dataset_type, required=True, help="File, pattern or folder to write."
)
@click.option(
    "--generator", "generators", multiple=True, help="By name; repeat for several. Default: a mix."
)
@click.option("--recipe", "--preset", help="Take the mix from a recipe or preset instead.")
@click.option("--optimize-focus", is_flag=True, help="More on performance and optimisation.")
@click.option("--plugin-focus", is_flag=True, help="More on APOC and plugin development.")
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True)
@click.option(
    "--repo",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="NornicDB checkout that generators may read.",
)
@click.option("--dialect", default="", help="Dialect that rows are checked against.")
@click.option("--rejects", type=_file, help="Write rows that the checker rejects, with why.")
@click.option(
    "--max-rejected",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    help="Share of rows that may be rejected; more writes nothing and fails.",
)
@click.option(
    "--max-context-size",
    type=click.Choice(tuple(CONTEXT_SIZES)),
    help="Pass over rows that are made for a larger context. Default: the recipe's, or none.",
)
@click.option("--check/--no-check", default=True, help="Check every row; default on.")
@click.option(
    "--companions", is_flag=True, help="Write a test set and lists of prompts beside the output."
)
@click.option(
    "--prove",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Execute N rows of each generator on the embedded engine and say how they fared.",
)
@click.option(
    "--workers",
    type=click.IntRange(0),
    default=0,
    help="Processes that check rows; 0 for one per processor. The rows are the same.",
)
@shard_options
@executor_options
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Generator's option.")
@json_option
def generate(
    num_examples: int,
    output: Path,
    generators: tuple[str, ...],
    recipe: str | None,
    optimize_focus: bool,
    plugin_focus: bool,
    seed: int,
    repo: Path | None,
    dialect: str,
    rejects: Path | None,
    max_rejected: float,
    max_context_size: str | None,
    check: bool,
    companions: bool,
    prove: int,
    workers: int,
    shards: ShardSize | None,
    settings: tuple[str, ...],
    as_json: bool,
    **executor: Any,
) -> None:
    """Generate a dataset: rows with distinct prompts, each checked by its language.

    Without --generator or --recipe it is a mix: 30 % Cypher, 40 % NornicDB operations, 20 % APOC
    and plugins, 10 % troubleshooting, of the generators that are installed.
    """
    started = time.monotonic()
    with ExitStack() as stack:
        observe = stack.enter_context(progress())

        def note(text: str) -> None:
            observe(Event("warning", "generate", text))

        focus = _focus(optimize_focus, plugin_focus, bool(recipe or generators))
        plugins = registry()
        stack.enter_context(working(plugins, executor_table(**executor, workers=workers), observe))
        sources = _sources(plugins, recipe, generators, settings, focus, note)
        if recipe and not max_context_size:
            max_context_size = load(recipe, ()).resolve(plugins).generate.max_context_size
        ties, drawn = Ties(), Draw(prove, seed)
        watchers = [*([ties.add] if companions else []), *([drawn.add] if prove else [])]

        def watched(row: Example) -> None:
            for watch in watchers:
                watch(row)

        report = generate_dataset(
            plugins,
            sources,
            total=num_examples,
            seed=seed,
            output=output,
            rejects=rejects,
            check=check,
            dialect=dialect,
            max_rejected=max_rejected,
            max_context_size=max_context_size or "",
            repo=repo,
            workers=workers,
            shards=shards,
            on_row=watched if watchers else None,
            emit=observe,
        )
        figures: dict[str, Any] = {**report.to_dict(), "output": str(output)}
        if companions:
            written = write_companions(
                plugins,
                sources,
                ties,
                training=several[0] if (several := sharded_name(output, shards)) else output,
                rows=report.rows,
                seed=seed,
                dialect=dialect,
                repo=repo,
                workers=workers,
                max_context_size=max_context_size or "",
                emit=observe,
            )
            figures["companions"] = [str(path) for path in written]
        seconds = time.monotonic() - started
        proofs = (
            prove_rows(plugins, drawn.rows, all_schemas(sources), seed=seed, emit=observe)
            if prove
            else {}
        )
    if as_json:
        # One line, the last of the output, for programs that read it.
        if prove:
            figures["proof"] = {name: proof.to_dict() for name, proof in proofs.items()}
        figures |= {"seconds": round(seconds, 3), "peak_mb": round(_peak() / 1e6, 1)}
        click.echo(json.dumps(figures, ensure_ascii=False))
        return
    click.echo(f"{output}: {report.rows:,} rows, {report.rejected} rejected, {seconds:.1f} s")
    for name, count in report.by_source.items():
        click.echo(f"  {name}: {count:,}")
    for path in figures.get("companions", ()):
        click.echo(path)
    for name, proof in proofs.items():
        click.echo(
            f"  proof of {name}: {proof.drawn} queries drawn, {proof.covered:.1%} executed, "
            f"{proof.with_rows} with rows, {proof.empty} empty, {proof.failed} failed, "
            f"{proof.unknown} not known to the engine"
        )
        for line in proof.examples:
            click.echo(f"    {line}")


def _focus(optimize: bool, plugin: bool, named: bool) -> Focus:
    if optimize and plugin:
        raise HeimdallError(
            "--optimize-focus and --plugin-focus exclude each other", hint="make two files"
        )
    if (optimize or plugin) and named:
        raise HeimdallError(
            "a focus shifts the default mix", hint="leave out --generator and --recipe"
        )
    return "optimize" if optimize else "plugin" if plugin else ""


def _sources(
    plugins: Registry,
    recipe: str | None,
    generators: tuple[str, ...],
    settings: tuple[str, ...],
    focus: Focus,
    note: Any,
) -> tuple[Source, ...]:
    """Who generates, with options and weights."""
    if recipe and (generators or settings):
        raise HeimdallError("--recipe brings its own mix", hint="leave out --generator and --set")
    if recipe:
        return sources_of(load(recipe, ()).resolve(plugins), plugins)
    names = tuple(dict.fromkeys(generators))
    if settings and len(names) != 1:
        what = "has no generator to go to" if not names else "is for one generator alone"
        known = ", ".join(plugins.names("generator"))
        raise HeimdallError(
            f"--set {settings[0]} {what}",
            where="generate.mix",
            hint=f"name one with --generator, or write a recipe. Available: {known}",
        )
    if not names:
        return default_mix(plugins, focus, note)
    return tuple(_source(plugins, name, settings) for name in names)


def _source(plugins: Registry, name: str, settings: tuple[str, ...]) -> Source:
    """A generator with the options that --set gives; the path that a recipe has is taken too."""
    where = f"generate.mix.{name}"
    table = settings_table(text.removeprefix(f"{where}.") for text in settings)
    generator = plugins.generator(name)
    return Source(generator, structure(table, generator.options, where))


def _peak() -> int:
    """Peak resident bytes of the largest of this process and those that it has started."""
    own = peak_bytes()
    try:
        import resource
    except ImportError:
        return own
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return max(own, children if sys.platform == "darwin" else children * 1024)

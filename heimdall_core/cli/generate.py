"""`heimdall generate`: the generators' rows, checked, in a plain file."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from heimdall_core.cli.common import json_option, progress, registry, settings_table
from heimdall_core.cli.run import load
from heimdall_core.errors import HeimdallError
from heimdall_core.pipeline.measure import peak_bytes
from heimdall_core.pipeline.stages import sources_of
from heimdall_core.pipeline.steps.generate import Source, generate_dataset
from heimdall_core.structure import structure

_file = click.Path(path_type=Path)


@click.command("generate")
@click.option("--num-examples", type=click.IntRange(1), default=5000, show_default=True)
@click.option("--output", type=_file, required=True, help="JSONL file to write (.gz too).")
@click.option("--generator", "generators", multiple=True, help="By name; repeat for several.")
@click.option("--recipe", "--preset", help="Take the mix from a recipe or preset instead.")
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True)
@click.option("--dialect", default="", help="Dialect that rows are checked against.")
@click.option("--rejects", type=_file, help="Write rows that the checker rejects, with why.")
@click.option("--check/--no-check", default=True, help="Check every row; default on.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Generator's option.")
@json_option
def generate(
    num_examples: int,
    output: Path,
    generators: tuple[str, ...],
    recipe: str | None,
    seed: int,
    dialect: str,
    rejects: Path | None,
    check: bool,
    settings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Generate a dataset: rows with distinct prompts, each checked by its language."""
    plugins = registry()
    if recipe and (generators or settings):
        raise HeimdallError("--recipe brings its own mix", hint="leave out --generator and --set")
    if recipe:
        sources = sources_of(load(recipe, ()).resolve(plugins), plugins)
    else:
        names = tuple(dict.fromkeys(generators)) or plugins.names("generator")
        if settings and len(names) != 1:
            raise HeimdallError("--set is for one generator", hint="name it with --generator")
        sources = tuple(
            Source(
                plugins.generator(name),
                structure(settings_table(settings), plugins.generator(name).options, name),
            )
            for name in names
        )
    if not sources:
        raise HeimdallError("no generator is installed", hint="see: heimdall plugins")
    started = time.monotonic()
    with progress() as observe:
        report = generate_dataset(
            plugins,
            sources,
            total=num_examples,
            seed=seed,
            output=output,
            rejects=rejects,
            check=check,
            dialect=dialect,
            emit=observe,
        )
    seconds = time.monotonic() - started
    if as_json:
        # One line, the last of the output, for programs that read it.
        figures = {
            **report.to_dict(),
            "output": str(output),
            "seconds": round(seconds, 3),
            "peak_mb": round(peak_bytes() / 1e6, 1),
        }
        click.echo(json.dumps(figures, ensure_ascii=False))
        return
    click.echo(f"{output}: {report.rows:,} rows, {report.rejected} rejected, {seconds:.1f} s")

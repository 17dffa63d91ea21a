"""`heimdall deploy` and `heimdall context`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import attrs
import click

from heimdall_core.cli.common import console, human_bytes, json_option, print_json
from heimdall_core.errors import FindingsError, HeimdallError
from heimdall_export_nornicdb.advise import (
    Advice,
    advise,
    as_json,
    estimate,
    memory_bytes,
    read_queries,
)
from heimdall_export_nornicdb.check import Server, check_server
from heimdall_export_nornicdb.deploy import Deployment, check_model
from heimdall_export_nornicdb.deploy import deploy as deploy_model
from heimdall_export_nornicdb.settings import CONTEXTS, MODEL_FOLDERS, choose_sizes
from heimdall_run_llamacpp.gguf_file import read_gguf

_path = click.Path(path_type=Path)


class _DeployGroup(click.Group):
    """`heimdall deploy FILE …` is short for `heimdall deploy model FILE …`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args.insert(0, "model")
        return super().parse_args(ctx, args)


@click.group("deploy", cls=_DeployGroup)
def deploy() -> None:
    """Put a model into NornicDB (`deploy FILE --target DIR`), or ask a running one
    (`deploy check --url URL`)."""


@deploy.command("model")
@click.argument("gguf", type=_path, required=False)
@click.option("--gguf", "named", type=_path, help="The model, if it is not the argument.")
@click.option("--target", type=_path, required=True, help="Folder that NornicDB is started in.")
@click.option("--config", type=_path, help="nornicdb.yaml to edit; a backup is made.")
@click.option("--name", default="", help="Name of the model there; by default the file's.")
@click.option("--queries", type=_path, help="Queries to choose the context size by.")
@click.option("--context-size", type=click.IntRange(256), help="Context, instead of choosing it.")
@click.option("--batch-size", type=click.IntRange(32), help="Batch, instead of choosing it.")
@click.option("--max-tokens", type=click.IntRange(1, 4096), help="Longest answer.")
@click.option("--gpu-layers", type=int, help="Layers on the GPU; 0 for none, -1 for all.")
@click.option("--watcher/--no-watcher", default=True, help="Whether NornicDB runs the Watcher.")
@click.option("--guide-layout", is_flag=True, help="Also make plugins/heimdall/models/.")
@json_option
def model(
    gguf: Path | None,
    named: Path | None,
    target: Path,
    config: Path | None,
    name: str,
    queries: Path | None,
    context_size: int | None,
    batch_size: int | None,
    max_tokens: int | None,
    gpu_layers: int | None,
    watcher: bool,
    guide_layout: bool,
    as_json: bool,
) -> None:
    """Copy GGUF to TARGET/models, where NornicDB looks, and set NornicDB up to serve it."""
    source = gguf or named or _only_model(target)
    header = check_model(source)
    trained = header.metadata.get(f"{header.metadata['general.architecture']}.context_length", 0)
    longest = 512
    if queries is not None:
        count = _counter(source)
        longest = max(count(prompt) for prompt, _ in read_queries(queries))
    sizes = choose_sizes(longest, answer=max_tokens or 1024, watcher=watcher, trained=int(trained))
    if context_size:
        sizes = attrs.evolve(sizes, context=context_size, batch=min(sizes.batch, context_size))
    if batch_size:
        sizes = attrs.evolve(sizes, batch=batch_size)
    done = deploy_model(
        source,
        target,
        sizes,
        name=name,
        config=config,
        guide_layout=guide_layout,
        gpu_layers=gpu_layers,
        max_tokens=max_tokens,
    )
    memory = memory_bytes(header, sizes.context, sizes.batch)
    if as_json:
        print_json(_as_json(done, memory))
        return
    _tell(done, memory, longest)
    if sizes.context < sizes.prompt + 64 or sizes.batch < sizes.prompt:
        raise FindingsError(
            f"NornicDB's prompts come to {sizes.prompt} tokens; with a context of {sizes.context}"
            f" and a batch of {sizes.batch} the model would not see all of them",
            where="deploy",
            hint="train with a longer context, or run NornicDB without the Watcher (--no-watcher)",
        )


def _only_model(target: Path) -> Path:
    found = sorted(target.glob("*.gguf")) if target.is_dir() else []
    if len(found) != 1:
        raise HeimdallError("which model?", hint="heimdall deploy FILE.gguf --target DIR")
    return found[0]


def _tell(done: Deployment, memory: int, longest: int) -> None:
    sizes = done.sizes
    click.echo(f"{done.model}  (heimdall.model: {done.name})")
    for copy in done.copies:
        click.echo(f"{copy}  (the old guide's place; NornicDB does not look there)")
    click.echo(
        f"context {sizes.context}, batch {sizes.batch}: the prompt comes to {sizes.prompt} tokens"
        f" ({longest} for the question), {sizes.answer} are left for the answer;"
        f" about {human_bytes(memory)} of memory"
    )
    if done.edit is not None:
        edit = done.edit
        backup = f", backup {edit.backup.name}" if edit.backup else " (new)"
        click.echo(f"{edit.path}: heimdall section written{backup}")
        for key, before in edit.before.items():
            if before != done.values[key]:
                click.echo(f"  {key}: {before} → {done.values[key]}")
        for key, instead in edit.ignored.items():
            click.echo(f"  warning: NornicDB ignores heimdall.{key}: {instead}", err=True)
    click.echo("or by environment variables, which NornicDB prefers to its file:")
    for key, value in done.environment.items():
        click.echo(f"  export {key}={value}")
    places = ", ".join(MODEL_FOLDERS)
    click.echo(f"NornicDB looks in {places}; start it in {done.model.parent.parent}")


def _as_json(done: Deployment, memory: int) -> dict[str, Any]:
    edit = done.edit
    return {
        "model": str(done.model),
        "name": done.name,
        "copies": [str(copy) for copy in done.copies],
        "values": dict(done.values),
        "environment": done.environment,
        "prompt_tokens": done.sizes.prompt,
        "memory": memory,
        "config": str(edit.path) if edit else None,
        "backup": str(edit.backup) if edit and edit.backup else None,
        "ignored": dict(edit.ignored) if edit else {},
    }


@deploy.command("check")
@click.option("--url", required=True, help="Address of the server, such as http://localhost:7474.")
@click.option("--model", "name", default="", help="The model that it should run.")
@click.option("--database", default="nornic", show_default=True)
@click.option("--timeout", type=click.FloatRange(0.1), default=70.0, show_default=True)
@json_option
def check(url: str, name: str, database: str, timeout: float, as_json: bool) -> None:
    """Ask a running NornicDB: health, model, chat, stream, Cypher.

    NORNICDB_USER and NORNICDB_PASSWORD are used where they are set.
    """
    server = Server(
        url,
        os.environ.get("NORNICDB_USER", ""),
        os.environ.get("NORNICDB_PASSWORD", ""),
        timeout,
    )
    checks = check_server(server, name, database)
    if as_json:
        print_json([attrs.asdict(found) for found in checks])
    else:
        for found in checks:
            mark = click.style("✓", fg="green") if found.passed else click.style("✗", fg="red")
            click.echo(f"{mark} {found.name}: {found.detail}")
    failed = [found.name for found in checks if not found.passed]
    if failed:
        raise FindingsError(f"NornicDB does not serve the model: {', '.join(failed)}", where=url)


@click.group("context")
def context() -> None:
    """How long a context must be."""


@context.command("advise")
@click.option("--queries", type=_path, multiple=True, required=True, help="JSONL or lines of text.")
@click.option("--model", "gguf", type=_path, help="GGUF to count tokens with; else estimated.")
@click.option("--answer", type=click.IntRange(1), default=256, show_default=True)
@click.option("--watcher/--no-watcher", default=True, help="Whether NornicDB runs the Watcher.")
@json_option
def advise_command(
    queries: tuple[Path, ...], gguf: Path | None, answer: int, watcher: bool, as_json: bool
) -> None:
    """Recommend a context size for each set of queries, with the memory that it costs."""
    count = _counter(gguf) if gguf else estimate
    header = read_gguf(gguf) if gguf else None
    found = [
        advise(path.stem, read_queries(path), count, header, answer=answer, watcher=watcher)
        for path in queries
    ]
    if as_json:
        print_json([_json_of(one) for one in found])
        return
    from rich.table import Table

    table = Table(
        "queries", "how many", "median", "95 %", "longest", "alone", "in NornicDB", "batch"
    )
    table.add_column("memory", justify="right")
    for one in found:
        table.add_row(
            one.name,
            f"{one.queries:,}",
            *(str(n) for n in (one.median, one.high, one.longest, one.alone)),
            str(one.nornicdb.context),
            str(one.nornicdb.batch),
            human_bytes(one.memory),
        )
    console().print(table)
    how = f"counted with {gguf.name}" if gguf else "estimated at 4 bytes each; --model counts them"
    click.echo(
        f"tokens of prompt and answer, {how}; NornicDB adds its own system message to every prompt"
    )
    for one in found:
        if one.nornicdb.answer < answer:
            sizes, way = one.nornicdb, " or leave the Watcher out" * watcher
            click.echo(
                f"warning: {one.name}: in NornicDB prompts come to {sizes.prompt} tokens, and the "
                f"model was trained for {sizes.context}: {sizes.answer} are left for an answer; "
                f"train with a longer context{way}",
                err=True,
            )
    for size, (megabytes, purpose) in CONTEXTS.items():
        held = ", ".join(f"{one.share[size]:.0%} of {one.name}" for one in found)
        click.echo(f"  {size:>5}: {held} ({purpose}; the guide says {megabytes} MB)")


def _json_of(advice: Advice) -> dict[str, Any]:
    return as_json(advice)


def _counter(gguf: Path) -> Any:
    from heimdall_run_llamacpp.load import load

    loaded = load(gguf)
    return lambda text: len(loaded.tokenize(text))

"""`heimdall serve`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from heimdall_core.cli.chat import read_schema
from heimdall_core.cli.common import registry
from heimdall_core.errors import HeimdallError, missing_extra
from heimdall_serve_llamacpp.answering import Answerer, Settings

_path = click.Path(path_type=Path)


@click.command("serve")
@click.argument("model", type=_path)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True)
@click.option("--language", default="cypher", show_default=True, help="Check answers with this.")
@click.option("--dialect", default="", help="Dialect to check against.")
@click.option("--schema", type=_path, help="Graph schema (JSON) to check and constrain by.")
@click.option("--cypher-only", is_flag=True, help="Every answer is a query of the grammar.")
@click.option("--check/--no-check", default=True, help="Try again what the checker refuses.")
@click.option("--fallback/--no-fallback", default=True, help="Templates for common questions.")
@click.option("--cache", type=click.IntRange(0), default=1000, show_default=True)
@click.option("--max-tokens", type=click.IntRange(1), default=512, show_default=True)
@click.option("--context-size", type=click.IntRange(0), default=0, help="0: the model's own.")
@click.option("--threads", type=click.IntRange(0), default=0, help="CPU threads; 0 chooses.")
def serve(
    model: Path,
    host: str,
    port: int,
    language: str,
    dialect: str,
    schema: Path | None,
    cypher_only: bool,
    check: bool,
    fallback: bool,
    cache: int,
    max_tokens: int,
    context_size: int,
    threads: int,
) -> None:
    """Serve the GGUF file MODEL: OpenAI's /v1/chat/completions, and a chat page at /."""
    for package in ("starlette", "uvicorn"):
        if find_spec(package) is None:
            raise missing_extra(package, "serve", "heimdall serve")
    import uvicorn

    from heimdall_run_llamacpp.load import load
    from heimdall_run_llamacpp.options import LlamaCppOptions
    from heimdall_serve_llamacpp.app import make_app

    found = registry().language(language)
    known = read_schema(schema)
    grammar = ""
    if cypher_only:
        if found.grammar is None:
            raise HeimdallError(f"the language '{language}' has no grammar", where="--cypher-only")
        grammar = found.grammar("schema" if known else "data", known)
    settings = Settings(
        max_tokens=max_tokens,
        dialect=dialect,
        schema=known,
        grammar=grammar,
        check=check,
        fallback=fallback,
        cache=cache,
    )
    with load(model, LlamaCppOptions(context_size=context_size, threads=threads)) as loaded:
        local = host in ("127.0.0.1", "localhost", "::1")
        hosts = ["127.0.0.1", "localhost", "[::1]"] if local else None
        app = make_app(Answerer(loaded, found, settings), hosts)
        shown = f"[{host}]" if ":" in host else host
        click.echo(f"{loaded.name} on http://{shown}:{port} (stop with Ctrl-C)", err=True)
        uvicorn.run(app, host=host, port=port, log_level="warning")

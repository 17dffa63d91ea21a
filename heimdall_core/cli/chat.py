"""`heimdall chat`: ask a model, with the very prompt that it was trained on."""

from __future__ import annotations

import json
from pathlib import Path

import click

from heimdall_core.cli.common import registry
from heimdall_core.errors import HeimdallError
from heimdall_core.pipeline.steps.models import open_model
from heimdall_core.pipeline.steps.release import model_metadata
from heimdall_core.prompt import Message, render_prompt
from heimdall_core.registry import Registry
from heimdall_core.types import CheckRequest, Json, Language, LoadedModel


@click.command("chat")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--prompt", help="Ask this one question and stop.")
@click.option("--system", default="", help="System message.")
@click.option("--runtime", help="Runtime plugin; by default the one that takes the file.")
@click.option("--max-new-tokens", type=click.IntRange(1), default=256, show_default=True)
@click.option("--temperature", type=click.FloatRange(0), default=0.0, show_default=True)
@click.option(
    "--language", help="Check answers with this; by default the model's own, else the only one."
)
@click.option("--dialect", default="", help="Dialect to check against.")
@click.option("--schema", type=click.Path(path_type=Path), help="Graph schema (JSON).")
@click.option("--only-queries", "--cypher-only", is_flag=True, help="Nothing but the grammar's.")
def chat(
    model: Path,
    prompt: str | None,
    system: str,
    runtime: str | None,
    max_new_tokens: int,
    temperature: float,
    language: str | None,
    dialect: str,
    schema: Path | None,
    only_queries: bool,
) -> None:
    """Ask MODEL, a GGUF file or a model folder.

    Each question is a conversation of its own, as in NornicDB's own interface.
    """
    plugins = registry()
    known = read_schema(schema)
    if language is not None:
        plugins.language(language)  # a misspelt name is told before a model is loaded
    with open_model(plugins, model, runtime) as loaded:
        spoken = language_of(plugins, language, model, loaded)
        if only_queries and spoken is None:
            raise HeimdallError("no language plugin is installed", where="--only-queries")
        grammar = _grammar(spoken, known) if only_queries and spoken is not None else ""
        verdict = _Verdict(spoken, dialect, known)
        if prompt is not None:
            _answer(loaded, prompt, system, max_new_tokens, temperature, verdict, grammar)
            return
        click.echo(f"{loaded.name}: ask away; an empty line ends.", err=True)
        while True:
            try:
                question = click.prompt("", prompt_suffix="> ", default="", show_default=False)
            except click.Abort:
                return
            if not question.strip():
                return
            _answer(loaded, question, system, max_new_tokens, temperature, verdict, grammar)


def language_of(
    plugins: Registry, named: str | None, path: Path, loaded: LoadedModel
) -> Language | None:
    """What answers are checked by: the language that is named, else the first of those that the
    model says it was trained on and that is installed, else the only one that is installed; None
    where there is none. Raises `HeimdallError` where it cannot be known."""
    if named is not None:
        return plugins.language(named)
    stated = getattr(loaded, "languages", ()) or model_metadata(path).get("languages", ())
    for name in stated:
        if (found := plugins.find_language(name)) is not None:
            return found
    installed = plugins.names("language")
    if len(installed) > 1:
        said = f"it was trained on {', '.join(stated)}" if stated else "the model does not say"
        raise HeimdallError(
            f"several languages are installed, and {said}",
            where="--language",
            hint=f"name the one to check answers by. Available: {', '.join(installed)}",
        )
    return plugins.language(installed[0]) if installed else None


def read_schema(path: Path | None) -> Json | None:
    """A graph schema as plain JSON. Raises `HeimdallError` for a file that is none."""
    if path is None:
        return None
    try:
        data = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise HeimdallError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except ValueError as error:
        raise HeimdallError("is not valid JSON", where=str(path)) from error
    if not isinstance(data, dict):
        raise HeimdallError("is no schema: a JSON object is expected", where=str(path))
    return data


def _grammar(language: Language, schema: Json | None) -> str:
    """GBNF of the language, with a schema its names alone."""
    if language.grammar is None:
        raise HeimdallError(
            f"the language '{language.name}' has no grammar", where="--only-queries"
        )
    return language.grammar("schema" if schema else "data", schema)


class _Verdict:
    """What the language's checker says of an answer; nothing for prose, or without a language."""

    def __init__(self, language: Language | None, dialect: str, schema: Json | None) -> None:
        self._language = language
        self._request = CheckRequest(dialect=dialect, schema=schema)

    def show(self, answer: str) -> None:
        if self._language is None or not (query := self._language.extract(answer)):
            return
        findings = self._language.check(query, self._request)
        errors = [f for f in findings if f.severity == "error"]
        for finding in errors or findings:
            click.secho(
                f"  {finding.severity} {finding.code}: {finding.message}",
                fg="red" if finding.severity == "error" else "yellow",
                err=True,
            )
        if not errors:
            click.secho(f"  valid {self._language.name}", fg="green", err=True)


def _answer(
    model: LoadedModel,
    question: str,
    system: str,
    max_new_tokens: int,
    temperature: float,
    verdict: _Verdict,
    grammar: str,
) -> None:
    messages = [Message("system", system)] if system else []
    messages.append(Message("user", question))
    [answer] = model.generate(
        [render_prompt(messages)],
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        grammar=grammar,
        on_text=lambda piece: click.echo(piece, nl=False),
    )
    click.echo()
    if answer.finish == "context" and not answer.tokens:
        raise HeimdallError(
            f"the question leaves no room for an answer in {model.context_size} tokens",
            hint="shorten it",
        )
    if answer.finish != "stop":
        click.secho(f"  cut off after {answer.tokens} tokens ({answer.finish})", fg="red", err=True)
    verdict.show(answer.text)

"""`heimdall chat`: ask a model, with the very prompt that it was trained on."""

from __future__ import annotations

from pathlib import Path

import click

from heimdall_core.cli.common import registry
from heimdall_core.errors import HeimdallError
from heimdall_core.pipeline.steps.models import open_model
from heimdall_core.prompt import Message, render_prompt
from heimdall_core.types import CheckRequest, LoadedModel


@click.command("chat")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--prompt", help="Ask this one question and stop.")
@click.option("--system", default="", help="System message.")
@click.option("--runtime", help="Runtime plugin; by default the one that takes the file.")
@click.option("--max-new-tokens", type=click.IntRange(1), default=256, show_default=True)
@click.option("--temperature", type=click.FloatRange(0), default=0.0, show_default=True)
@click.option("--language", default="cypher", show_default=True, help="Check answers with this.")
@click.option("--dialect", default="", help="Dialect to check against.")
def chat(
    model: Path,
    prompt: str | None,
    system: str,
    runtime: str | None,
    max_new_tokens: int,
    temperature: float,
    language: str,
    dialect: str,
) -> None:
    """Ask MODEL, a GGUF file or a model folder.

    Each question is a conversation of its own, as in NornicDB's own interface.
    """
    plugins = registry()
    with open_model(plugins, model, runtime) as loaded:
        verdict = _Verdict(language, dialect)
        if prompt is not None:
            _answer(loaded, prompt, system, max_new_tokens, temperature, verdict)
            return
        click.echo(f"{loaded.name}: ask away; an empty line ends.", err=True)
        while True:
            try:
                question = click.prompt("", prompt_suffix="> ", default="", show_default=False)
            except click.Abort:
                return
            if not question.strip():
                return
            _answer(loaded, question, system, max_new_tokens, temperature, verdict)


class _Verdict:
    """What the language's checker says of an answer; nothing for prose."""

    def __init__(self, language: str, dialect: str) -> None:
        self._language = registry().language(language)
        self._request = CheckRequest(dialect=dialect)

    def show(self, answer: str) -> None:
        if not (query := self._language.extract(answer)):
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
) -> None:
    messages = [Message("system", system)] if system else []
    messages.append(Message("user", question))
    [answer] = model.generate(
        [render_prompt(messages)],
        max_new_tokens=max_new_tokens,
        temperature=temperature,
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

"""Rows, and a model that knows the answers to some of them."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from heimdall_core import Registry
from heimdall_core.cli.main import cli
from heimdall_core.pipeline.steps.evaluate import (
    evaluate_model,
    write_report,
)
from heimdall_core.pipeline.steps.models import prompt_of
from heimdall_core.types import Completion, Example

ROWS = [Example(f"fetch the number {n}", output=f"FETCH {n}", category="even") for n in range(40)]


class Parrot:
    """Answers from a table, and counts what it was asked."""

    name, context_size = "parrot", 100

    def __init__(self, right: int = 40) -> None:
        self.answers = {prompt_of(row): row.output for row in ROWS[:right]}
        self.asked: list[str] = []

    def generate(self, prompts, *, max_new_tokens, **settings):
        self.asked += prompts
        return [Completion(self.answers.get(p, "no"), 3, "stop", 0.5) for p in prompts]


def measured(registry: Registry, path: Path, right: int, rows=ROWS) -> Path:
    report = evaluate_model(
        registry,
        Parrot(right),
        rows,
        {"same": registry.evaluator("same").options()},
        max_new_tokens=9,
    )
    write_report(path, rows, report)
    return path


def evaluate(registry, rows=ROWS, **arguments):
    evaluators = {"same": registry.evaluator("same").options()}
    return evaluate_model(registry, Parrot(10), rows, evaluators, max_new_tokens=9, **arguments)


def call(*arguments):
    return CliRunner().invoke(cli, list(map(str, arguments)))

"""One loaded model for the whole folder, and prompts of many lengths."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_models import LESSONS

from heimdall_core.prompt import messages_for, render_prompt
from heimdall_run_llamacpp.load import load
from heimdall_run_llamacpp.model import LlamaCppModel


@pytest.fixture(scope="package")
def model(taught_gguf: Path) -> Iterator[LlamaCppModel]:
    with load(taught_gguf) as loaded:
        yield loaded


@pytest.fixture(scope="package")
def prompts() -> list[str]:
    """40 prompts: the lessons, and variations that no lesson answers."""
    questions = [question for question, _ in LESSONS]
    return [
        render_prompt(messages_for(f"{question} {'very ' * (number % 7)}{number}"[: 20 + number]))
        for number in range(5)
        for question in questions
    ]


@pytest.fixture
def ask():
    """Renders a question as the prompt that a model is given."""

    def render(question: str, system: str = "") -> str:
        return render_prompt(messages_for(question, system=system))

    return render

"""Finding the runtime for a model on disk, and asking it questions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from heimdall_core.errors import ModelError, did_you_mean
from heimdall_core.prompt import messages_for, render_prompt
from heimdall_core.registry import Registry
from heimdall_core.types import Completion, Event, Example, LoadedModel, Runtime

if TYPE_CHECKING:
    from heimdall_core.pipeline.steps.answers import AnswerLog

#: Prompts that are answered between two lines of progress.
_PIECE = 64


def runtime_for(registry: Registry, path: Path, name: str | None = None) -> Runtime:
    """The runtime of that name, or the first one that says it can load `path`."""
    if not path.exists():
        raise ModelError("no such file or folder", where=str(path))
    if name is not None:
        return registry.runtime(name)
    for runtime in registry.runtimes():
        if runtime.handles(path):
            return runtime
    raise ModelError(
        "no runtime can load this",
        where=str(path),
        hint="expected a GGUF file or a model folder with config.json and safetensors; runtimes: "
        + (", ".join(registry.names("runtime")) or "none installed"),
    )


def open_model(
    registry: Registry, path: Path, name: str | None = None, threads: int = 0
) -> LoadedModel:
    """The model at `path`, loaded. Close it, or use it as a context manager."""
    runtime = runtime_for(registry, path, name)
    options = runtime.options()
    if threads and hasattr(options, "threads"):
        options = runtime.options(threads=threads)
    return runtime.load(path, options)


def prompt_of(row: Example) -> str:
    """The rendered prompt of a row."""
    return render_prompt(messages_for(row.instruction, row.input, row.system))


def answer_rows(
    model: LoadedModel,
    rows: Sequence[Example],
    *,
    max_new_tokens: int,
    emit: Callable[[Event], None] = lambda event: None,
    stage: str = "evaluate",
    label: str = "",
    log: AnswerLog | None = None,
    elsewhere: Callable[[Iterable[list[str]]], Iterator[list[Completion]]] | None = None,
) -> list[Completion]:
    """Greedy answers to rows, in order, with progress. A prompt that several rows share is answered
    once; with a `log`, one that was answered before is not asked again.

    `elsewhere` answers pieces of prompts in place of `model`, in their order.
    """
    prompts = [prompt_of(row) for row in rows]
    answers: dict[str, Completion] = {}
    for prompt in prompts if log is not None else ():
        found = log.find(prompt) if log is not None else None
        if found is not None:
            answers[prompt] = found
    if answers:
        emit(Event("note", stage, f"{label}: {len(answers)} answers are there already"))
    # Prompts of like length are answered together; a batch costs what its longest row costs.
    order = sorted({p for p in prompts if p not in answers}, key=lambda p: (len(p), p))
    pieces = [order[start : start + _PIECE] for start in range(0, len(order), _PIECE)]
    answered = (
        (model.generate(piece, max_new_tokens=max_new_tokens) for piece in pieces)
        if elsewhere is None
        else elsewhere(pieces)
    )
    done = 0
    for piece, fresh in zip(pieces, answered, strict=True):
        answers |= zip(piece, fresh, strict=True)
        if log is not None:
            log.add(piece, fresh)
        done += len(piece)
        emit(Event("progress", stage, label, done=done, total=len(order)))
    return [answers[prompt] for prompt in prompts]


def artefact_of(name: str, kinds: dict[str, Path]) -> Path:
    """The exported file of a kind such as `Q4_K_M`."""
    if name not in kinds:
        raise ModelError(f"no artefact of kind '{name}'", hint=did_you_mean(name, kinds))
    return kinds[name]

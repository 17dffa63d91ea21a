"""Finding the runtime for a model on disk, and asking it questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from heimdall_core.errors import ModelError, did_you_mean
from heimdall_core.prompt import messages_for, render_prompt
from heimdall_core.registry import Registry
from heimdall_core.types import Completion, Event, Example, LoadedModel, Runtime

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
) -> list[Completion]:
    """Greedy answers to rows, in order, with progress."""
    prompts = [prompt_of(row) for row in rows]
    # Prompts of like length are answered together; a batch costs what its longest row costs.
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    answers: list[Completion | None] = [None] * len(prompts)
    for start in range(0, len(order), _PIECE):
        piece = order[start : start + _PIECE]
        found = model.generate([prompts[i] for i in piece], max_new_tokens=max_new_tokens)
        for i, answer in zip(piece, found, strict=True):
            answers[i] = answer
        done = min(start + _PIECE, len(order))
        emit(Event("progress", stage, label, done=done, total=len(order)))
    return [answer for answer in answers if answer is not None]


def artefact_of(name: str, kinds: dict[str, Path]) -> Path:
    """The exported file of a kind such as `Q4_K_M`."""
    if name not in kinds:
        raise ModelError(f"no artefact of kind '{name}'", hint=did_you_mean(name, kinds))
    return kinds[name]

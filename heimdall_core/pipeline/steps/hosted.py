"""Answers of a model that an executor's machines hold: each loads it once, and answers pieces of
the prompts as this process would."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from heimdall_core.dataset.parallel import current_session
from heimdall_core.errors import ModelError
from heimdall_core.pipeline.steps.answers import model_digest
from heimdall_core.pipeline.steps.guard import guarded
from heimdall_core.pipeline.steps.models import open_model
from heimdall_core.registry import Registry
from heimdall_core.types import Completion, LoadedModel


@frozen
class ModelSource:
    """Where a model was loaded from."""

    path: Path
    runtime: str | None = None
    """The runtime that was asked for by name."""


def answers_elsewhere(
    registry: Registry, source: ModelSource | None, max_new_tokens: int
) -> Callable[[Iterable[list[str]]], Iterator[list[Completion]]] | None:
    """What answers pieces of prompts, in order, on the machines of the executor that is at work;
    None where the process that was called has to."""
    hosts = getattr(current_session(), "hosts", None)
    if source is None or hosts is None:
        return None
    path = source.path.resolve()
    found = hosts(path)
    if found is None:
        return None
    model = HostedModel(registry, path, source.runtime, model_digest(path), max_new_tokens)
    return lambda pieces: found.map(model, pieces)


class HostedModel:
    """Greedy answers of the model at a path, which is loaded where this is called first."""

    def __init__(
        self,
        registry: Registry,
        path: Path,
        runtime: str | None,
        digest: str,
        max_new_tokens: int,
    ) -> None:
        self._registry, self._path, self._runtime = registry, path, runtime
        self._digest, self._max_new_tokens = digest, max_new_tokens
        self._model: LoadedModel | None = None

    def __call__(self, prompts: Sequence[str]) -> list[Completion]:
        if self._model is None:
            self._model = self._opened()
        return list(self._model.generate(prompts, max_new_tokens=self._max_new_tokens))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_model": None}

    def _opened(self) -> LoadedModel:
        if not self._path.exists() or model_digest(self._path) != self._digest:
            raise ModelError(
                "is not the model that is measured",
                where=f"{self._path} on a machine of the executor",
                hint="put the same files there, or have the process that is called answer",
            )
        return guarded(self._registry, open_model(self._registry, self._path, self._runtime))

"""Every hook of Heimdall. Read this file first, then `types/`.

A plugin is a module (usually `<package>/plugin.py`) that is named by an entry point in the group
`heimdall` and implements some of these functions. Hooks that register take no argument and yield
frozen objects of one type; which of them runs is chosen by name in a recipe, never by hook order:

    from heimdall_core import Generator, hookimpl

    @hookimpl
    def heimdall_generators():
        yield Generator(name="fraud", summary="...", categories=("fraud",), examples=examples)
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from heimdall_core.types import (
    Command,
    Evaluator,
    Event,
    Executor,
    Exporter,
    Generator,
    Language,
    Preset,
    Runtime,
    StageInfo,
    Teacher,
    Trainer,
)

#: Raised when a hook's contract changes in a way that a plugin can notice.
HOOK_API_VERSION = 1

#: Also the entry-point group.
PROJECT = "heimdall"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

# mypy: disable-error-code="empty-body"


@hookspec
def heimdall_generators() -> Iterable[Generator]:
    """Yields `Generator`: dataset categories, mixed by name and weight in `[generate.mix]`."""


@hookspec
def heimdall_languages() -> Iterable[Language]:
    """Yields `Language`: a query language that rows are checked, normalised and executed by."""


@hookspec
def heimdall_teachers() -> Iterable[Teacher]:
    """Yields `Teacher`: a large model that answers prompts for distillation."""


@hookspec
def heimdall_trainers() -> Iterable[Trainer]:
    """Yields `Trainer`: what `[train] trainer = "…"` names."""


@hookspec
def heimdall_runtimes() -> Iterable[Runtime]:
    """Yields `Runtime`: loads models for evaluation, proof and chat."""


@hookspec
def heimdall_evaluators() -> Iterable[Evaluator]:
    """Yields `Evaluator`: one metric of `[evaluate] metrics`."""


@hookspec
def heimdall_exporters() -> Iterable[Exporter]:
    """Yields `Exporter`: what `[export] exporter = "…"` names."""


@hookspec
def heimdall_presets() -> Iterable[Preset]:
    """Yields `Preset`: what a recipe may name in `extends`, and `heimdall run` by itself."""


@hookspec
def heimdall_executors() -> Iterable[Executor]:
    """Yields `Executor`: where data stages spread their work; what `[executor] name` names."""


@hookspec
def heimdall_commands() -> Iterable[Command]:
    """Yields `Command`: `heimdall <name> …`, imported when it is called."""


@hookspec
def heimdall_before_stage(info: StageInfo) -> None:
    """Called before a stage runs (not for a cached one). Returns nothing; an error is reported
    as a warning and does not stop the run."""


@hookspec
def heimdall_after_stage(info: StageInfo) -> None:
    """Called after a stage has ended well, `info.manifest` filled in. Returns nothing."""


@hookspec
def heimdall_on_event(event: Event) -> None:
    """Called for progress and metrics inside a stage. Returns nothing; must be quick."""

"""Heimdall's core: the contracts, the registry, the recipe and the pipeline.

    from heimdall_core import Recipe, Registry, run

Importing it imports neither torch nor numpy nor any plugin.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from heimdall_core.config import TrainingConfig
    from heimdall_core.errors import HeimdallError
    from heimdall_core.hookspecs import HOOK_API_VERSION, hookimpl
    from heimdall_core.pipeline import RunResult, run
    from heimdall_core.recipe import Recipe
    from heimdall_core.registry import Registry
    from heimdall_core.types import (
        Artefact,
        Check,
        CheckRequest,
        Command,
        Completion,
        Complexity,
        Engine,
        EngineResult,
        Estimate,
        EvaluateContext,
        Evaluator,
        Event,
        Example,
        Executor,
        ExportContext,
        Exporter,
        Finding,
        GenerateContext,
        Generator,
        Language,
        LoadedModel,
        Measurement,
        NoOptions,
        Normalised,
        Preset,
        Runtime,
        StageInfo,
        Teacher,
        TeacherAnswer,
        TokenScores,
        TrainContext,
        Trainer,
        TrainResult,
        VerifyContext,
        lazy,
    )

__all__ = [
    "HOOK_API_VERSION",
    "Artefact",
    "Check",
    "CheckRequest",
    "Command",
    "Completion",
    "Complexity",
    "Engine",
    "EngineResult",
    "Estimate",
    "EvaluateContext",
    "Evaluator",
    "Event",
    "Example",
    "Executor",
    "ExportContext",
    "Exporter",
    "Finding",
    "GenerateContext",
    "Generator",
    "HeimdallError",
    "Language",
    "LoadedModel",
    "Measurement",
    "NoOptions",
    "Normalised",
    "Preset",
    "Recipe",
    "Registry",
    "RunResult",
    "Runtime",
    "StageInfo",
    "Teacher",
    "TeacherAnswer",
    "TokenScores",
    "TrainContext",
    "TrainResult",
    "Trainer",
    "TrainingConfig",
    "VerifyContext",
    "hookimpl",
    "lazy",
    "run",
]


#: Names that do not live in `heimdall_core.types`.
_HOME = {
    "TrainingConfig": "config",
    "HeimdallError": "errors",
    "HOOK_API_VERSION": "hookspecs",
    "hookimpl": "hookspecs",
    "RunResult": "pipeline",
    "run": "pipeline",
    "Recipe": "recipe",
    "Registry": "registry",
}


def __getattr__(name: str) -> Any:
    # Resolved when asked for: `heimdall --help` imports this package and wants none of it.
    if name not in __all__:
        raise AttributeError(f"module 'heimdall_core' has no attribute '{name}'")
    value = getattr(import_module(f"heimdall_core.{_HOME.get(name, 'types')}"), name)
    globals()[name] = value
    return value

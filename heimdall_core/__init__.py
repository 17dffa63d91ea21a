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

_HOME = {
    "TrainingConfig": "config",
    "HeimdallError": "errors",
    "HOOK_API_VERSION": "hookspecs",
    "hookimpl": "hookspecs",
    "RunResult": "pipeline",
    "run": "pipeline",
    "Recipe": "recipe",
    "Registry": "registry",
    **dict.fromkeys(
        (
            "Artefact Check CheckRequest Command Completion Complexity Engine EngineResult "
            "Estimate EvaluateContext Evaluator Event Example Executor ExportContext Exporter "
            "Finding GenerateContext Generator Language LoadedModel Measurement NoOptions "
            "Normalised Preset Runtime StageInfo Teacher TeacherAnswer TokenScores TrainContext "
            "Trainer TrainResult VerifyContext lazy"
        ).split(),
        "types",
    ),
}

__all__ = [  # noqa: F822 - resolved by __getattr__, so that importing the package stays cheap
    *_HOME
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'heimdall_core' has no attribute '{name}'")
    value = getattr(import_module(f"heimdall_core.{_HOME[name]}"), name)
    globals()[name] = value
    return value

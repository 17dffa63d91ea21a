"""What the hooks yield: one frozen class per hook result, and `Example`, the record that flows
through every stage. Each class says which hook yields it; each hook in `hookspecs.py` points back.

Nothing here imports more than attrs, so that a plugin's `plugin.py` can be imported by
`heimdall plugins` in milliseconds. Callables are given as plain functions; one that needs a heavy
package is wrapped in `lazy("module:function")` and is imported when first called.
"""

from __future__ import annotations

from heimdall_core.types.base import CONTEXT_SIZES, NO_SCHEMA, Json, NoOptions, lazy
from heimdall_core.types.evaluators import EvaluateContext, Evaluator, Measurement
from heimdall_core.types.example import Example, content_id
from heimdall_core.types.executors import Exchange, Executor, ExecutorSession, Hosts, Stream
from heimdall_core.types.exporters import Artefact, Check, ExportContext, Exporter, VerifyContext
from heimdall_core.types.generators import GenerateContext, Generator
from heimdall_core.types.languages import (
    CheckRequest,
    Complexity,
    Engine,
    EngineResult,
    Finding,
    Language,
    Normalised,
)
from heimdall_core.types.observation import Event, StageInfo
from heimdall_core.types.offers import Command, Preset
from heimdall_core.types.runtimes import Completion, LoadedModel, Runtime, TokenScores
from heimdall_core.types.teachers import Teacher, TeacherAnswer, TeacherRequest, TeacherSession
from heimdall_core.types.trainers import Estimate, TrainContext, Trainer, TrainResult

__all__ = [
    "CONTEXT_SIZES",
    "NO_SCHEMA",
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
    "Exchange",
    "Executor",
    "ExecutorSession",
    "ExportContext",
    "Exporter",
    "Finding",
    "GenerateContext",
    "Generator",
    "Hosts",
    "Json",
    "Language",
    "LoadedModel",
    "Measurement",
    "NoOptions",
    "Normalised",
    "Preset",
    "Runtime",
    "StageInfo",
    "Stream",
    "Teacher",
    "TeacherAnswer",
    "TeacherRequest",
    "TeacherSession",
    "TokenScores",
    "TrainContext",
    "TrainResult",
    "Trainer",
    "VerifyContext",
    "content_id",
    "lazy",
]

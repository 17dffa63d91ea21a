"""The stages, in their order: what each is keyed by, and what it does with the earlier outputs.

generate → validate → correct → split → train → export → verify → evaluate. A stage reads the
previous stages' files and writes its own; it never reaches back.
"""

from __future__ import annotations

from heimdall_core.config import WATCHING
from heimdall_core.pipeline import data_stages, model_stages
from heimdall_core.pipeline.stage import Stage
from heimdall_core.recipe import Recipe
from heimdall_core.registry import Registry
from heimdall_core.structure import unstructure


def _languages(recipe: Recipe, registry: Registry) -> tuple[tuple[str, str], ...]:
    return tuple(("language", name) for name in registry.names("language"))


_STEPS = "heimdall_core.pipeline.steps"
_ROWS = ("heimdall_core.types", "heimdall_core.dataset.io")
_PROMPT = ("heimdall_core.prompt", *_ROWS)
_CURATE = ("heimdall_core.dataset", "heimdall_core.prompt", "heimdall_core.types")

STAGES: tuple[Stage, ...] = (
    Stage(
        "generate",
        (),
        lambda recipe, registry: {
            "generate": unstructure(recipe.generate),
            "seed": recipe.seed,
            **data_stages.read_by_generators(recipe, registry),
        },
        lambda recipe, registry: (
            *(("generator", name) for name in recipe.generate.mix),
            *_languages(recipe, registry),
        ),
        data_stages.generate,
        (f"{_STEPS}.generate", f"{_STEPS}.parts", f"{_STEPS}.checking", *_ROWS),
        spread=True,
    ),
    Stage(
        "validate",
        ("generate",),
        lambda recipe, _: unstructure(recipe.validate),
        _languages,
        data_stages.validate,
        _CURATE,
        ("rensa", "numpy", "phonenumbers", "python-stdnum", "detect-secrets"),
        spread=True,
    ),
    Stage(
        "correct",
        ("generate", "validate"),
        lambda recipe, registry: {
            "correct": unstructure(recipe.correct),
            "generate": unstructure(recipe.generate),
            "seed": recipe.seed,
            **data_stages.read_by_generators(recipe, registry),
        },
        lambda recipe, registry: (
            *(("generator", name) for name in recipe.generate.mix),
            *_languages(recipe, registry),
        ),
        data_stages.correct,
        (f"{_STEPS}.generate", f"{_STEPS}.parts", f"{_STEPS}.refill", *_CURATE),
        ("rensa", "numpy"),
        spread=True,
    ),
    Stage(
        "split",
        ("correct",),
        lambda recipe, _: {"split": unstructure(recipe.split), "seed": recipe.seed},
        _languages,
        data_stages.split,
        _CURATE,
        ("rensa", "numpy"),
        spread=True,
    ),
    Stage(
        "train",
        ("split",),
        lambda recipe, registry: {
            "train": {
                k: v for k, v in recipe.to_dict(registry)["train"].items() if k not in WATCHING
            },
            "seed": recipe.seed,
        },
        lambda recipe, registry: (("trainer", recipe.train.trainer_name),),
        model_stages.train,
        (f"{_STEPS}.train", *_PROMPT),
        ("torch", "transformers", "tokenizers", "peft", "bitsandbytes"),
    ),
    Stage(
        "export",
        ("split", "train"),
        lambda recipe, _: {
            "export": unstructure(recipe.export),
            "name": recipe.name,
            "description": recipe.description,
            "author": recipe.author,
            "licence": recipe.licence,
            "base_model": recipe.train.base_model,
        },
        lambda recipe, registry: tuple(("exporter", name) for name in recipe.export.exporters),
        model_stages.export,
        (f"{_STEPS}.export", f"{_STEPS}.release", "heimdall_core.prompt"),
        ("gguf", "llama-cpp-python"),
    ),
    Stage(
        "verify",
        ("split", "train", "export"),
        lambda recipe, _: {
            "verify": unstructure(recipe.verify),
            "max_new_tokens": recipe.evaluate.max_new_tokens,
        },
        lambda recipe, registry: (
            *(("exporter", name) for name in recipe.export.exporters),
            *(("runtime", name) for name in registry.names("runtime")),
        ),
        model_stages.verify,
        (f"{_STEPS}.export", *_PROMPT),
        ("torch", "transformers", "tokenizers", "llama-cpp-python"),
    ),
    Stage(
        "evaluate",
        ("generate", "split", "train", "export", "verify"),
        lambda recipe, _: {"evaluate": unstructure(recipe.evaluate), "seed": recipe.seed},
        lambda recipe, registry: (
            *(("evaluator", name) for name in recipe.evaluate.metrics),
            *(("runtime", name) for name in registry.names("runtime")),
            *_languages(recipe, registry),
        ),
        model_stages.evaluate,
        (
            f"{_STEPS}.answers",
            f"{_STEPS}.evaluate",
            f"{_STEPS}.guard",
            f"{_STEPS}.hosted",
            f"{_STEPS}.models",
            f"{_STEPS}.suite",
            "heimdall_core.pipeline.statistics",
            *_PROMPT,
        ),
        ("torch", "transformers", "llama-cpp-python"),
        spread=True,
    ),
)

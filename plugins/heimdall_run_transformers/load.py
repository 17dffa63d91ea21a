"""Loads a model directory. The heavy imports happen inside, after a check that they can."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from heimdall_core.errors import ModelError
from heimdall_run_transformers.base import base_of, is_adapter
from heimdall_run_transformers.options import WEIGHT_FILES, TransformersOptions
from heimdall_run_transformers.packages import require_packages

if TYPE_CHECKING:
    from heimdall_run_transformers.model import TransformersModel


def load(path: Path, options: TransformersOptions | None = None) -> TransformersModel:
    """The model in `path`, ready to answer.

    Raises `ModelError` where the directory is missing or incomplete, holds weights in another
    format than safetensors, or does not fit its own config.
    """
    check_directory(path)
    require_packages("the runtime 'transformers'")
    from heimdall_run_transformers.model import TransformersModel

    return TransformersModel.load(path, options or TransformersOptions())


def check_directory(path: Path) -> None:
    """Raises `ModelError` with what is missing, before anything heavy is imported."""
    if not path.is_dir():
        what = "is a file, not a model directory" if path.exists() else "there is no such directory"
        raise ModelError(what, where=str(path))
    adapter = is_adapter(path)
    for name in ("adapter_config.json" if adapter else "config.json", "tokenizer.json"):
        try:
            json.loads((path / name).read_text("utf-8"))
        except FileNotFoundError as error:
            raise ModelError(f"the model directory has no {name}", where=str(path)) from error
        except ValueError as error:  # also what is not UTF-8
            raise ModelError(f"not valid JSON: {error}", where=str(path / name)) from error
    if adapter:
        base_of(path)
        return
    if not any((path / name).is_file() for name in WEIGHT_FILES):
        found = sorted(p.name for pattern in ("*.bin", "*.pt", "*.pth") for p in path.glob(pattern))
        raise ModelError(
            f"the model directory has no {WEIGHT_FILES[0]}"
            + (f" (found {', '.join(found)}, which can hold code)" if found else ""),
            where=str(path),
            hint="only safetensors are loaded: save the model with save_pretrained",
        )

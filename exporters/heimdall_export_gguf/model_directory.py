"""A Hugging Face model directory, opened and checked before any work starts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from heimdall_core.errors import ModelError
from heimdall_core.types import Json
from heimdall_export_gguf.safetensors_file import StoredTensor, read_header

_WEIGHTS = "model.safetensors"
_INDEX = "model.safetensors.index.json"


@frozen
class ModelDirectory:
    """What an export reads."""

    path: Path
    config: Json
    tokenizer: Json
    """tokenizer.json."""
    tokenizer_config: Json
    """tokenizer_config.json; empty where there is none."""
    chat_template: str
    """Empty where there is none."""
    tensors: Mapping[str, StoredTensor]
    """Every stored tensor by its Hugging Face name."""


def open_model_directory(path: Path) -> ModelDirectory:
    """Reads everything but the weights' values.

    Raises `ModelError` where something is missing, broken or cut short.
    """
    if not path.is_dir():
        raise ModelError("is not a model directory", where=str(path))
    if (path / "adapter_config.json").is_file() and not (path / "config.json").is_file():
        raise ModelError(
            "is an adapter without its base model",
            where=str(path),
            hint="merge it into the base model first",
        )
    config = _json(path / "config.json")
    tokenizer = _json(path / "tokenizer.json")
    settings = path / "tokenizer_config.json"
    tokenizer_config = _json(settings) if settings.is_file() else {}
    return ModelDirectory(
        path=path,
        config=config,
        tokenizer=tokenizer,
        tokenizer_config=tokenizer_config,
        chat_template=_chat_template(path, tokenizer_config),
        tensors=_tensors(path),
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"the model has no {path.name}", where=str(path.parent)) from error
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except (ValueError, RecursionError) as error:
        raise ModelError("is not valid JSON", where=str(path)) from error
    if not isinstance(data, dict):
        raise ModelError("is not a JSON object", where=str(path))
    return data


def _chat_template(path: Path, tokenizer_config: Json) -> str:
    """The template as transformers finds it: in its own file, else among the settings."""
    own = path / "chat_template.jinja"
    if own.is_file():
        try:
            return own.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError("cannot be read", where=str(own)) from error
    template = tokenizer_config.get("chat_template", "")
    return template if isinstance(template, str) else ""


def _tensors(path: Path) -> dict[str, StoredTensor]:
    if (path / _WEIGHTS).is_file():
        return read_header(path / _WEIGHTS)
    if not (path / _INDEX).is_file():
        raise ModelError(
            f"the model has neither {_WEIGHTS} nor {_INDEX}",
            where=str(path),
            hint="only safetensors are read",
        )
    where = _json(path / _INDEX).get("weight_map")
    if not isinstance(where, dict) or not all(isinstance(name, str) for name in where.values()):
        raise ModelError("has no weight_map", where=str(path / _INDEX))
    tensors: dict[str, StoredTensor] = {}
    for shard in sorted(set(where.values())):
        if Path(shard).name != shard:
            raise ModelError(f"names a shard outside the model: {shard}", where=str(path / _INDEX))
        tensors |= read_header(path / shard)
    missing = sorted(where.keys() - tensors.keys())
    if missing:
        raise ModelError(
            f"promises the tensor {missing[0]}, which no shard holds", where=str(path / _INDEX)
        )
    return tensors

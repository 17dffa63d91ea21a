"""A Hugging Face model directory, or an adapter with its base model, opened and checked before any
work starts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from heimdall_core.errors import ModelError
from heimdall_core.types import Json
from heimdall_export_gguf.adapter import (
    Adapter,
    check_base,
    is_adapter,
    merged_tensors,
    open_adapter,
)
from heimdall_export_gguf.safetensors_file import read_header
from heimdall_export_gguf.sources import Source

_WEIGHTS = "model.safetensors"
_INDEX = "model.safetensors.index.json"
_EMBEDDING = "model.embed_tokens.weight"
_HEAD = "lm_head.weight"


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
    tensors: Mapping[str, Source]
    """Every tensor by its Hugging Face name; an adapter's are merged in."""
    adapter: Adapter | None = None
    """What was merged, where `path` is an adapter."""

    @property
    def weights(self) -> Path:
        """The directory of the model itself: `path`, or the adapter's base."""
        return self.adapter.base if self.adapter else self.path


def open_model_directory(path: Path, base: str = "") -> ModelDirectory:
    """Reads everything but the weights' values. An adapter is opened with its base model, the
    directory `base` or the one that the adapter names.

    Raises `ModelError` where something is missing, broken or cut short.
    """
    if not path.is_dir():
        raise ModelError("is not a model directory", where=str(path))
    if is_adapter(path):
        return _with_adapter(open_adapter(path, base))
    if base:
        raise ModelError("is no adapter; a base model is of no use", where=str(path))
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


def _with_adapter(adapter: Adapter) -> ModelDirectory:
    """The base model with the adapter merged in, and with the adapter's tokenizer where it has
    one of its own."""
    base = open_model_directory(adapter.base)
    quantised = base.config.get("quantization_config")
    if quantised:
        raise ModelError(
            f"the base model is quantised ({quantised.get('quant_method', 'unknown')}); an adapter"
            " is merged into the full-precision model alone",
            where=str(adapter.base),
            hint="name the full-precision model: --base DIR",
        )
    check_base(adapter, base.tensors)
    tensors, tied = _merged(adapter, base)
    found = attrs.evolve(base, path=adapter.path, tensors=tensors, adapter=adapter)
    if not tied:
        found = attrs.evolve(found, config={**base.config, "tie_word_embeddings": False})
    embedding = tensors.get("model.embed_tokens.weight")
    if embedding is not None and embedding.shape[0] != base.config.get("vocab_size"):
        found = attrs.evolve(found, config={**found.config, "vocab_size": embedding.shape[0]})
    if (adapter.path / "tokenizer.json").is_file():
        settings = adapter.path / "tokenizer_config.json"
        tokenizer_config = _json(settings) if settings.is_file() else {}
        found = attrs.evolve(
            found,
            tokenizer=_json(adapter.path / "tokenizer.json"),
            tokenizer_config=tokenizer_config,
            chat_template=_chat_template(adapter.path, tokenizer_config) or base.chat_template,
        )
    return found


def _merged(adapter: Adapter, base: ModelDirectory) -> tuple[dict[str, Source], bool]:
    """The merged tensors, and whether output matrix and embedding still are one.

    PEFT adapts one of two tied matrices alone, so they part; with `ensure_weight_tying`, for
    single trained tokens, and where an embedding has grown without a head beside it, both follow.
    """
    tied = bool(base.config.get("tie_word_embeddings", False))
    touched = {_EMBEDDING, _HEAD} & {f"{module}.weight" for module in adapter.modules}
    if not tied or not touched or _EMBEDDING not in base.tensors:
        return merged_tensors(adapter, base.tensors), tied
    together = adapter.config.get("ensure_weight_tying") or adapter.config.get(
        "trainable_token_indices"
    )
    whole = adapter.modules.get("model.embed_tokens", {}).get("weight")
    grown = whole is not None and whole.shape != base.tensors[_EMBEDDING].shape
    if (together or grown) and _HEAD not in touched:
        return merged_tensors(adapter, base.tensors), True
    untied = {**base.tensors, _HEAD: base.tensors[_EMBEDDING]}
    return merged_tensors(adapter, untied), False


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


def _tensors(path: Path) -> dict[str, Source]:
    if (path / _WEIGHTS).is_file():
        return dict(read_header(path / _WEIGHTS))
    if not (path / _INDEX).is_file():
        raise ModelError(
            f"the model has neither {_WEIGHTS} nor {_INDEX}",
            where=str(path),
            hint="only safetensors are read",
        )
    where = _json(path / _INDEX).get("weight_map")
    if not isinstance(where, dict) or not all(isinstance(name, str) for name in where.values()):
        raise ModelError("has no weight_map", where=str(path / _INDEX))
    tensors: dict[str, Source] = {}
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

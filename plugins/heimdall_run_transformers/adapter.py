"""An adapter directory as a model: its base in full precision with the adapter merged in."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM, PreTrainedModel

from heimdall_core.errors import ModelError, missing_extra
from heimdall_run_transformers.base import ADAPTER_WEIGHTS, base_mark, base_of, read_facts
from heimdall_run_transformers.quiet import no_progress_bars
from heimdall_run_transformers.tokens import embedding_rows, one_line

#: Names under which PEFT keeps a whole embedding.
_EMBEDDINGS = ("base_model.model.model.embed_tokens.weight", "base_model.model.lm_head.weight")


def load_merged(path: Path, dtype: torch.dtype | str, *, base: Path | None = None) -> Any:
    """The model of an adapter directory, merged: what an export of it is, and as fast as a model
    without an adapter. Raises `ModelError` for a base that is not there or does not fit."""
    if find_spec("peft") is None:
        raise missing_extra("peft", "train", "an adapter")
    folder = base or base_of(path)
    try:
        with no_progress_bars():
            model = AutoModelForCausalLM.from_pretrained(
                str(folder),
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                dtype=dtype,
            )
    except Exception as error:  # config, shapes, safetensors: many types, one cause
        raise ModelError(
            f"the base model cannot be loaded: {one_line(error)}", where=str(folder)
        ) from error
    return attach(model, path, trainable=False).merge_and_unload()


def attach(
    model: PreTrainedModel, path: Path, *, trainable: bool, dropout: float | None = None
) -> Any:
    """The base model with an adapter on it (a `PeftModel`). An embedding that the adapter brings
    with more rows than the base has is grown first. `dropout` on the adapter's input takes the
    place of the one that it was trained with.

    Raises `ModelError` for an adapter that was made for another base.
    """
    from peft import PeftConfig, PeftModel

    rows = _embedding_rows(path)
    if rows is not None and rows != embedding_rows(model):
        model.resize_token_embeddings(rows, mean_resizing=False)
    fits = f"this base model ({model.config.model_type}, width {model.config.hidden_size})"
    hint = "name the base model that it was trained on"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            settings: Any = None
            if dropout is not None:
                settings = PeftConfig.from_pretrained(str(path))
                settings.lora_dropout = dropout
            found = PeftModel.from_pretrained(
                model, str(path), is_trainable=trainable, config=settings
            )
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"the adapter does not fit {fits}: {_cause(error)}", where=str(path), hint=hint
        ) from error
    facts = read_facts(path)
    folder = model.name_or_path
    own, wanted = base_mark(Path(folder)) if folder else None, facts.get("base_mark")
    if own and wanted and own != wanted:  # of the same shape, so that nothing else would tell
        raise ModelError(
            f"the adapter does not fit {fits}: it was trained on other weights, those of "
            f"{facts.get('base_model')}",
            where=str(path),
            hint=hint,
        )
    return found


def _cause(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    sizes = [line for line in lines if "size mismatch" in line]
    return (sizes or lines or [type(error).__name__])[0][:200]


def _embedding_rows(path: Path) -> int | None:
    with safe_open(path / ADAPTER_WEIGHTS, framework="pt") as file:
        for name in file.keys():  # noqa: SIM118 - no mapping
            if name in _EMBEDDINGS:
                return int(file.get_slice(name).get_shape()[0])
    return None

"""Merges an adapter with PEFT, for the proof: slower and in memory, and not our own arithmetic."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Any

from heimdall_core.errors import missing_extra
from heimdall_export_gguf.adapter import Adapter, open_adapter

_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "tokenizer.model")


def merge_with_peft(path: Path, folder: Path, base: str = "") -> None:
    """Writes the adapter at `path`, merged into its base model in float32, into `folder`."""
    try:
        from peft import PeftModel
    except ImportError as error:
        raise missing_extra("peft", "train", "the proof of an adapter") from error
    import torch
    from transformers import AutoModelForCausalLM

    from heimdall_run_transformers.quiet import no_progress_bars

    adapter = open_adapter(path, base)
    with warnings.catch_warnings(), no_progress_bars():
        warnings.simplefilter("ignore")  # on untied matrices and names that will change
        _merge(adapter, path, folder, AutoModelForCausalLM, PeftModel, torch.float32)


def _merge(
    adapter: Adapter, path: Path, folder: Path, model_class: Any, peft_class: Any, dtype: Any
) -> None:
    model = model_class.from_pretrained(adapter.base, dtype=dtype, local_files_only=True)
    embedding = adapter.modules.get("model.embed_tokens", {}).get("weight")
    if embedding is not None and embedding.shape[0] != model.config.vocab_size:
        model.resize_token_embeddings(embedding.shape[0])
    merged = peft_class.from_pretrained(model, str(path)).merge_and_unload()
    merged.save_pretrained(folder)
    for name in _TOKENIZER:
        for source in (adapter.path / name, adapter.base / name):
            if source.is_file():
                shutil.copyfile(source, folder / name)
                break

"""The adapter's directory: what PEFT writes, the tokenizer, and heimdall.json.

adapter_config.json, adapter_model.safetensors    as PEFT reads them
tokenizer.json, tokenizer_config.json             with the ChatML markers
heimdall.json                                     base, licence, prompt, provenance
forgetting.json                                   where rows were replayed
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import torch
from attrs import asdict
from safetensors.torch import load_file, save_file
from transformers import PreTrainedTokenizerFast

from heimdall_core.config import TrainingConfig
from heimdall_core.errors import ModelError
from heimdall_core.types import TrainContext
from heimdall_core.versions import versions
from heimdall_run_transformers.base import (
    ADAPTER_CONFIG,
    ADAPTER_WEIGHTS,
    HEIMDALL,
    base_mark,
)
from heimdall_train_lora.build import Adapted
from heimdall_train_lora.chatml import Markers
from heimdall_train_lora.models import find_facts

_EMBEDDING = "base_model.model.model.embed_tokens"
_HEAD = "base_model.model.lm_head"


def save_adapter(
    output: Path,
    adapted: Adapted,
    tokenizer: PreTrainedTokenizerFast,
    markers: Markers,
    *,
    base: Path,
    base_rows: int,
    config: TrainingConfig,
    context: TrainContext,
    state: dict[str, torch.Tensor] | None = None,
) -> None:
    """Writes everything into `output`; `state` has the trained weights where processes share them
    out. Raises `ModelError` where it cannot be written."""
    output.mkdir(parents=True, exist_ok=True)
    try:
        _save_weights(output, adapted, markers, base_rows, state)
        # The chat template goes into tokenizer_config.json, where every converter looks for it.
        tokenizer.save_pretrained(output, save_jinja_files=False)
        facts = _facts(adapted, markers, base, config, context)
        (output / HEIMDALL).write_text(json.dumps(facts, indent=2), encoding="utf-8")
        (output / "README.md").unlink(missing_ok=True)  # PEFT's card, all blanks
    except OSError as error:
        raise ModelError(
            f"the adapter cannot be written: {error.strerror or error}",
            where=str(output),
            hint="the last checkpoint is kept; make room and start again to go on from it",
        ) from error


def _save_weights(
    output: Path,
    adapted: Adapted,
    markers: Markers,
    base_rows: int,
    state: dict[str, torch.Tensor] | None,
) -> None:
    extra: dict[str, Any] = {} if state is None else {"state_dict": state}
    if adapted.start is not None:
        extra["path_initial_model_for_weight_conversion"] = str(adapted.start)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adapted.peft.save_pretrained(str(output), save_embedding_layers=False, **extra)
    config = json.loads((output / ADAPTER_CONFIG).read_text("utf-8"))
    # How the first weights were made is of no use to a reader, and some refuse what they know not.
    config["init_lora_weights"] = True
    config.pop("eva_config", None)
    if markers.vocabulary > base_rows:
        _whole_embeddings(output, adapted)
        config["trainable_token_indices"] = None
    (output / ADAPTER_CONFIG).write_text(json.dumps(config, indent=2), encoding="utf-8")


def _whole_embeddings(output: Path, adapted: Adapted) -> None:
    """Where the embedding has grown, the whole of it is saved in place of single rows, which would
    have nowhere to go in the base that a reader loads."""
    tensors = {
        name: tensor
        for name, tensor in load_file(output / ADAPTER_WEIGHTS).items()
        if "token_adapter" not in name and "trainable_tokens" not in name
    }
    model = adapted.model
    tensors[f"{_EMBEDDING}.weight"] = _rows_in_place(model.get_input_embeddings())
    if not model.config.tie_word_embeddings:
        head = model.get_output_embeddings()  # type: ignore[no-untyped-call]
        tensors[f"{_HEAD}.weight"] = _rows_in_place(head)
    save_file(tensors, output / ADAPTER_WEIGHTS, {"format": "pt"})


@torch.no_grad()
def _rows_in_place(layer: Any) -> torch.Tensor:
    """An embedding's or a head's weight, its trained rows put in."""
    adapter = getattr(layer, "token_adapter", None)
    if adapter is None:
        return layer.weight.detach().cpu().contiguous()  # type: ignore[no-any-return]
    merged = adapter.get_merged_weights(["default"])
    return merged.detach().cpu().contiguous()  # type: ignore[no-any-return]


def _facts(
    adapted: Adapted, markers: Markers, base: Path, config: TrainingConfig, context: TrainContext
) -> dict[str, Any]:
    name = config.base_model or ""
    known = find_facts(name)
    packages = ["heimdall-slm", "torch", "transformers", "peft", "bitsandbytes", "tokenizers"]
    settings = {key: value for key, value in asdict(config).items() if value is not None}
    return {
        "format": 1,
        "kind": "adapter",
        "base_model": name,
        "base_path": str(base.absolute()),
        "base_mark": base_mark(base),
        "base_licence": known.licence if known else None,
        "prompt_profile": "chatml",
        "added_tokens": list(markers.added),
        "trained_tokens": list(markers.trained),
        "target_modules": list(adapted.targets),
        "trained_on": "4-bit base (NF4)" if config.use_qlora else "full-precision base",
        "provenance": {
            "seed": context.seed,
            "training": settings,
            "versions": versions(packages),
        },
    }

"""Tiny base models of three families, with real configs and tokenizers trained on the spot: what
LoRA is put on in tests. Qwen2 has the ChatML markers; Llama lacks them and has no room for them in
its embedding (as TinyLlama); Phi-3 lacks them and has room (as Phi-3-mini, padded to 32,064)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    Phi3Config,
    Phi3ForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from heimdall_core.dataset.io import write_examples
from heimdall_core.prompt import SPECIAL_TOKENS
from heimdall_core.types import Example

LABELS = ("Author", "Book", "Reader", "Branch", "Film", "City")
PROPERTIES = ("name", "year", "size")

ROWS = [
    Example(
        f"{verb} the {prop} of each {label}",
        output=f"MATCH (n:{label}) RETURN n.{prop}",
        category="projection" if verb == "List" else "listing",
        source="toy",
    )
    for verb in ("List", "Show")
    for label in LABELS
    for prop in PROPERTIES
]

FAMILIES = ("qwen2", "llama", "phi3")


def make_base(path: Path, family: str = "qwen2", **changes: Any) -> Path:
    """Writes a base model with random weights and returns its folder."""
    special = list(SPECIAL_TOKENS) if family == "qwen2" else ["<unk>", "<s>", "</s>"]
    rust = Tokenizer(models.BPE())
    rust.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    rust.decoder = decoders.ByteLevel()
    texts = [f"{row.instruction}\n{row.output}" for row in ROWS]
    rust.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=380,
            special_tokens=special,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=rust,
        eos_token="<|endoftext|>" if family == "qwen2" else "</s>",
        unk_token=None if family == "qwen2" else "<unk>",
    )
    size = rust.get_vocab_size()
    shape: dict[str, Any] = {
        "vocab_size": size + (5 if family == "phi3" else 0),
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 96,
        "max_position_embeddings": 128,
        "tie_word_embeddings": family == "qwen2",
        "pad_token_id": 0,
        "bos_token_id": None,
        "eos_token_id": 0 if family == "qwen2" else 2,
        **changes,
    }
    kinds: dict[str, Any] = {
        "qwen2": (Qwen2Config, Qwen2ForCausalLM),
        "llama": (LlamaConfig, LlamaForCausalLM),
        "phi3": (Phi3Config, Phi3ForCausalLM),
    }
    make_config, make_model = kinds[family]
    if family == "phi3":
        shape.setdefault("sliding_window", 64)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        model = make_model(make_config(**shape))
        for parameter in model.parameters():  # wider than the default: something to learn from
            if parameter.dim() == 2:
                torch.nn.init.normal_(parameter, std=0.1)
    path.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def write_rows(folder: Path) -> tuple[Path, Path]:
    """The toy rows as a training and a validation file."""
    write_examples(folder / "train.jsonl", ROWS)
    write_examples(folder / "validation.jsonl", ROWS[::5])
    return folder / "train.jsonl", folder / "validation.jsonl"

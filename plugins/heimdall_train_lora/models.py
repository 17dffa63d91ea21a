"""Shapes of base models: from `models.toml` or a folder's config.json. Imports nothing heavy."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from attrs import frozen

from heimdall_core.errors import ModelError
from heimdall_train_lora.targets import FUSED, LINEAR


@frozen
class BaseFacts:
    """A decoder in numbers."""

    name: str
    licence: str | None
    architecture: str
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    intermediate_size: int
    vocab_size: int
    tie_word_embeddings: bool
    max_position_embeddings: int

    @property
    def layers(self) -> Mapping[str, tuple[int, int]]:
        """The linear layers of one block: name -> (inputs, outputs)."""
        hidden, inner = self.hidden_size, self.intermediate_size
        head = hidden // self.num_attention_heads
        queries, keys = self.num_attention_heads * head, self.num_key_value_heads * head
        if self.architecture == "phi3":
            return {
                "qkv_proj": (hidden, queries + 2 * keys),
                "o_proj": (queries, hidden),
                "gate_up_proj": (hidden, 2 * inner),
                "down_proj": (inner, hidden),
            }
        return {
            "q_proj": (hidden, queries),
            "k_proj": (hidden, keys),
            "v_proj": (hidden, keys),
            "o_proj": (queries, hidden),
            "gate_proj": (hidden, inner),
            "up_proj": (hidden, inner),
            "down_proj": (inner, hidden),
        }

    @property
    def linear_parameters(self) -> int:
        """Weights of all blocks' matrices: what QLoRA keeps in 4 bits."""
        return self.num_hidden_layers * sum(i * o for i, o in self.layers.values())

    @property
    def embedding_parameters(self) -> int:
        """Weights of the embedding, and of the head where it is another matrix."""
        return self.vocab_size * self.hidden_size * (1 if self.tie_word_embeddings else 2)

    @property
    def parameters(self) -> int:
        """All of the base model's numbers."""
        head = self.hidden_size // self.num_attention_heads
        keys = self.num_key_value_heads * head
        biases = self.hidden_size + 2 * keys if self.architecture == "qwen2" else 0
        norms = 2 * self.hidden_size
        blocks = self.num_hidden_layers * (biases + norms)
        return self.linear_parameters + self.embedding_parameters + blocks + self.hidden_size

    def lora_parameters(self, targets: Collection[str], rank: int, *, dora: bool = False) -> int:
        """Trained numbers of an adapter: r × (inputs + outputs) of every adapted layer, and with
        DoRA one for each output."""
        total = 0
        for name, (inputs, outputs) in self.layers.items():
            if name in targets:
                total += rank * (inputs + outputs) + (outputs if dora else 0)
        return total * self.num_hidden_layers


@cache
def known_models() -> Mapping[str, BaseFacts]:
    """Every base model of `models.toml`, by its name on the hub."""
    text = files("heimdall_train_lora").joinpath("models.toml").read_text(encoding="utf-8")
    return {name: BaseFacts(name=name, **facts) for name, facts in tomllib.loads(text).items()}


def find_facts(name: str) -> BaseFacts | None:
    """A known base model, by its name on the hub or a folder of that name; else None."""
    for known, facts in known_models().items():
        if name in (known, known.rpartition("/")[2]) or Path(name).name == known.rpartition("/")[2]:
            return facts
    return None


def facts_of(name: str, folder: Path | None) -> BaseFacts:
    """The shape of a base model: of its folder where there is one, else of the known model.

    Raises `ModelError` where neither tells.
    """
    known = find_facts(name)
    if folder is None:
        if known is None:
            raise ModelError(
                f"nothing is known of the base model '{name}', and it is not on this machine",
                where="train.base_model",
                hint="name its folder, or one of " + ", ".join(sorted(known_models())),
            )
        return known
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
        heads = config["num_attention_heads"]
        return BaseFacts(
            name=name,
            licence=known.licence if known else None,
            architecture=config["model_type"],
            hidden_size=config["hidden_size"],
            num_hidden_layers=config["num_hidden_layers"],
            num_attention_heads=heads,
            num_key_value_heads=config.get("num_key_value_heads") or heads,
            intermediate_size=config["intermediate_size"],
            vocab_size=config["vocab_size"],
            tie_word_embeddings=bool(config.get("tie_word_embeddings", False)),
            max_position_embeddings=config["max_position_embeddings"],
        )
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"config.json does not describe a decoder that is known here: {error}",
            where=str(folder),
        ) from error


def layer_names(facts: BaseFacts) -> Sequence[str]:
    """Names of the linear layers of a block."""
    return [name for name in facts.layers if name in LINEAR or name in FUSED]

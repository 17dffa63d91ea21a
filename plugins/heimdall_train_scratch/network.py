"""The network itself, from a `Shape`."""

from __future__ import annotations

from typing import Any

import torch
from transformers import (
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from heimdall_core.prompt import END_OF_TEXT, IM_END, SPECIAL_TOKENS
from heimdall_train_scratch.shape import Shape

PAD_ID = SPECIAL_TOKENS.index(END_OF_TEXT)
END_ID = SPECIAL_TOKENS.index(IM_END)


def build_network(shape: Shape, seed: int) -> PreTrainedModel:
    """A Qwen2 or Llama model whose random weights `seed` fixes; PyTorch's random state is kept."""
    kinds: dict[str, tuple[Any, Any]] = {
        "qwen2": (Qwen2Config, Qwen2ForCausalLM),
        "llama": (LlamaConfig, LlamaForCausalLM),
    }
    make_config, make_model = kinds[shape.architecture]
    config = make_config(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.key_value_heads,
        intermediate_size=shape.intermediate,
        max_position_embeddings=shape.context,
        tie_word_embeddings=shape.tied,
        rope_parameters={"rope_type": "default", "rope_theta": shape.rope_theta},
        rms_norm_eps=shape.epsilon,
        pad_token_id=PAD_ID,
        eos_token_id=END_ID,
        bos_token_id=None,
        dtype=torch.float32,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: PreTrainedModel = make_model(config)
    model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]  # untyped library
        do_sample=False, pad_token_id=PAD_ID, eos_token_id=[END_ID, PAD_ID]
    )
    return model

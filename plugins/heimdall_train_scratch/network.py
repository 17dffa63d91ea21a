"""The network itself, from a `Shape`."""

from __future__ import annotations

import torch
from transformers import GenerationConfig, Qwen2Config, Qwen2ForCausalLM

from heimdall_core.prompt import END_OF_TEXT, IM_END, SPECIAL_TOKENS
from heimdall_train_scratch.shape import Shape

PAD_ID = SPECIAL_TOKENS.index(END_OF_TEXT)
END_ID = SPECIAL_TOKENS.index(IM_END)


def build_network(shape: Shape, seed: int) -> Qwen2ForCausalLM:
    """A Qwen2 model with random weights that `seed` fixes; PyTorch's own random state is kept."""
    config = Qwen2Config(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.key_value_heads,
        intermediate_size=shape.intermediate,
        max_position_embeddings=shape.context,
        tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        pad_token_id=PAD_ID,
        eos_token_id=END_ID,
        bos_token_id=None,
        dtype=torch.float32,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen2ForCausalLM(config)
    model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]  # untyped library
        do_sample=False, pad_token_id=PAD_ID, eos_token_id=[END_ID, PAD_ID]
    )
    return model

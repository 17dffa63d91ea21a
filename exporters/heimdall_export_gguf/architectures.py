"""The model architectures that can be exported, as data: which GGUF key takes which value of
config.json, and which GGUF tensor takes which stored one. A new architecture is a new table.

Keys and tensor names are those of llama.cpp's `gguf-py/gguf/constants.py` (MODEL_TENSORS).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from attrs import field, frozen


@frozen
class TensorRule:
    """One tensor, or one per layer where the names hold `{layer}`."""

    target: str
    """Its name in the GGUF."""
    source: str
    """Its name in safetensors."""
    shape: tuple[str, ...]
    """Names of `planning.dimensions`, rows first."""
    change: Literal["", "rotary queries", "rotary keys", "plus one"] = ""
    """What llama.cpp wants done to it."""


@frozen
class Architecture:
    """What llama.cpp must be told about one architecture, and what it assumes of it."""

    name: str
    """llama.cpp's name; prefix of its metadata keys."""
    model_type: str
    """`model_type` in config.json."""
    integers: Mapping[str, str]
    """GGUF key without its prefix -> key of config.json."""
    floats: Mapping[str, str]
    assumed: Mapping[str, Any]
    """Values of config.json that llama.cpp's graph takes for granted."""
    tensors: tuple[TensorRule, ...]
    head: TensorRule
    """The output matrix, absent where it is tied to the embedding."""
    rope: Literal["plain", "llama", "phi3"] = "plain"
    """How its rotary embedding is written; see `rope.py`."""
    head_dim: bool = True
    """Whether a `head_dim` of config.json is written."""
    ignored: frozenset[str] = field(default=frozenset())
    """Stored tensors that hold nothing learned."""


_NUMBERS: Final = {
    "block_count": "num_hidden_layers",
    "context_length": "max_position_embeddings",
    "embedding_length": "hidden_size",
    "feed_forward_length": "intermediate_size",
    "attention.head_count": "num_attention_heads",
    "attention.head_count_kv": "num_key_value_heads",
}
_EPSILON: Final = {"attention.layer_norm_rms_epsilon": "rms_norm_eps"}
_OUTER: Final = (
    TensorRule("token_embd.weight", "model.embed_tokens.weight", ("vocab", "hidden")),
    TensorRule("output_norm.weight", "model.norm.weight", ("hidden",)),
)
_HEAD: Final = TensorRule("output.weight", "lm_head.weight", ("vocab", "hidden"))

#: target, source, shape and change of the tensors of one layer.
_Rows = tuple[tuple[str, str, tuple[str, ...]] | tuple[str, str, tuple[str, ...], Any], ...]

_NORMS: Final[_Rows] = (
    ("attn_norm.weight", "input_layernorm.weight", ("hidden",)),
    ("ffn_norm.weight", "post_attention_layernorm.weight", ("hidden",)),
)
_PROJECTIONS: Final[_Rows] = (
    ("attn_q.weight", "self_attn.q_proj.weight", ("queries", "hidden")),
    ("attn_k.weight", "self_attn.k_proj.weight", ("keys", "hidden")),
    ("attn_v.weight", "self_attn.v_proj.weight", ("keys", "hidden")),
    ("attn_output.weight", "self_attn.o_proj.weight", ("hidden", "queries")),
)
_BIASES: Final[_Rows] = (
    ("attn_q.bias", "self_attn.q_proj.bias", ("queries",)),
    ("attn_k.bias", "self_attn.k_proj.bias", ("keys",)),
    ("attn_v.bias", "self_attn.v_proj.bias", ("keys",)),
)
_GATED: Final[_Rows] = (
    ("ffn_gate.weight", "mlp.gate_proj.weight", ("inner", "hidden")),
    ("ffn_up.weight", "mlp.up_proj.weight", ("inner", "hidden")),
    ("ffn_down.weight", "mlp.down_proj.weight", ("hidden", "inner")),
)
_HEAD_NORMS: Final[_Rows] = (
    ("attn_q_norm.weight", "self_attn.q_norm.weight", ("head",)),
    ("attn_k_norm.weight", "self_attn.k_norm.weight", ("head",)),
)
#: llama.cpp's Llama rotates neighbouring rows.
_ROTARY_PROJECTIONS: Final[_Rows] = (
    ("attn_q.weight", "self_attn.q_proj.weight", ("queries", "hidden"), "rotary queries"),
    ("attn_k.weight", "self_attn.k_proj.weight", ("keys", "hidden"), "rotary keys"),
    *_PROJECTIONS[2:],
)
_FUSED: Final[_Rows] = (
    ("attn_qkv.weight", "self_attn.qkv_proj.weight", ("queries and keys", "hidden")),
    ("attn_output.weight", "self_attn.o_proj.weight", ("hidden", "queries")),
    ("ffn_up.weight", "mlp.gate_up_proj.weight", ("gate and up", "hidden")),
    ("ffn_down.weight", "mlp.down_proj.weight", ("hidden", "inner")),
)


def _layer(*rows: _Rows) -> tuple[TensorRule, ...]:
    return tuple(
        TensorRule(f"blk.{{layer}}.{target}", f"model.layers.{{layer}}.{source}", shape, *change)
        for group in rows
        for target, source, shape, *change in group
    )


_QWEN2: Final = Architecture(
    name="qwen2",
    model_type="qwen2",
    integers=_NUMBERS,
    floats=_EPSILON,
    assumed={"hidden_act": "silu", "use_sliding_window": False},
    tensors=(*_OUTER, *_layer(_NORMS, _PROJECTIONS, _BIASES, _GATED)),
    head=_HEAD,
)

_QWEN3: Final = Architecture(
    name="qwen3",
    model_type="qwen3",
    integers=_NUMBERS,
    floats=_EPSILON,
    assumed={"hidden_act": "silu", "use_sliding_window": False, "attention_bias": False},
    tensors=(*_OUTER, *_layer(_NORMS, _PROJECTIONS, _HEAD_NORMS, _GATED)),
    head=_HEAD,
)

_LLAMA: Final = Architecture(
    name="llama",
    model_type="llama",
    integers={**_NUMBERS, "vocab_size": "vocab_size"},
    floats=_EPSILON,
    assumed={"hidden_act": "silu", "attention_bias": False, "mlp_bias": False},
    tensors=(*_OUTER, *_layer(_NORMS, _ROTARY_PROJECTIONS, _GATED)),
    head=_HEAD,
    rope="llama",
)

_MISTRAL: Final = Architecture(
    name="llama",
    model_type="mistral",
    integers=_LLAMA.integers,
    floats=_EPSILON,
    assumed={"hidden_act": "silu", "sliding_window": None},
    tensors=_LLAMA.tensors,
    head=_HEAD,
    rope="llama",
)

_PHI3: Final = Architecture(
    name="phi3",
    model_type="phi3",
    integers=_NUMBERS,
    floats=_EPSILON,
    assumed={"hidden_act": "silu", "attention_bias": False},
    tensors=(*_OUTER, *_layer(_NORMS, _FUSED)),
    head=_HEAD,
    rope="phi3",
    head_dim=False,
)

#: By `model_type` of config.json.
ARCHITECTURES: Final = {a.model_type: a for a in (_QWEN2, _QWEN3, _LLAMA, _MISTRAL, _PHI3)}

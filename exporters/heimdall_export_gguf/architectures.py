"""The model architectures that can be exported, as data: which GGUF key takes which value of
config.json, and which GGUF tensor takes which stored one. A new architecture is a new table.

Keys and tensor names are those of llama.cpp's `gguf-py/gguf/constants.py` (MODEL_TENSORS).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from attrs import field, frozen

from heimdall_core.errors import ModelError
from heimdall_core.types import Json
from heimdall_export_gguf.model_directory import ModelDirectory
from heimdall_export_gguf.safetensors_file import StoredTensor


@frozen
class TensorRule:
    """One tensor, or one per layer where the names hold `{layer}`."""

    target: str
    """Its name in the GGUF."""
    source: str
    """Its name in safetensors."""
    shape: tuple[str, ...]
    """Names of `dimensions`, rows first."""


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
    ignored: frozenset[str] = field(default=frozenset())
    """Stored tensors that hold nothing learned."""


_QWEN2: Final = Architecture(
    name="qwen2",
    model_type="qwen2",
    integers={
        "block_count": "num_hidden_layers",
        "context_length": "max_position_embeddings",
        "embedding_length": "hidden_size",
        "feed_forward_length": "intermediate_size",
        "attention.head_count": "num_attention_heads",
        "attention.head_count_kv": "num_key_value_heads",
    },
    floats={"attention.layer_norm_rms_epsilon": "rms_norm_eps"},
    assumed={"hidden_act": "silu", "use_sliding_window": False},
    tensors=(
        TensorRule("token_embd.weight", "model.embed_tokens.weight", ("vocab", "hidden")),
        TensorRule("output_norm.weight", "model.norm.weight", ("hidden",)),
        *(
            TensorRule(f"blk.{{layer}}.{target}", f"model.layers.{{layer}}.{source}", shape)
            for target, source, shape in (
                ("attn_norm.weight", "input_layernorm.weight", ("hidden",)),
                ("attn_q.weight", "self_attn.q_proj.weight", ("queries", "hidden")),
                ("attn_q.bias", "self_attn.q_proj.bias", ("queries",)),
                ("attn_k.weight", "self_attn.k_proj.weight", ("keys", "hidden")),
                ("attn_k.bias", "self_attn.k_proj.bias", ("keys",)),
                ("attn_v.weight", "self_attn.v_proj.weight", ("keys", "hidden")),
                ("attn_v.bias", "self_attn.v_proj.bias", ("keys",)),
                ("attn_output.weight", "self_attn.o_proj.weight", ("hidden", "queries")),
                ("ffn_norm.weight", "post_attention_layernorm.weight", ("hidden",)),
                ("ffn_gate.weight", "mlp.gate_proj.weight", ("inner", "hidden")),
                ("ffn_up.weight", "mlp.up_proj.weight", ("inner", "hidden")),
                ("ffn_down.weight", "mlp.down_proj.weight", ("hidden", "inner")),
            )
        ),
    ),
    head=TensorRule("output.weight", "lm_head.weight", ("vocab", "hidden")),
)

#: By `model_type` of config.json.
ARCHITECTURES: Final = {a.model_type: a for a in (_QWEN2,)}


def architecture_values(
    architecture: Architecture, model: ModelDirectory
) -> dict[str, int | float]:
    """The metadata under the architecture's own prefix. Raises `ModelError` where config.json
    lacks a value, or has one that makes no sense."""
    config, where = model.config, str(model.path / "config.json")
    values: dict[str, int | float] = {
        **{key: whole_number(config, name, where) for key, name in architecture.integers.items()},
        **{key: number(config, name, where) for key, name in architecture.floats.items()},
        "rope.freq_base": rope_theta(model),
    }
    if config.get("head_dim") is not None:
        head = whole_number(config, "head_dim", where)
        values |= {"attention.key_length": head, "attention.value_length": head}
    return {f"{architecture.name}.{key}": value for key, value in values.items()}


def find_architecture(model: ModelDirectory) -> Architecture:
    """The table for a model. Raises `ModelError` with the list of supported ones, and where the
    model deviates from what llama.cpp's graph assumes."""
    where = str(model.path / "config.json")
    kind = model.config.get("model_type")
    if kind not in ARCHITECTURES:
        raise ModelError(
            f"the architecture '{kind}' cannot be exported",
            where=where,
            hint=f"supported: {', '.join(sorted(ARCHITECTURES))}",
        )
    architecture = ARCHITECTURES[kind]
    for key, value in architecture.assumed.items():
        if model.config.get(key, value) != value:
            raise ModelError(
                f"'{key}' is {model.config[key]!r}; llama.cpp's {kind} supports {value!r} alone",
                where=where,
            )
    return architecture


def rope_theta(model: ModelDirectory) -> float:
    """The base of the rotary embedding. Raises `ModelError` for a scaled one."""
    config, where = model.config, str(model.path / "config.json")
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind != "default":
        raise ModelError(f"RoPE scaling '{kind}' cannot be exported", where=where)
    return number(rope if "rope_theta" in rope else config, "rope_theta", where)


def dimensions(model: ModelDirectory) -> dict[str, int]:
    """The widths that shapes are made of. Raises `ModelError` where config.json lacks one."""
    config = model.config
    where = str(model.path / "config.json")
    heads = whole_number(config, "num_attention_heads", where)
    hidden = whole_number(config, "hidden_size", where)
    head = config.get("head_dim") or hidden // heads
    return {
        "layers": whole_number(config, "num_hidden_layers", where),
        "vocab": whole_number(config, "vocab_size", where),
        "hidden": hidden,
        "inner": whole_number(config, "intermediate_size", where),
        "queries": heads * head,
        "keys": whole_number(config, "num_key_value_heads", where) * head,
    }


def whole_number(config: Json, key: str, where: str) -> int:
    """A positive whole number of config.json. Raises `ModelError` for anything else."""
    value = config.get(key)
    if type(value) is not int or value < 1:
        raise ModelError(f"'{key}' must be a positive whole number, found {value!r}", where=where)
    return value


def number(config: Json, key: str, where: str) -> float:
    """A positive number of config.json. Raises `ModelError` for anything else."""
    value = config.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise ModelError(f"'{key}' must be a positive number, found {value!r}", where=where)
    return float(value)


def planned_tensors(
    architecture: Architecture, model: ModelDirectory
) -> list[tuple[str, StoredTensor]]:
    """Every tensor of the GGUF with where it comes from.

    Raises `ModelError` for one that is missing, has another shape than config.json says, or is
    not part of the architecture (an adapter that was never merged, for example).
    """
    sizes = dimensions(model)
    rest = dict(model.tensors)
    plan = []
    for rule in _rules(architecture, sizes["layers"], tied=_is_tied(model)):
        stored = rest.pop(rule.source, None)
        if stored is None:
            raise ModelError(f"the tensor {rule.source} is missing", where=str(model.path))
        wanted = tuple(sizes[name] for name in rule.shape)
        if stored.shape != wanted:
            raise ModelError(
                f"tensor {rule.source} has the shape {stored.shape}; config.json says {wanted}",
                where=str(model.path),
            )
        plan.append((rule.target, stored))
    if _is_tied(model):
        rest.pop(architecture.head.source, None)
    unknown = sorted(rest.keys() - architecture.ignored)
    if unknown:
        raise ModelError(
            f"the tensor {unknown[0]} is not part of {architecture.name}",
            where=str(model.path),
            hint="export a merged model, without an adapter's own tensors",
        )
    return plan


def _is_tied(model: ModelDirectory) -> bool:
    return bool(model.config.get("tie_word_embeddings", False))


def _rules(architecture: Architecture, layers: int, *, tied: bool) -> Iterator[TensorRule]:
    for rule in architecture.tensors:
        if "{layer}" not in rule.target:
            yield rule
    if not tied:
        yield architecture.head
    for layer in range(layers):
        for rule in architecture.tensors:
            if "{layer}" in rule.target:
                yield TensorRule(
                    rule.target.format(layer=layer), rule.source.format(layer=layer), rule.shape
                )

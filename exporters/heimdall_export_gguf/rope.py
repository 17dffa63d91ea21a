"""The rotary position embedding and its scalings, as llama.cpp wants to be told of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from attrs import field, frozen

from heimdall_core.errors import ModelError
from heimdall_export_gguf.architectures import Architecture
from heimdall_export_gguf.model_directory import ModelDirectory
from heimdall_export_gguf.numbers import number, whole_number
from heimdall_export_gguf.sources import Constant

Values = Mapping[str, int | float | str]


@frozen
class Rope:
    """What a rotary embedding adds to a GGUF."""

    values: Values
    """Metadata, keys without the architecture's prefix."""
    tensors: Mapping[str, Constant] = field(factory=dict)
    """GGUF name -> factors per frequency."""


def read_rope(architecture: Architecture, model: ModelDirectory) -> Rope:
    """Raises `ModelError` for a scaling that llama.cpp cannot follow, or that is not described
    fully."""
    where = str(model.path / "config.json")
    given = _parameters(model.config, where)
    if architecture.rope == "phi3":
        return _phi3(model, given, where)
    values: dict[str, int | float | str] = {"rope.freq_base": number(given, "rope_theta", where)}
    if architecture.rope == "llama":
        values["rope.dimension_count"] = _head(model, where)
    match given.get("rope_type"):
        case None | "default":
            return Rope(values)
        case "linear":
            values |= {
                "rope.scaling.type": "linear",
                "rope.scaling.factor": number(given, "factor", where),
            }
            return Rope(values)
        case "yarn":
            return Rope({**values, **_yarn(given, where)})
        case "llama3" if architecture.rope == "llama":
            factors = llama3_factors(given, _head(model, where), where)
            return Rope(values, {"rope_freqs.weight": Constant("rope_freqs.weight", factors)})
        case kind:
            raise ModelError(
                f"RoPE scaling '{kind}' cannot be exported for {architecture.model_type}",
                where=where,
                hint="supported: linear, yarn; llama3 for Llama, longrope for Phi-3",
            )


def _parameters(config: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The settings in one table, in whichever of three ways config.json has them."""
    given = config.get("rope_parameters") or config.get("rope_scaling") or {}
    if not isinstance(given, dict):
        raise ModelError("has RoPE settings that are no table", where=where)
    found = dict(given)
    found.setdefault("rope_type", found.get("type"))
    for key in ("rope_theta", "partial_rotary_factor", "original_max_position_embeddings"):
        if key not in found and config.get(key) is not None:
            found[key] = config[key]
    return found


def _head(model: ModelDirectory, where: str) -> int:
    if model.config.get("head_dim") is not None:
        return whole_number(model.config, "head_dim", where)
    heads = whole_number(model.config, "num_attention_heads", where)
    return whole_number(model.config, "hidden_size", where) // heads


def _yarn(given: Mapping[str, Any], where: str) -> dict[str, int | float | str]:
    values: dict[str, int | float | str] = {
        "rope.scaling.type": "yarn",
        "rope.scaling.factor": number(given, "factor", where),
        "rope.scaling.original_context_length": whole_number(
            given, "original_max_position_embeddings", where
        ),
    }
    attention = "attention_factor" if given.get("attention_factor") is not None else "attn_factor"
    for key, name in (
        ("yarn_ext_factor", "extrapolation_factor"),
        ("yarn_attn_factor", attention),
        ("yarn_beta_fast", "beta_fast"),
        ("yarn_beta_slow", "beta_slow"),
    ):
        if given.get(name) is not None:
            values[f"rope.scaling.{key}"] = number(given, name, where)
    for name in ("mscale", "mscale_all_dim"):
        if given.get(name) is not None:
            raise ModelError(f"the yarn setting '{name}' cannot be exported", where=where)
    return values


def llama3_factors(given: Mapping[str, Any], head: int, where: str) -> list[float]:
    """By what each frequency is divided: 1 for the fast ones, `factor` for the slow ones, and
    smoothly from one to the other between. In float32, as PyTorch computes it."""
    base = number(given, "rope_theta", where)
    factor = number(given, "factor", where)
    low, high = (number(given, f"{name}_freq_factor", where) for name in ("low", "high"))
    context = whole_number(given, "original_max_position_embeddings", where)
    exponents = np.arange(0, head, 2, dtype=np.float32) / np.float32(head)
    frequencies = np.float32(1) / np.power(np.float32(base), exponents)
    factors = []
    for frequency in frequencies:
        wave = np.float32(2 * math.pi) / frequency
        if wave < context / high:
            factors.append(1.0)
        elif wave > context / low:
            factors.append(factor)
        else:
            smooth = (np.float32(context) / wave - np.float32(low)) / np.float32(high - low)
            factors.append(
                float(np.float32(1) / ((np.float32(1) - smooth) / np.float32(factor) + smooth))
            )
    return factors


def _phi3(model: ModelDirectory, given: Mapping[str, Any], where: str) -> Rope:
    context = whole_number(model.config, "max_position_embeddings", where)
    original = given.get("original_max_position_embeddings") or context
    share = float(given.get("partial_rotary_factor") or 1.0)
    heads = whole_number(model.config, "num_attention_heads", where)
    turned = int(share * whole_number(model.config, "hidden_size", where)) // heads
    window = model.config.get("sliding_window")
    values: dict[str, int | float | str] = {
        "rope.freq_base": number(given, "rope_theta", where),
        "rope.dimension_count": turned,
        "rope.scaling.original_context_length": int(original),
        "attention.sliding_window": 0 if window is None else int(window),
    }
    kind = given.get("rope_type") or "default"
    if kind == "default":
        return Rope(values)
    if kind not in ("longrope", "su", "yarn"):
        raise ModelError(
            f"RoPE scaling '{kind}' cannot be exported for phi3", where=where, hint="longrope is"
        )
    scale = context / original
    if kind == "yarn":
        attention = 0.1 * math.log(scale) + 1.0 if scale > 1 else 1.0
    else:
        attention = math.sqrt(1 + math.log(scale) / math.log(original)) if scale > 1 else 1.0
    tensors = {}
    for name in ("long", "short"):
        factors = given.get(f"{name}_factor")
        _check_factors(factors, turned // 2, f"{name}_factor", where)
        target = f"rope_factors_{name}.weight"
        tensors[target] = Constant(target, factors or [])
    return Rope({**values, "rope.scaling.attn_factor": attention}, tensors)


def _check_factors(factors: Any, wanted: int, name: str, where: str) -> None:
    if not isinstance(factors, Sequence) or len(factors) != wanted:
        raise ModelError(f"'{name}' must hold {wanted} numbers", where=where)
    if not all(isinstance(value, int | float) and value > 0 for value in factors):
        raise ModelError(f"'{name}' must hold positive numbers alone", where=where)

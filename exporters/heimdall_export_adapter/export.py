"""PEFT's LoRA as llama.cpp's.

llama.cpp multiplies each pair of matrices by alpha / rank, with one alpha for the whole file and
the rank of each pair. What PEFT does beyond that (rank-stabilised scale, ranks and alphas by
pattern) is folded into the alpha, or where that is not enough into the second matrix.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import gguf
import numpy as np
from attrs import frozen

from heimdall_core.errors import ModelError
from heimdall_core.types import Artefact, ExportContext
from heimdall_export_adapter.options import AdapterOptions
from heimdall_export_gguf.adapter import Adapter, is_adapter, open_adapter
from heimdall_export_gguf.metadata import general_values
from heimdall_export_gguf.model_directory import ModelDirectory, open_model_directory
from heimdall_export_gguf.planning import find_architecture, target_rules
from heimdall_export_gguf.safetensors_file import StoredTensor
from heimdall_export_gguf.sources import Floats, RotaryRows, Source

_WAY_OUT = "merge it instead: heimdall export --exporter gguf, or --exporter merged"


@frozen(eq=False)
class _Pair:
    """The two matrices of one tensor: a (rank, inputs), b (outputs, rank)."""

    target: str
    a: Floats
    b: Source
    scale: float

    @property
    def rank(self) -> int:
        return int(self.a.shape[0])


def export(context: ExportContext, options: AdapterOptions) -> list[Artefact]:
    """Writes one GGUF. Raises `ModelError`, before anything is written, for an adapter that
    llama.cpp could not lay over its base model exactly."""
    if not context.model.is_dir() or not is_adapter(context.model):
        raise ModelError("is no adapter", where=str(context.model), hint="merged models are GGUF")
    adapter = open_adapter(context.model, options.base)
    _check(adapter)
    model = open_model_directory(context.model, options.base)
    pairs = _pairs(adapter, model)
    name = str(general_values(context.metadata, context.model.resolve().name)["general.name"])
    target = context.output
    if target.suffix != ".gguf":
        target = target / f"{name.replace('/', '-')}-lora-{options.type}.gguf"
    if target.exists() and not options.overwrite:
        raise ModelError("exists already", where=str(target), hint="remove it, or set overwrite")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.partial")
    alpha = _alpha(pairs)
    try:
        _write(part, adapter, model, pairs, alpha, context, options.type)
        part.replace(target)
    except OSError as error:
        raise ModelError(f"the export failed: {error.strerror}", where=str(target)) from error
    finally:
        part.unlink(missing_ok=True)
    return [
        Artefact(
            path=target,
            kind=f"adapter:{options.type}",
            details={
                "bytes": target.stat().st_size,
                "sha256": hashlib.sha256(target.read_bytes()).hexdigest(),
                "method": adapter.kind,
                "alpha": alpha,
                "tensors": len(pairs),
            },
        )
    ]


def _check(adapter: Adapter) -> None:
    where = str(adapter.path)
    if adapter.config.get("use_dora"):
        raise ModelError(
            "is DoRA, whose magnitudes llama.cpp has no place for", where=where, hint=_WAY_OUT
        )
    for module, parts in adapter.modules.items():
        if "weight" in parts or "token_adapter.trainable_tokens_delta" in parts:
            raise ModelError(
                f"trains {module} whole, which a LoRA file has no place for",
                where=where,
                hint=_WAY_OUT,
            )
        if module.rpartition(".")[2] in ("embed_tokens", "lm_head"):
            raise ModelError(
                f"adapts {module}, the embedding or the output, which may be one matrix in the"
                " base model",
                where=where,
                hint=_WAY_OUT,
            )


def _pairs(adapter: Adapter, model: ModelDirectory) -> list[_Pair]:
    rules = target_rules(find_architecture(model), model)
    pairs = []
    for module, parts in adapter.modules.items():
        rule = rules.get(f"{module}.weight")
        if rule is None:
            raise ModelError(
                f"adapts {module}, which llama.cpp has no tensor for", where=str(adapter.path)
            )
        a, b = parts["lora_A.weight"], parts["lora_B.weight"]
        if adapter.config.get("fan_in_fan_out"):
            raise ModelError("fan_in_fan_out is not supported", where=str(adapter.path))
        pairs.append(
            _Pair(rule.target, _whole(a), _rotated(rule.change, b, model), adapter.scale(module))
        )
    return pairs


def _rotated(change: str, b: StoredTensor, model: ModelDirectory) -> Source:
    """llama.cpp's order of rows is that of the base model's own matrix."""
    keys = {"rotary queries": "num_attention_heads", "rotary keys": "num_key_value_heads"}
    return RotaryRows(b, model.config[keys[change]]) if change in keys else b


def _alpha(pairs: list[_Pair]) -> float:
    """The alpha that is right for most pairs: llama.cpp divides it by each pair's own rank."""
    wanted = Counter(pair.scale * pair.rank for pair in pairs)
    return float(wanted.most_common(1)[0][0])


def _write(
    path: Path,
    adapter: Adapter,
    model: ModelDirectory,
    pairs: list[_Pair],
    alpha: float,
    context: ExportContext,
    kind: str,
) -> None:
    architecture = find_architecture(model)
    writer = gguf.GGUFWriter(path, architecture.name)
    try:
        writer.add_type(gguf.GGUFType.ADAPTER)
        writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
        writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, alpha)
        metadata = {"base_model": adapter.config.get("base_model_name_or_path"), **context.metadata}
        for key, value in general_values(metadata, adapter.path.name).items():
            if isinstance(value, int):
                writer.add_uint32(key, value)
            else:
                writer.add_string(key, value)
        dtype = np.float32 if kind == "F32" else np.float16
        for pair in pairs:
            b = pair.b.rows(0, pair.b.shape[0])
            # Other pairs than most: what their own scale is beyond alpha / rank.
            b = b * np.float32(pair.scale * pair.rank / alpha)
            for letter, values in (("a", pair.a), ("b", b)):
                if not np.isfinite(values.astype(dtype)).all():
                    raise ModelError(f"{pair.target} holds values beyond {kind}")
                writer.add_tensor(f"{pair.target}.lora_{letter}", values.astype(dtype))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    finally:
        writer.close()


def _whole(stored: StoredTensor) -> Floats:
    return stored.rows(0, stored.shape[0])

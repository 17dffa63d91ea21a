"""A model directory laid out as a GGUF: which key takes which value, which tensor comes from
where. Everything that is missing, too much or of another shape is found here, before any work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import evolve

from heimdall_core.errors import ModelError
from heimdall_export_gguf.architectures import ARCHITECTURES, Architecture, TensorRule
from heimdall_export_gguf.model_directory import ModelDirectory
from heimdall_export_gguf.numbers import number, whole_number
from heimdall_export_gguf.rope import read_rope
from heimdall_export_gguf.sources import RotaryRows, Shifted, Source


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


def architecture_values(
    architecture: Architecture, model: ModelDirectory
) -> dict[str, int | float | str]:
    """The metadata under the architecture's own prefix. Raises `ModelError` where config.json
    lacks a value, or has one that makes no sense."""
    config, where = model.config, str(model.path / "config.json")
    values: dict[str, int | float | str] = {
        **{key: whole_number(config, name, where) for key, name in architecture.integers.items()},
        **{key: number(config, name, where) for key, name in architecture.floats.items()},
        **read_rope(architecture, model).values,
    }
    if architecture.head_dim and config.get("head_dim") is not None:
        head = whole_number(config, "head_dim", where)
        values |= {"attention.key_length": head, "attention.value_length": head}
    return {f"{architecture.name}.{key}": value for key, value in values.items()}


def dimensions(model: ModelDirectory) -> dict[str, int]:
    """The widths that shapes are made of. Raises `ModelError` where config.json lacks one."""
    config = model.config
    where = str(model.path / "config.json")
    heads = whole_number(config, "num_attention_heads", where)
    hidden = whole_number(config, "hidden_size", where)
    head = config.get("head_dim") or hidden // heads
    inner = whole_number(config, "intermediate_size", where)
    keys = whole_number(config, "num_key_value_heads", where) * head
    return {
        "layers": whole_number(config, "num_hidden_layers", where),
        "vocab": whole_number(config, "vocab_size", where),
        "hidden": hidden,
        "inner": inner,
        "head": head,
        "queries": heads * head,
        "keys": keys,
        "queries and keys": heads * head + 2 * keys,
        "gate and up": 2 * inner,
    }


def planned_tensors(architecture: Architecture, model: ModelDirectory) -> list[tuple[str, Source]]:
    """Every tensor of the GGUF with where it comes from.

    Raises `ModelError` for one that is missing, has another shape than config.json says, or is
    not part of the architecture (an adapter that was never merged, for example).
    """
    sizes = dimensions(model)
    rest = dict(model.tensors)
    tied = _is_tied(architecture, model)
    plan: list[tuple[str, Source]] = list(read_rope(architecture, model).tensors.items())
    for rule in _rules(architecture, sizes["layers"], tied=tied):
        stored = rest.pop(rule.source, None)
        if stored is None:
            raise ModelError(f"the tensor {rule.source} is missing", where=str(model.path))
        wanted = tuple(sizes[name] for name in rule.shape)
        if stored.shape != wanted:
            raise ModelError(
                f"tensor {rule.source} has the shape {stored.shape}; config.json says {wanted}",
                where=str(model.path),
            )
        plan.append((rule.target, _changed(rule, stored, model.config)))
    if tied:
        rest.pop(architecture.head.source, None)
    unknown = sorted(rest.keys() - architecture.ignored)
    if unknown:
        raise ModelError(
            f"the tensor {unknown[0]} is not part of {architecture.name}",
            where=str(model.path),
            hint="export a merged model, or an adapter's own directory",
        )
    return plan


def target_rules(architecture: Architecture, model: ModelDirectory) -> dict[str, TensorRule]:
    """What each stored tensor becomes, by its Hugging Face name."""
    layers = dimensions(model)["layers"]
    return {rule.source: rule for rule in _rules(architecture, layers, tied=False)}


def _changed(rule: TensorRule, stored: Source, config: Mapping[str, int]) -> Source:
    match rule.change:
        case "rotary queries":
            return RotaryRows(stored, config["num_attention_heads"])
        case "rotary keys":
            return RotaryRows(stored, config["num_key_value_heads"])
        case "plus one":
            return Shifted(stored)
    return stored


def _is_tied(architecture: Architecture, model: ModelDirectory) -> bool:
    """As config.json says; where it says nothing, a model without an output matrix is tied."""
    told = model.config.get("tie_word_embeddings")
    return architecture.head.source not in model.tensors if told is None else bool(told)


def _rules(architecture: Architecture, layers: int, *, tied: bool) -> Iterator[TensorRule]:
    for rule in architecture.tensors:
        if "{layer}" not in rule.target:
            yield rule
    if not tied:
        yield architecture.head
    for layer in range(layers):
        for rule in architecture.tensors:
            if "{layer}" in rule.target:
                yield evolve(
                    rule,
                    target=rule.target.format(layer=layer),
                    source=rule.source.format(layer=layer),
                )

"""A PEFT adapter directory, and its base model's weights with the adapter merged in on the fly.

What is merged is the base in the precision in which it was published, never a 4-bit copy that the
adapter may have been trained on: a 4-bit base, merged, would keep its rounding for good.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from attrs import evolve, field, frozen

from heimdall_core.errors import ModelError
from heimdall_core.types import Json
from heimdall_export_gguf.safetensors_file import StoredTensor, read_header, stored_digest
from heimdall_export_gguf.sources import Floats, Source

CONFIG: Final = "adapter_config.json"
WEIGHTS: Final = "adapter_model.safetensors"
HEIMDALL: Final = "heimdall.json"

_EMBEDDING: Final = "model.embed_tokens.weight"

_PREFIX: Final = "base_model.model."

#: `init_lora_weights` that change the base model itself: their adapters do not fit the published
#: base unless they were converted when saved, which sets the option back.
_CHANGE_BASE: Final = ("pissa", "olora", "corda", "loftq", "lora_ga")

#: What can follow a module's name in an adapter file.
_PARTS: Final = re.compile(
    r"^(?P<module>.+?)\.(?P<part>lora_A\.weight|lora_B\.weight|lora_B\.bias|lora_embedding_A|"
    r"lora_embedding_B|lora_magnitude_vector(?:\.weight)?|"
    r"token_adapter\.trainable_tokens_delta|(?:weight|bias))$"
)


@frozen
class Adapter:
    """An adapter, opened and checked; its values are still in their file."""

    path: Path
    config: Json
    base: Path
    """The base model's directory."""
    modules: Mapping[str, Mapping[str, StoredTensor]]
    """Module of the base model -> part (`lora_A.weight` …) -> tensor."""
    facts: Json = field(factory=dict)
    """heimdall.json, where there is one."""

    @property
    def kind(self) -> str:
        """`LoRA`, `rsLoRA` or `DoRA`."""
        if self.config.get("use_dora"):
            return "DoRA"
        return "rsLoRA" if self.config.get("use_rslora") else "LoRA"

    def alpha(self, module: str) -> float:
        """lora_alpha of a module."""
        return float(self._pattern("alpha_pattern", module, self.config.get("lora_alpha", 8)))

    def scale(self, module: str) -> float:
        """What the product of the two matrices is multiplied by: alpha / r, and alpha / sqrt(r)
        for rank-stabilised LoRA."""
        rank = self.rank(module)
        return self.alpha(module) / (math.sqrt(rank) if self.config.get("use_rslora") else rank)

    def rank(self, module: str) -> int:
        """As the matrices have it, whatever the configuration says."""
        parts = self.modules[module]
        stored = parts.get("lora_A.weight") or parts["lora_embedding_A"]
        return stored.shape[0]

    def _pattern(self, key: str, module: str, otherwise: Any) -> Any:
        for pattern, value in (self.config.get(key) or {}).items():
            if re.match(rf"(.*\.)?({pattern})$", module):
                return value
        return otherwise


def is_adapter(path: Path) -> bool:
    """Whether a directory holds an adapter rather than a model."""
    return (path / CONFIG).is_file()


def open_adapter(path: Path, base: str = "") -> Adapter:
    """The adapter in `path`. Its base model is the directory `base`, else the one that
    heimdall.json or adapter_config.json names.

    Raises `ModelError` where a file is missing or broken, where the method is no LoRA, where it
    cannot be merged exactly, and where the base model is not there.
    """
    config = _json(path / CONFIG)
    facts = _json(path / HEIMDALL) if (path / HEIMDALL).is_file() else {}
    _check(path, config)
    if not (path / WEIGHTS).is_file():
        raise ModelError(
            f"the adapter has no {WEIGHTS}", where=str(path), hint="only safetensors are read"
        )
    modules: dict[str, dict[str, StoredTensor]] = {}
    for name, stored in read_header(path / WEIGHTS).items():
        found = _PARTS.match(name.removeprefix(_PREFIX))
        if found is None or not name.startswith(_PREFIX):
            raise ModelError(f"holds {name}, which is no part of a LoRA", where=str(path / WEIGHTS))
        part = found["part"].removesuffix(".weight") if "magnitude" in name else found["part"]
        # The embedding that an adapter sits on is saved as well, where it was resized.
        module = found["module"].removesuffix(".base_layer")
        modules.setdefault(module, {})[part] = stored
    for module, parts in modules.items():
        _check_module(path, module, parts)
    folder = _base_directory(path, config, facts, base)
    return Adapter(path, config, folder, modules, facts)


def check_base(adapter: Adapter, tensors: Mapping[str, Source]) -> None:
    """Raises `ModelError` where the base has other weights than those that the adapter was trained
    on: of the same shape, nothing else would tell."""
    wanted, embedding = adapter.facts.get("base_mark"), tensors.get(_EMBEDDING)
    if not wanted or not isinstance(embedding, StoredTensor):
        return
    if stored_digest(embedding) != wanted:
        raise ModelError(
            f"the adapter {adapter.path} was trained on other weights, those of "
            f"{adapter.facts.get('base_model') or 'another base model'}",
            where=str(adapter.base),
            hint="name the base model that it was trained on: --base DIR",
        )


def _check(path: Path, config: Json) -> None:
    where = str(path / CONFIG)
    kind = config.get("peft_type")
    if kind != "LORA":
        raise ModelError(f"'{kind}' is no LoRA and cannot be merged", where=where)
    start = config.get("init_lora_weights")
    if isinstance(start, str) and start.lower().startswith(_CHANGE_BASE):
        raise ModelError(
            f"init_lora_weights is '{start}', which changed the base model as well",
            where=where,
            hint="save the adapter with path_initial_model_for_weight_conversion",
        )
    for key in ("layer_replication", "megatron_config", "alora_invocation_tokens"):
        if config.get(key):
            raise ModelError(f"'{key}' is set, which cannot be merged into weights", where=where)


def _check_module(path: Path, module: str, parts: Mapping[str, StoredTensor]) -> None:
    for one, other in (
        ("lora_A.weight", "lora_B.weight"),
        ("lora_embedding_A", "lora_embedding_B"),
    ):
        if (one in parts) != (other in parts):
            raise ModelError(f"holds half of the LoRA of {module}", where=str(path / WEIGHTS))
        if one in parts and parts[one].shape[0] != parts[other].shape[1]:
            raise ModelError(f"the ranks of {module} do not fit", where=str(path / WEIGHTS))
    if "lora_B.bias" in parts:
        raise ModelError(
            f"trains a bias for {module} (lora_bias), which the merged weights have no place for",
            where=str(path / WEIGHTS),
        )


def _base_directory(path: Path, config: Json, facts: Json, base: str) -> Path:
    named = facts.get("base_path") or facts.get("base_model_path") or ""
    recorded = facts.get("base_model") or facts.get("base") or ""
    names = [base] if base else [named, recorded, config.get("base_model_name_or_path") or ""]
    wanted = [name for name in names if isinstance(name, str) and name]
    for name in wanted:
        for folder in (Path(name), path / name):
            if (folder / "config.json").is_file():
                return folder
        if (cached := _cached(name)) is not None:
            return cached
    raise ModelError(
        f"the adapter's base model is not here: {', '.join(wanted) or 'none is named'}",
        where=str(path),
        hint="name its folder: --base DIR",
    )


def _cached(name: str) -> Path | None:
    """A model of the Hugging Face hub that is in the local cache; nothing is downloaded."""
    if name.count("/") != 1 or name.startswith(("/", ".")):
        return None
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
    except ImportError:
        return None
    try:
        folder = Path(snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, OSError):
        return None
    return folder if (folder / "config.json").is_file() else None


def merged_tensors(adapter: Adapter, base: Mapping[str, Source]) -> dict[str, Source]:
    """The base model's tensors by name, each with what the adapter adds to it.

    Raises `ModelError` for a module that the base does not have, and for shapes that differ.
    """
    tensors = dict(base)
    where = str(adapter.path / WEIGHTS)
    for module, parts in adapter.modules.items():
        for kind in ("weight", "bias"):
            if kind in parts:  # trained whole (modules_to_save), or resized
                tensors[f"{module}.{kind}"] = parts[kind]
        if not parts.keys() - {"weight", "bias"}:
            continue
        name = f"{module}.weight"
        if name not in tensors:
            raise ModelError(
                f"adapts {module}, which the base model does not have",
                where=where,
                hint=f"the base model is {adapter.base}; name another with --base",
            )
        tensors[name] = _merged(adapter, module, tensors[name], parts)
    return tensors


def _merged(
    adapter: Adapter, module: str, base: Source, parts: Mapping[str, StoredTensor]
) -> Source:
    if "token_adapter.trainable_tokens_delta" in parts:
        return _TrainedRows(base, parts["token_adapter.trainable_tokens_delta"], _indices(adapter))
    if "lora_embedding_A" in parts:
        left, right = _whole(parts["lora_embedding_A"]).T, _whole(parts["lora_embedding_B"]).T
    else:
        left, right = _whole(parts["lora_B.weight"]), _whole(parts["lora_A.weight"])
        if adapter.config.get("fan_in_fan_out"):
            left, right = right.T, left.T
    if (left.shape[0], right.shape[1]) != base.shape:
        raise ModelError(
            f"the adapter of {module} is made for {(left.shape[0], right.shape[1])}; the base"
            f" model has {base.shape}",
            where=str(adapter.path / WEIGHTS),
        )
    merged = _MergedRows(base, left, right * np.float32(adapter.scale(module)))
    if "lora_magnitude_vector" in parts:
        size = parts["lora_magnitude_vector"]
        return evolve(merged, magnitude=_whole(size).reshape(-1))
    return merged


def _indices(adapter: Adapter) -> list[int]:
    chosen: Any = adapter.config.get("trainable_token_indices")
    if isinstance(chosen, dict):
        chosen = next(iter(chosen.values()), None)
    if not isinstance(chosen, list) or not all(type(number) is int for number in chosen):
        raise ModelError("has no list 'trainable_token_indices'", where=str(adapter.path / CONFIG))
    return chosen


def _whole(stored: StoredTensor) -> Floats:
    """A small matrix of an adapter, in memory."""
    return stored.rows(0, stored.shape[0])


@frozen(eq=False)
class _MergedRows:
    """base + left @ right, and with a magnitude each row scaled to that length (DoRA)."""

    base: Source
    left: Floats
    right: Floats
    magnitude: Floats | None = None

    @property
    def name(self) -> str:
        return self.base.name

    @property
    def shape(self) -> tuple[int, ...]:
        return self.base.shape

    @property
    def dtype(self) -> str:
        return "F32"

    def rows(self, start: int, stop: int) -> Floats:
        block: Floats = self.base.rows(start, stop) + self.left[start:stop] @ self.right
        if self.magnitude is not None:
            lengths = np.linalg.norm(block, axis=1)
            block *= (self.magnitude[start:stop] / lengths)[:, None]
        return block


@frozen(eq=False)
class _TrainedRows:
    """An embedding in which some rows were trained."""

    base: Source
    trained: StoredTensor
    indices: list[int]

    @property
    def name(self) -> str:
        return self.base.name

    @property
    def shape(self) -> tuple[int, ...]:
        return self.base.shape

    @property
    def dtype(self) -> str:
        return "F32"

    def rows(self, start: int, stop: int) -> Floats:
        block = self.base.rows(start, stop).copy()
        for place, row in enumerate(self.indices):
            if start <= row < stop:
                block[row - start] = self.trained.rows(place, place + 1)[0]
        return block


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError("is not valid JSON", where=str(path)) from error
    if not isinstance(data, dict):
        raise ModelError("is not a JSON object", where=str(path))
    return data

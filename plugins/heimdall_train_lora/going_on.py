"""Going on from an adapter of an earlier training: its shape is what it is, and a recipe that asks
for another one is refused. Imports nothing heavy."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from heimdall_core.errors import ModelError, RecipeError
from heimdall_run_transformers.base import ADAPTER_CONFIG, is_adapter

if TYPE_CHECKING:
    from heimdall_core.config import TrainingConfig

#: Setting → its name in PEFT's adapter_config.json, and what PEFT takes where it is missing.
_SHAPE: Final[Mapping[str, tuple[str, Any]]] = {
    "lora_r": ("r", 8),
    "lora_alpha": ("lora_alpha", 8),
    "use_rslora": ("use_rslora", False),
    "use_dora": ("use_dora", False),
}


def check_adapter(config: TrainingConfig) -> None:
    """Raises `ModelError` where `continue_from` names no adapter, `RecipeError` where the recipe
    asks for another shape than the adapter has."""
    if config.continue_from is None:
        return
    folder = Path(config.continue_from)
    if not is_adapter(folder):
        raise ModelError(
            "is no adapter: it has no adapter_config.json with adapter_model.safetensors",
            where=config.continue_from,
            hint="name the output folder of an earlier training",
        )
    try:
        found: dict[str, Any] = json.loads((folder / ADAPTER_CONFIG).read_text("utf-8"))
        values = {name: found.get(key, usual) for name, (key, usual) in _SHAPE.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError("is no configuration of an adapter", where=str(folder)) from error
    other = {name: value for name, value in values.items() if value != getattr(config, name)}
    if other:
        has = ", ".join(f"{name} = {_toml(value)}" for name, value in other.items())
        asked = ", ".join(f"{name} = {_toml(getattr(config, name))}" for name in other)
        raise RecipeError(
            f"the adapter has {has}, and the recipe says {asked}",
            where="train.continue_from",
            hint="set them as the adapter has them: "
            + " ".join(f"--set train.{name}={_toml(value)}" for name, value in other.items()),
        )


def check_targets(wanted: Collection[str], adapted: Collection[str]) -> None:
    """Raises `RecipeError` where the recipe names other layers than the adapter is on."""
    if set(wanted) != set(adapted):
        names = json.dumps(sorted(adapted))
        raise RecipeError(
            f"the adapter is on {', '.join(sorted(adapted))}, and the recipe says "
            f"{', '.join(sorted(wanted))}",
            where="train.continue_from",
            hint=f"set them as the adapter has them: --set 'train.target_modules={names}'",
        )


def _toml(value: Any) -> str:
    return json.dumps(value)

"""The plain data of a recipe, before it is structured: TOML files, `extends`, `--set`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from heimdall_core.config import ALIASES, FORMATS, spelt_out
from heimdall_core.errors import RecipeError, did_you_mean
from heimdall_core.registry import Registry

Table = Mapping[str, Any]


def read_recipe(source: str | Path, registry: Registry) -> dict[str, Any]:
    """The plain data of a recipe file or preset, `extends` merged in."""
    path = Path(source)
    if path.suffix == ".toml" or path.is_file():
        data = read_toml(path)
    elif str(source) in registry.names("preset"):
        data = dict(registry.preset(str(source)).recipe)
    else:
        known = did_you_mean(str(source), registry.names("preset"))
        raise RecipeError(f"no preset and no file is called '{source}'", hint=known)
    return extend(canonical(data), registry, (str(source),))


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as plain data; raises `RecipeError` with its path."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"not valid TOML: {error}", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise RecipeError("not valid UTF-8", where=str(path)) from error
    except OSError as error:
        raise RecipeError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except (ValueError, RecursionError) as error:  # a number too long, tables too deep
        raise RecipeError(f"not valid TOML: {error}", where=str(path)) from error


def extend(data: dict[str, Any], registry: Registry, seen: Sequence[str]) -> dict[str, Any]:
    """`data` laid over the preset that its `extends` names; `seen`: names on the way."""
    base = data.pop("extends", None)
    if base is None:
        return data
    if not isinstance(base, str):
        raise RecipeError(f"expected a preset's name, found {base!r}", where="extends")
    if base in seen:
        raise RecipeError(f"'{base}' extends itself", where="extends")
    if base not in registry.names("preset"):
        raise RecipeError(
            f"unknown preset '{base}'",
            where="extends",
            hint=did_you_mean(base, registry.names("preset")),
        )
    below = extend(canonical(dict(registry.preset(base).recipe)), registry, (*seen, base))
    below.pop("name", None)  # a recipe built on a preset is another run
    return merge(_without_replaced_metrics(below, data), data)


def _without_replaced_metrics(below: Table, above: Table) -> Table:
    """`below` without the targets and options of metrics that `above` replaces by others: naming
    an evaluator of one's own takes one line, and a target that was written for it still counts."""
    old, new = below.get("evaluate"), above.get("evaluate")
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return below
    metrics = new.get("metrics")
    if not isinstance(metrics, list | tuple):
        return below
    kept = dict(old)
    for part in ("targets", "options"):
        if isinstance(table := old.get(part), Mapping):
            kept[part] = {k: v for k, v in table.items() if k in metrics}
    return {**below, "evaluate": kept}


def merge(below: Table, above: Table) -> dict[str, Any]:
    """`above` laid over `below`: tables are merged key by key, anything else is replaced."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        both = isinstance(under, Mapping) and isinstance(value, Mapping)
        merged[key] = merge(under, value) if both else value  # type: ignore[arg-type]
    return merged


def override_in(data: dict[str, Any], override: str) -> None:
    """Applies `train.epochs=3` to `data`. The value is TOML; a bare word is a string."""
    path, equals, text = override.partition("=")
    keys = [key.strip() for key in path.split(".")]
    if not equals or not all(keys):
        raise RecipeError(
            f"cannot read the override '{override}'", where="--set", hint="write key.path=value"
        )
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        value = text.strip()
    if keys[0] == "train" and len(keys) == 2:
        # The override stands in for whatever spelling the recipe used.
        for name, meant in spelt_out({keys[1]: value}, "train").items():
            keys[1], value = name, meant
        table = data.get("train")
        if isinstance(table, Mapping):
            data["train"] = {k: v for k, v in table.items() if _full_name(k) != keys[1]}
    layer: Any = value
    for key in reversed(keys):
        layer = {key: layer}
    merged = merge(_without_replaced_metrics(data, layer), layer)
    data.clear()
    data.update(merged)


def _full_name(key: str) -> str:
    return "precision" if key in FORMATS else ALIASES.get(key, key)


def canonical(data: dict[str, Any]) -> dict[str, Any]:
    """The recipe with the short names of training settings spelt out. Done to each layer before
    they are merged: one layer may say `epochs` where the one below says `num_train_epochs`."""
    train = data.get("train")
    return {**data, "train": spelt_out(train, "train")} if isinstance(train, Mapping) else data

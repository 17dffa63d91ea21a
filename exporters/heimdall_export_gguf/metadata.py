"""What a GGUF says about itself: `general.*` keys from the export's metadata.

Known keys: `name`, `licence`, `author`, `description`, `base_model`, `recipe_hash` (text),
`datasets` (a list of `{name, sha256}`), `metrics` (a table of numbers) and `languages` (a list of
names: what the answers are written in, the most frequent first).
"""

from __future__ import annotations

import json
import re
from pathlib import PurePath
from typing import Any, Final

from heimdall_core.errors import ModelError
from heimdall_core.types import Json

_TEXTS: Final = {
    "name": "general.name",
    "licence": "general.license",
    "author": "general.author",
    "description": "general.description",
    "recipe_hash": "heimdall.recipe_hash",
}

KNOWN: Final = frozenset({*_TEXTS, "base_model", "datasets", "metrics", "languages"})


def general_values(metadata: Json, default_name: str) -> dict[str, str | int]:
    """GGUF key -> value. Texts that are empty are left out, a missing name is `default_name`.

    Raises `ModelError` for a value of another type than its key takes.
    """
    values: dict[str, str | int] = {}
    for key, target in _TEXTS.items():
        if text := _text(metadata, key):
            values[target] = text
    values.setdefault("general.name", default_name)
    if base := _text(metadata, "base_model"):
        values["general.base_model.count"] = 1
        # A local directory is named, not located: the file may travel, the path should not.
        values["general.base_model.0.name"] = (
            PurePath(base).name if PurePath(base).is_absolute() else base
        )
    datasets = metadata.get("datasets") or ()
    for number, entry in enumerate(datasets):
        match entry:
            case {"name": str(name), "sha256": str(digest)}:
                values[f"general.dataset.{number}.name"] = name
                values[f"general.dataset.{number}.version"] = f"sha256:{digest}"
            case _:
                raise _wrong("datasets", "a list of {name, sha256}", entry)
    if datasets:
        values["general.dataset.count"] = len(datasets)
    if languages := metadata.get("languages"):
        if not isinstance(languages, list) or not all(isinstance(n, str) for n in languages):
            raise _wrong("languages", "a list of names", languages)
        values["heimdall.languages"] = ",".join(languages)
    if metrics := metadata.get("metrics"):
        try:
            values["heimdall.metrics"] = json.dumps(metrics, sort_keys=True)
        except TypeError as error:
            raise _wrong("metrics", "plain JSON", metrics) from error
    return values


def safe_name(name: str | int) -> str:
    """Another spelling for a name by which llama.cpp would treat tokens otherwise; empty where
    the name is harmless."""
    text = re.sub(r"(?i)phi-?3", lambda found: f"{found[0][:3]} 3", str(name))
    return "" if text == name else text


def _text(metadata: Json, key: str) -> str:
    value = metadata.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _wrong(key, "text", value)
    return value


def _wrong(key: str, wanted: str, value: Any) -> ModelError:
    return ModelError(f"the metadata '{key}' must be {wanted}, found {value!r}")

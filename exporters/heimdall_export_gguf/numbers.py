"""Numbers of config.json, checked."""

from __future__ import annotations

from heimdall_core.errors import ModelError
from heimdall_core.types import Json


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

"""What `heimdall_presets` and `heimdall_commands` yield."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from heimdall_core.types.base import Json


@frozen
class Preset:
    """Yielded by `heimdall_presets`: a named recipe, or a part of one."""

    name: str
    summary: str
    recipe: Json
    """As read from TOML."""


@frozen
class Command:
    """Yielded by `heimdall_commands`: a command (group) of the plugin's own."""

    name: str
    summary: str
    load: Callable[[], Any]
    """Returns the click command; called when the command is used."""

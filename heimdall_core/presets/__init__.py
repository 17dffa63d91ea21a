"""The presets that come with Heimdall: the TOML files of this folder, yielded by its own hook."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

from heimdall_core.hookspecs import hookimpl
from heimdall_core.types import Preset


@hookimpl
def heimdall_presets() -> Iterator[Preset]:
    for file in sorted(Path(__file__).parent.glob("*.toml")):
        recipe = tomllib.loads(file.read_text(encoding="utf-8"))
        yield Preset(file.stem, recipe.get("description", ""), recipe)

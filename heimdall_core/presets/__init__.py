"""The presets that come with Heimdall: the TOML files of this folder, yielded by its own hook."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib.resources import files

from heimdall_core.hookspecs import hookimpl
from heimdall_core.types import Preset


@hookimpl
def heimdall_presets() -> Iterator[Preset]:
    for file in sorted(files(__name__).iterdir(), key=lambda f: f.name):
        if file.name.endswith(".toml"):
            recipe = tomllib.loads(file.read_text(encoding="utf-8"))
            yield Preset(file.name.removesuffix(".toml"), recipe.get("description", ""), recipe)

"""The presets that come with Heimdall: the TOML files of this folder, yielded by its own hook."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from heimdall_core.hookspecs import hookimpl
from heimdall_core.types import Preset

_DESCRIPTION = re.compile(r'^description = "([^"\\]*)"$', re.MULTILINE)


class _Recipe(Mapping[str, Any]):
    """A preset's file, parsed when it is first looked into: most commands want none of them."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._data: dict[str, Any] | None = None

    def _parsed(self) -> dict[str, Any]:
        if self._data is None:
            import tomllib

            self._data = tomllib.loads(self._text)
        return self._data

    def __getitem__(self, key: str) -> Any:
        return self._parsed()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parsed())

    def __len__(self) -> int:
        return len(self._parsed())


@hookimpl
def heimdall_presets() -> Iterator[Preset]:
    for file in sorted(Path(__file__).parent.glob("*.toml")):
        text = file.read_text(encoding="utf-8")
        found = _DESCRIPTION.search(text)
        yield Preset(file.stem, found[1] if found else "", _Recipe(text))

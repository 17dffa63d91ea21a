"""What a recipe may set in this generator's table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from attrs import frozen


@frozen
class CustomOptions:
    """Whose examples and templates take part."""

    files: tuple[str, ...] = ()
    """TOML files with `[[examples]]` and `[[templates]]`, and JSONL files of examples."""
    dialect: str = "nornicdb"
    """Dialect that the queries are checked against."""


def inputs(options: CustomOptions) -> Iterator[Path]:
    """The files that the rows depend on."""
    for name in options.files:
        yield Path(name)

"""Options of the exporter. Imports nothing heavy."""

from __future__ import annotations

import string
from typing import Any, Literal

from attrs import Attribute, field, frozen, validators

from heimdall_core.errors import ModelError
from heimdall_export_gguf.quant_types import canonical_type

#: What a model must be made for: Heimdall's prompt, or whatever it was made for.
Contract = Literal["chatml", "own"]


def _known_types(options: object, attribute: Attribute[Any], names: tuple[str, ...]) -> None:
    if not names:
        raise ValueError("name at least one type")
    try:
        canonical = [canonical_type(name) for name in names]
    except ModelError as error:
        raise ValueError(str(error)) from error
    if len(set(canonical)) < len(canonical):
        raise ValueError("a type is named twice")


def _file_name(options: object, attribute: Attribute[Any], pattern: str) -> None:
    try:
        fields = {name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None}
    except ValueError as error:
        raise ValueError(f"is not a name pattern: {error}") from error
    if not fields <= {"name", "type"} or "type" not in fields:
        raise ValueError("may hold {name} and must hold {type}, such as '{name}-{type}.gguf'")
    if "/" in pattern or "\\" in pattern or not pattern.endswith(".gguf"):
        raise ValueError("must be a bare file name that ends in .gguf")


@frozen(kw_only=True)
class GGUFOptions:
    """What is exported. The string below each field is its help text."""

    quant_types: tuple[str, ...] = field(default=("F16", "Q8_0", "Q4_K_M"), validator=_known_types)
    """Types to write, one file each, by llama.cpp's names."""
    file_name: str = field(default="{name}-{type}.gguf", validator=_file_name)
    """Name of each file; `{name}` is the model's, `{type}` the quantisation type."""
    threads: int = field(default=0, validator=validators.ge(0))
    """CPU threads of the quantiser; 0 takes the cores that this process may use. The bytes do
    not depend on it."""
    base: str = ""
    """Folder of an adapter's base model; empty takes the one that the adapter names."""
    contract: Contract = "chatml"
    """`chatml` refuses a model that was not trained for Heimdall's prompt; `own` exports any model
    with its own template and end token."""
    importance: str = "auto"
    """Importance matrix: `auto` collects one for the types that need it, `collect` for all,
    `none` for none; anything else is a file that llama.cpp's imatrix, or `save_importance`,
    wrote."""
    save_importance: str = ""
    """File that a collected importance matrix is written to; empty writes none."""
    overwrite: bool = False
    """Replace files of the same name; otherwise the export is refused."""


def kinds(options: GGUFOptions) -> tuple[str, ...]:
    """The kinds of the artefacts that an export with these options writes."""
    return tuple(f"gguf:{canonical_type(name)}" for name in options.quant_types)

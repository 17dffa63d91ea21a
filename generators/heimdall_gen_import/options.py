"""What a recipe may set in this generator's table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from attrs import field, frozen, validators

Format = Literal["auto", "csv", "jsonl", "json", "parquet", "arrow", "markdown"]


@frozen
class ImportOptions:
    """Which files are read, and how their columns are to be taken."""

    files: tuple[str, ...] = ()
    """CSV, TSV, JSONL, JSON, Parquet or Markdown files (`.gz` too), folders of them, and folders
    that Hugging Face `datasets` saved."""
    format: Format = "auto"
    """Format of all the files; `auto` goes by their names."""
    columns: Mapping[str, str] = field(factory=dict)
    """Where `question`, `query`, `input`, `schema`, `database` or `system` have other names."""
    split: str = ""
    """Split of a saved dataset; empty for all."""
    schemas: str = ""
    """JSON or JSONL file with graph schemas, told apart by `database` or `name`."""
    schema_in_input: bool = True
    """Write a row's schema text, where it has one, into `input`: the question is then complete."""
    skip_if: tuple[str, ...] = (
        "syntax_error",
        "neo4j_rejected",
        "false_schema",
        "timeout",
        "timed_out",
    )
    """Columns by which the source itself calls a pair wrong; such rows are left out."""
    dialect: str = "nornicdb"
    """Dialect that the queries are checked against."""
    licence: str = field(default="LicenseRef-Unknown", validator=validators.min_len(1))
    """Licence of the pairs, as SPDX writes it, where a row does not name its own."""


def inputs(options: ImportOptions) -> Iterator[Path]:
    """The files and folders that the rows depend on."""
    for name in (*options.files, *((options.schemas,) if options.schemas else ())):
        yield Path(name)

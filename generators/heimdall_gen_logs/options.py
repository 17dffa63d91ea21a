"""What a recipe may set in this generator's table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from attrs import field, frozen, validators

#: How a log is written.
Format = Literal["auto", "log", "json", "cypher", "lines"]


@frozen
class LogsOptions:
    """Which logs are read, and what becomes of the data in them."""

    files: tuple[str, ...] = ()
    """Log files, and folders of them; `.gz` too."""
    format: Format = "auto"
    """`auto`, or `log` (any server's lines), `json`, `cypher` (with semicolons), `lines`."""
    rotated: bool = True
    """Read `query.log.1`, `query.log.2.gz` … before `query.log`, as one stream."""
    values: Literal["synthetic", "placeholders"] = "synthetic"
    """What stands for a literal: a made-up value of its shape, or a typed parameter."""
    keep_literals: bool = False
    """Leave the literals as they are. A log is personal data: only where nobody is harmed."""
    failed: Literal["drop", "fix"] = "drop"
    """What becomes of failed queries: nothing, or rows that ask for the fix."""
    dialect: str = "nornicdb"
    """Dialect that the queries are checked against."""
    schema: str = ""
    """JSON file with the graph schema that the queries are checked against."""
    teacher: str = ""
    """Teacher that words the questions; empty for templates."""
    teacher_options: Mapping[str, Any] = field(factory=dict)
    """The teacher's own options."""
    licence: str = field(default="LicenseRef-Internal", validator=validators.min_len(1))
    """Licence of the queries, as SPDX writes it."""


def inputs(options: LogsOptions) -> Iterator[Path]:
    """The files and folders that the rows depend on."""
    from heimdall_gen_logs.read import rotation

    for name in options.files:
        path = Path(name)
        if options.rotated and path.is_file():
            yield from rotation(path)
        yield path
    if options.schema:
        yield Path(options.schema)

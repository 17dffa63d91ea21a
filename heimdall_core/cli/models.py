"""What the commands on a model share."""

from __future__ import annotations

from pathlib import Path

import click

from heimdall_core.dataset import read_examples
from heimdall_core.errors import HeimdallError
from heimdall_core.pipeline.steps.evaluate import spread
from heimdall_core.types import Example

#: The model of a command.
model_dir_option = click.option(
    "--model-dir",
    "--model",
    type=click.Path(path_type=Path),
    required=True,
    help="Model folder, or a GGUF file.",
)


def rows_of(path: Path, most: int) -> list[Example]:
    """At most `most` rows of a file, spread over it; a file without any is refused."""
    rows = list(read_examples(path))
    if not rows:
        raise HeimdallError("holds no rows", where=str(path))
    return spread(rows, most)

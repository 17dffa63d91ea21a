"""What `heimdall_generators` yields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from heimdall_core.types.base import Json, NoOptions
from heimdall_core.types.example import Example
from heimdall_core.types.languages import Language
from heimdall_core.types.teachers import Teacher


@frozen
class GenerateContext:
    """What a generator may depend on. The same context and options give the same rows."""

    count: int
    """How many rows are wanted. Fewer is allowed (the shortfall is reported), copies are not."""
    seed: int
    repo: Path | None = None
    """A NornicDB checkout (`--repo`), read at run time."""
    quotas: Mapping[str, int] = field(factory=dict)
    """Rows wanted per category in a second pass; empty in the first."""
    language: Callable[[str], Language] | None = None
    """Looks a language plugin up by name."""
    note: Callable[[str], None] = lambda text: None
    """Reports something that the user should read: a shortfall, a skipped input."""
    teacher: Callable[[str], Teacher] | None = None
    """Looks a teacher plugin up by name."""
    part: tuple[int, int] = (0, 1)
    """`(k, n)`: the rows are part k of n, each made by itself, perhaps elsewhere, with a seed of
    its own. From k = n on, parts fill up what the others lack: nothing belongs to them alone. For
    a generator that `splits`."""


@frozen
class Generator:
    """Yielded by `heimdall_generators`: one or more dataset categories."""

    name: str
    summary: str
    categories: tuple[str, ...]
    examples: Callable[[GenerateContext, Any], Iterator[Example]]
    """`examples(context, options)`: a pure stream of unique rows."""
    options: type = NoOptions
    """Frozen attrs class that a recipe's table is structured into."""
    licence: str = "MIT"
    version: str = "1"
    schemas: Callable[[Any], Mapping[str, Json]] | None = None
    """`schemas(options)`: the graph schemas that rows name, as plain JSON for the language."""
    inputs: Callable[[Any], Iterable[Path]] | None = None
    """`inputs(options)`: the files and folders that the options name. What they hold belongs to
    the key of the stage: a changed file makes the rows again."""
    splits: bool = False
    """Whether large counts may be made in parts (`GenerateContext.part`). Whatever is limited over
    the whole dataset, such as the rows about one fact, must then belong to one part alone."""

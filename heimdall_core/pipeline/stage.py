"""What a stage of the pipeline is, and what its function is given and gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import field, frozen

from heimdall_core.recipe import Recipe
from heimdall_core.registry import Registry
from heimdall_core.types import Event, Json


@frozen
class StageContext:
    """What a stage's function is given."""

    recipe: Recipe
    registry: Registry
    inputs: Mapping[str, Path]
    """Earlier stage → folder of its output."""
    digests: Mapping[str, str]
    """Earlier stage → digest of its output."""
    output: Path
    work: Path
    emit: Callable[[Event], None]


@frozen
class Outcome:
    """What a stage came to, beside its files."""

    metrics: Json = field(factory=dict)
    counts: Json = field(factory=dict)


@frozen
class Stage:
    """One stage of the pipeline."""

    name: str
    needs: tuple[str, ...]
    options: Callable[[Recipe, Registry], Json]
    """Everything in the recipe that its output depends on."""
    providers: Callable[[Recipe, Registry], tuple[tuple[str, str], ...]]
    """The plugins at work, as (role, name)."""
    run: Callable[[StageContext], Outcome]
    code: tuple[str, ...]
    """Core modules whose source belongs to the key."""
    libraries: tuple[str, ...] = ()
    """Distributions whose versions belong to the key."""
    spread: bool = False
    """Whether it has work for an executor."""

"""The mix that is generated where no recipe says otherwise: who takes part, and with what share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from heimdall_core.errors import HeimdallError
from heimdall_core.pipeline.steps.generate import Source
from heimdall_core.registry import Registry

Focus = Literal["", "optimize", "plugin"]

#: Percent of the rows, by generator.
SHARES: Mapping[Focus, Mapping[str, float]] = {
    "": {"cypher": 30, "nornicdb": 40, "apoc": 20, "troubleshooting": 10},
    "optimize": {"cypher": 40, "nornicdb": 35, "apoc": 5, "troubleshooting": 20},
    "plugin": {"cypher": 10, "nornicdb": 20, "apoc": 65, "troubleshooting": 5},
}

#: A category is in focus where its name holds one of these.
WORDS: Mapping[Focus, tuple[str, ...]] = {
    "": (),
    "optimize": ("optimi", "perform", "plans", "index", "memory", "rewrites", "findings"),
    "plugin": ("plugin", "develop", "hook", "heimdall"),
}


def default_mix(
    registry: Registry, focus: Focus = "", note: Callable[[str], None] = lambda text: None
) -> tuple[Source, ...]:
    """The default generators that are installed, with their shares and their own defaults; the
    share of one that is not is left to the others, and said.

    Raises `HeimdallError` where none of them is installed.
    """
    weights = SHARES[focus]
    installed = registry.names("generator")
    found = [name for name in weights if name in installed]
    if not found:
        raise HeimdallError(
            f"none of the default generators is installed: {', '.join(weights)}",
            hint="name others with --generator, or see: heimdall plugins",
        )
    total = sum(weights[name] for name in found)
    lacking = [f"{name} ({weights[name]:g} %)" for name in weights if name not in found]
    if lacking:
        shared = ", ".join(f"{name} {100 * weights[name] / total:.0f} %" for name in found)
        note(f"not installed: {', '.join(lacking)}; the mix is {shared}")
    return tuple(_source(registry, name, weights[name], focus) for name in found)


def _source(registry: Registry, name: str, weight: float, focus: Focus) -> Source:
    generator = registry.generator(name)
    wanted = tuple(
        category for category in generator.categories if any(w in category for w in WORDS[focus])
    )
    return Source(generator, generator.options(), weight, wanted)

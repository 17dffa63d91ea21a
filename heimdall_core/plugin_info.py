"""What is known of a plugin before, and whether or not, it loads: its origin, the order in which
plugins are taken, the reason why one failed, and what a recipe requires."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import EntryPoint

import attrs
import pluggy
from attrs import frozen

from heimdall_core import hookspecs
from heimdall_core.errors import PluginError, did_you_mean

#: The distribution whose plugins are the built-in ones.
DISTRIBUTION = "heimdall-slm"


@frozen
class PluginInfo:
    """One plugin, loaded or not."""

    name: str
    """Entry-point name: what `block` and `require` speak of."""
    module: str
    distribution: str
    version: str
    status: str = "loaded"
    """`loaded`, `blocked` or `failed`."""
    error: str = ""
    hooks: tuple[str, ...] = ()
    deprecated: tuple[str, ...] = ()
    """A line per deprecated hook or argument that it uses."""
    provides: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    """Role → names that recipes use."""

    @property
    def origin(self) -> str:
        """`name (distribution version)`, for messages."""
        return f"{self.name} ({self.distribution} {self.version})".replace(" )", ")")

    @property
    def builtin(self) -> bool:
        """Whether it comes with Heimdall itself."""
        return self.distribution == DISTRIBUTION


def require(
    plugins: Sequence[PluginInfo], requirements: Iterable[str], unblock: Callable[[PluginInfo], str]
) -> None:
    """Raises `PluginError` unless each required plugin is loaded: an entry-point or distribution
    name, with an optional version as in `acme-fraud>=1.2`. `unblock` says what has to change for a
    blocked one to be loaded."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    for text in requirements:
        try:
            wanted = Requirement(text)
        except InvalidRequirement as error:
            raise PluginError(
                f"'{text}' is not a requirement",
                where="plugins.require",
                hint="write a name, or a name and a version: 'acme-fraud>=1.2'",
            ) from error
        name = canonicalize_name(wanted.name)
        found = [
            p
            for p in plugins
            if name in (canonicalize_name(p.name), canonicalize_name(p.distribution))
        ]
        if not found:
            known = {p.name for p in plugins} | {p.distribution for p in plugins}
            raise PluginError(
                f"the required plugin '{wanted.name}' is not installed",
                where="plugins.require",
                hint=did_you_mean(wanted.name, known),
            )
        for plugin in found:
            if plugin.status != "loaded":
                raise PluginError(
                    f"the required plugin {plugin.origin} is {plugin.status}"
                    + (f": {plugin.error}" if plugin.error else ""),
                    where="plugins.require",
                    hint=unblock(plugin) if plugin.status == "blocked" else "",
                )
            if not wanted.specifier.contains(plugin.version or "0", prereleases=True):
                raise PluginError(
                    f"the required plugin {plugin.origin} is not {wanted.specifier}",
                    where="plugins.require",
                    hint=f"pip install '{plugin.distribution}{wanted.specifier}'",
                )


def in_order(entries: Iterable[EntryPoint]) -> list[tuple[EntryPoint, tuple[str, str]]]:
    """Entry points with their distribution's name and version: built-ins first, then by
    distribution, so that who comes second to a name does not hang on the order in which pip
    installed things. The same entry point seen twice on the path counts once."""
    read: dict[int, tuple[str, str]] = {}

    def origin(entry: EntryPoint) -> tuple[str, str]:
        if entry.dist is None:
            return ("unknown distribution", "")
        # Each access to `dist.name` parses the whole of the metadata, the README in it too.
        if id(entry.dist) not in read:
            metadata = entry.dist.metadata
            read[id(entry.dist)] = (metadata["Name"], metadata["Version"])
        return read[id(entry.dist)]

    unique: dict[tuple[bool, str, str, str], tuple[EntryPoint, tuple[str, str]]] = {}
    for entry in entries:
        name, version = origin(entry)
        key = (name != DISTRIBUTION, name, entry.name, entry.value)
        unique[key] = (entry, (name, version))
    return [unique[key] for key in sorted(unique)]


def canonical(name: str) -> str:
    """As pip compares names: `acme_fraud` and `Acme-Fraud` are one."""
    return re.sub(r"[-_.]+", "-", name).lower()


def reason_of(error: BaseException) -> str:
    """One line on why a plugin failed."""
    if isinstance(error, PluginError):
        return str(error)
    if isinstance(error, pluggy.PluginValidationError) and (
        unknown := re.search(r"unknown hook '(\w+)'", str(error))
    ):
        known = [name for name in vars(hookspecs) if name.startswith("heimdall_")]
        return f"unknown hook '{unknown[1]}'; {did_you_mean(unknown[1], known)}"
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__

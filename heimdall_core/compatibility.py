"""What lets plugins and Heimdall grow apart without surprise: the range of hook versions that a
plugin states, and the deprecated hooks and arguments that it still uses."""

from __future__ import annotations

from typing import Any

import pluggy

from heimdall_core.errors import PluginError
from heimdall_core.hookspecs import HOOK_API_VERSION

#: A plugin module may say `heimdall_api = ">=1,<2"`: the hook versions that it was written for.
ATTRIBUTE = "heimdall_api"


def check_api(plugin: object, module: str) -> None:
    """Raises `PluginError` where a plugin states a range that this Heimdall is not in."""
    stated = getattr(plugin, ATTRIBUTE, None)
    if stated is None:
        return
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        if not isinstance(stated, str):
            raise InvalidSpecifier(repr(stated))
        fits = SpecifierSet(stated).contains(str(HOOK_API_VERSION), prereleases=True)
    except InvalidSpecifier as error:
        raise PluginError(
            f'{module}.{ATTRIBUTE} must be a version range such as ">=1,<2", found {stated!r}'
        ) from error
    if not fits:
        raise PluginError(
            f"it supports hook API {stated}, and this Heimdall has {HOOK_API_VERSION}",
            hint="install a release of the plugin, or of heimdall-slm, that fits",
        )


def deprecations(manager: pluggy.PluginManager, plugin: object) -> tuple[str, ...]:
    """A line for each deprecated hook or argument that a plugin uses.

    Read from what the hook specifications say (`warn_on_impl`, `warn_on_impl_args`), so that the
    lines can be shown where somebody looks; the warnings that pluggy raises are mostly filtered.
    """
    found: list[str] = []
    for caller in manager.get_hookcallers(plugin) or ():
        spec: Any = caller.spec
        if spec is None:
            continue
        if spec.warn_on_impl is not None:
            found.append(f"{caller.name} is deprecated: {spec.warn_on_impl}")
        impls = [i for i in caller.get_hookimpls() if i.plugin is plugin]
        for argument, warning in (spec.warn_on_impl_args or {}).items():
            if any(argument in impl.argnames for impl in impls):
                found.append(f"{caller.name}({argument}) is deprecated: {warning}")
    return tuple(found)

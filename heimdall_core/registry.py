"""The typed face over pluggy: finds plugins, isolates the broken ones, looks things up by name.

The only module that touches a `PluginManager`. There is no global registry: each `Registry` has
its own, so two pipelines in one process can run on different plugins.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar, cast

import attrs
import pluggy
from attrs import frozen

from heimdall_core import hookspecs
from heimdall_core.compatibility import check_api, deprecations
from heimdall_core.errors import PluginError, did_you_mean
from heimdall_core.hookspecs import PROJECT
from heimdall_core.isolation import given_plugins, is_the_plugins, name_of
from heimdall_core.plugin_info import (
    PluginInfo,
    canonical,
    in_order,
    reason_of,
    require,
)
from heimdall_core.types import (
    Command,
    Evaluator,
    Event,
    Executor,
    Exporter,
    Generator,
    Language,
    Preset,
    Runtime,
    StageInfo,
    Teacher,
    Trainer,
)

T = TypeVar("T")

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")

#: In place of a distribution, where an embedding hands the plugin in as an object.
EMBEDDED = "given by the program"

#: Environment variable: names of plugins not to load, separated by commas.
DISABLE_VARIABLE = "HEIMDALL_DISABLE"

#: What each registering hook yields, and the role's name in messages.
ROLES: Mapping[str, type] = {
    "generator": Generator,
    "language": Language,
    "teacher": Teacher,
    "trainer": Trainer,
    "runtime": Runtime,
    "evaluator": Evaluator,
    "exporter": Exporter,
    "preset": Preset,
    "executor": Executor,
    "command": Command,
}


@frozen
class _Entry:
    item: Any
    plugin: PluginInfo


class Registry:
    """All plugins of one embedding: discovered by entry point, or handed in as objects.

    `discover=False` loads nothing but `plugins` (modules or objects with hook implementations,
    or `(name, object)` pairs). `block` and the variable `HEIMDALL_DISABLE` name plugins that are
    not imported at all; `allow` names the third-party plugins (or their distributions) that may
    be, where it is given; `third_party=False` skips every plugin that Heimdall does not ship.
    `hooks` takes the place of `heimdall_core.hookspecs`, for an embedding that adds hooks.

    A plugin that fails is listed in `failures` and the others work; a lookup that misses because
    of it says so with its distribution and error.
    """

    def __init__(
        self,
        *,
        discover: bool = True,
        plugins: Iterable[object] = (),
        block: Iterable[str] = (),
        allow: Iterable[str] | None = None,
        third_party: bool = True,
        environ: Mapping[str, str] | None = None,
        hooks: Any = hookspecs,
    ) -> None:
        self._discovered, self._hooks = discover, hooks
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(hooks)
        self._infos: dict[str, PluginInfo] = {}
        self._refused: list[PluginInfo] = []
        self._items: dict[str, dict[str, _Entry]] = {role: {} for role in ROLES}
        if isinstance(block, str) or isinstance(allow, str):
            raise PluginError("block and allow are lists of names, not one text")
        variable = (os.environ if environ is None else environ).get(DISABLE_VARIABLE, "")
        self._blocked = {*block, *(n.strip() for n in variable.split(",") if n.strip())}
        self._third_party = third_party
        self._allowed = None if allow is None else {canonical(name) for name in allow}
        if discover:
            for entry, origin in in_order(entry_points(group=PROJECT)):
                self._discover(entry, *origin)
        self._given = tuple(given_plugins(plugins))
        for name, plugin in self._given:
            info = PluginInfo(name, name_of(plugin), EMBEDDED, "")
            self._register(plugin, info)
            if failed := next((f for f in self._refused if f.name == name), None):
                raise PluginError(failed.error, where=failed.origin)

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process discovers the plugins anew, under the same settings: it is sent names
        and the plugins that were handed in, not what has been imported."""
        settings: dict[str, Any] = {
            "discover": self._discovered,
            "plugins": self._given,
            "block": tuple(sorted(self._blocked)),
            "allow": None if self._allowed is None else tuple(sorted(self._allowed)),
            "third_party": self._third_party,
            "environ": {},
            "hooks": self._hooks.__name__ if inspect.ismodule(self._hooks) else self._hooks,
        }
        return (_again, (settings,))

    # --- looking up ------------------------------------------------------------------------------

    @property
    def plugins(self) -> tuple[PluginInfo, ...]:
        """Every plugin that was found, the failed and blocked ones too, by name."""
        return tuple(
            sorted([*self._infos.values(), *self._refused], key=lambda p: (p.name, p.distribution))
        )

    @property
    def unknown_blocked(self) -> tuple[str, ...]:
        """Names that were to be blocked and that no plugin has: a misspelt block blocks nothing."""
        return tuple(sorted(self._blocked - {p.name for p in self.plugins}))

    @property
    def unknown_allowed(self) -> tuple[str, ...]:
        """Names that are allowed and that neither a plugin nor a distribution has."""
        known = {canonical(n) for p in self.plugins for n in (p.name, p.distribution)}
        return tuple(sorted((self._allowed or set()) - known))

    @property
    def failures(self) -> tuple[PluginInfo, ...]:
        """The plugins that did not load, each with its error."""
        return tuple(p for p in self.plugins if p.status == "failed")

    def names(self, role: str) -> tuple[str, ...]:
        """Names of everything registered in a role such as `generator`, sorted."""
        if role not in self._items:
            raise PluginError(f"unknown role '{role}'", hint=did_you_mean(role, ROLES))
        return tuple(sorted(self._items[role]))

    def provider(self, role: str, name: str) -> PluginInfo:
        """The plugin that provides a named thing."""
        return self._entry(role, name).plugin

    def module_of(self, role: str, name: str) -> str:
        """Import name of the package that provides a named thing, '' for a plain object."""
        return self._entry(role, name).plugin.module

    def generator(self, name: str) -> Generator:
        """The generator of that name; raises `PluginError` with what exists instead."""
        return cast(Generator, self._entry("generator", name).item)

    def language(self, name: str) -> Language:
        """The language of that name."""
        return cast(Language, self._entry("language", name).item)

    def find_language(self, name: str) -> Language | None:
        """The language of that name, or None where no plugin provides it."""
        entry = self._items["language"].get(name)
        return cast(Language, entry.item) if entry else None

    def teacher(self, name: str) -> Teacher:
        """The teacher of that name."""
        return cast(Teacher, self._entry("teacher", name).item)

    def trainer(self, name: str) -> Trainer:
        """The trainer of that name."""
        return cast(Trainer, self._entry("trainer", name).item)

    def runtime(self, name: str) -> Runtime:
        """The runtime of that name."""
        return cast(Runtime, self._entry("runtime", name).item)

    def runtimes(self) -> Iterator[Runtime]:
        """Every runtime, by name."""
        for name in self.names("runtime"):
            yield self.runtime(name)

    def evaluator(self, name: str) -> Evaluator:
        """The evaluator of that name."""
        return cast(Evaluator, self._entry("evaluator", name).item)

    def exporter(self, name: str) -> Exporter:
        """The exporter of that name."""
        return cast(Exporter, self._entry("exporter", name).item)

    def executor(self, name: str) -> Executor:
        """The executor of that name."""
        return cast(Executor, self._entry("executor", name).item)

    def preset(self, name: str) -> Preset:
        """The preset of that name."""
        return cast(Preset, self._entry("preset", name).item)

    def presets(self) -> Iterator[Preset]:
        """Every preset, by name."""
        for name in self.names("preset"):
            yield self.preset(name)

    def command(self, name: str) -> Command:
        """The command of that name."""
        return cast(Command, self._entry("command", name).item)

    def commands(self) -> Iterator[Command]:
        """Every command that a plugin adds, by name."""
        for name in self.names("command"):
            yield self.command(name)

    def require(self, requirements: Iterable[str]) -> None:
        """Raises `PluginError` unless each plugin is loaded: an entry-point or distribution name,
        with an optional version as in `acme-fraud>=1.2`."""
        require(self.plugins, requirements, self._unblock)

    def _unblock(self, plugin: PluginInfo) -> str:
        """What has to change for a blocked plugin to be loaded."""
        if plugin.name in self._blocked:
            return f"take it out of plugins.block, or out of {DISABLE_VARIABLE}"
        if not self._third_party:
            return "third-party plugins are switched off: leave out --no-plugins"
        return f'add it: allow = [..., "{plugin.name}"]'

    # --- observing -------------------------------------------------------------------------------

    def emit(self, event: Event) -> tuple[str, ...]:
        """Tells every observer of an event; returns a line per observer that raised."""
        return self._tell("heimdall_on_event", event=event)

    def before_stage(self, info: StageInfo) -> tuple[str, ...]:
        """Tells every observer that a stage starts; returns a line per observer that raised."""
        return self._tell("heimdall_before_stage", info=info)

    def after_stage(self, info: StageInfo) -> tuple[str, ...]:
        """Tells every observer that a stage has ended; returns a line per observer that raised."""
        return self._tell("heimdall_after_stage", info=info)

    # --- inside ----------------------------------------------------------------------------------

    def _tell(self, hook: str, **arguments: object) -> tuple[str, ...]:
        problems = []
        for impl in getattr(self._manager.hook, hook).get_hookimpls():
            try:
                impl.function(**{name: arguments[name] for name in impl.argnames})
            except (Exception, SystemExit) as error:  # noqa: BLE001 - it must not stop the run
                problems.append(f"{impl.plugin_name}: {hook} failed: {reason_of(error)}")
        return tuple(problems)

    def _discover(self, entry: EntryPoint, distribution: str, version: str) -> None:
        info = PluginInfo(entry.name, entry.value, distribution, version)
        if entry.name in self._blocked or not (info.builtin or self._may_load(info)):
            # Appended, not keyed: a blocked plugin must not take a name from a loaded one.
            self._refused.append(attrs.evolve(info, status="blocked"))
            return
        if taken := self._infos.get(entry.name):
            self._fail(info, f"the plugin name '{entry.name}' is already taken by {taken.origin}")
            return
        try:
            # What a plugin prints must not get into what a command prints (`--json`).
            with contextlib.redirect_stdout(sys.stderr):
                plugin = entry.load()
        except BaseException as error:
            if not is_the_plugins(error):
                raise
            self._fail(info, reason_of(error))
            return
        self._register(plugin, info)

    def _may_load(self, info: PluginInfo) -> bool:
        if self._allowed is None:
            return self._third_party
        names = {canonical(info.name), canonical(info.distribution)}
        return self._third_party and bool(self._allowed & names)

    def _register(self, plugin: object, info: PluginInfo) -> None:
        if taken := self._infos.get(info.name):
            self._fail(info, f"the plugin name '{info.name}' is already taken by {taken.origin}")
            return
        try:
            check_api(plugin, info.module)
            self._manager.register(plugin, name=info.name)
            self._manager.check_pending()
            hooks = tuple(sorted(c.name for c in self._manager.get_hookcallers(plugin) or ()))
            if not hooks:
                raise PluginError(
                    f"{info.module} implements no hook; mark its functions with "
                    "heimdall_core.hookimpl"
                )
            found = self._collect(plugin, info)
        except BaseException as error:
            if not is_the_plugins(error):
                raise
            if self._manager.has_plugin(info.name):
                self._manager.unregister(name=info.name)
            self._fail(info, reason_of(error))
            return
        provides = {role: tuple(i.name for i in items) for role, items in found.items() if items}
        info = attrs.evolve(
            info, hooks=hooks, provides=provides, deprecated=deprecations(self._manager, plugin)
        )
        self._infos[info.name] = info
        for role, items in found.items():
            for item in items:
                self._items[role][item.name] = _Entry(item, info)

    def _collect(self, plugin: object, info: PluginInfo) -> dict[str, list[Any]]:
        """Everything the plugin yields, checked: type, and that no name is taken."""
        found: dict[str, list[Any]] = {}
        for role, kind in ROLES.items():
            hook = f"heimdall_{role}s" if role != "language" else "heimdall_languages"
            items: list[Any] = []
            for impl in getattr(self._manager.hook, hook).get_hookimpls():
                if impl.plugin is plugin:
                    with contextlib.redirect_stdout(sys.stderr):
                        made = impl.function()
                        if isinstance(made, kind):
                            raise PluginError(
                                f"{hook} must yield {kind.__name__}, and returns one",
                                hint="write 'yield' in place of 'return'",
                            )
                        items.extend(made or ())
            for item in items:
                if not isinstance(item, kind):
                    raise PluginError(
                        f"{hook} must yield {kind.__name__}, found {type(item).__name__}"
                    )
                given: object = getattr(item, "name", None)
                if not isinstance(given, str) or not _NAME.fullmatch(given):
                    raise PluginError(
                        f"{hook} yields {given!r}, which is no name",
                        hint="names are lower-case letters, digits, '_' and '-'",
                    )
            names = [item.name for item in items]
            for name in names:
                if names.count(name) > 1:
                    raise PluginError(f"{hook} yields the name '{name}' twice")
                if taken := self._items[role].get(name):
                    raise PluginError(
                        f"the {role} '{name}' is already provided by {taken.plugin.origin}; "
                        f"{info.origin} is refused"
                    )
            found[role] = items
        return found

    def _fail(self, info: PluginInfo, error: str) -> None:
        self._refused.append(attrs.evolve(info, status="failed", error=error))

    def _entry(self, role: str, name: str) -> _Entry:
        entry = self._items[role].get(name)
        if entry is None:
            hint = did_you_mean(name, self._items[role])
            for failed in self.failures:
                hint += f". Did not load: {failed.origin}: {failed.error}"
            blocked = [p.name for p in self.plugins if p.status == "blocked"]
            if blocked:
                hint += f". Blocked: {', '.join(blocked)}"
            raise PluginError(f"unknown {role} '{name}'", hint=hint)
        return entry


def _again(settings: Mapping[str, Any]) -> Registry:
    hooks = settings["hooks"]
    hooks = import_module(hooks) if isinstance(hooks, str) else hooks
    return Registry(**{**settings, "hooks": hooks})

"""What keeps one plugin from harming the others: which of its exceptions are held against it, and
which are the user's own Ctrl-C; what of the things that a program hands in is no plugin."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from opcode import opmap
from types import FunctionType, ModuleType, TracebackType

from heimdall_core.errors import PluginError

#: Where a program's own plugins are given, in messages.
GIVEN = "Registry(plugins=…)"


def is_the_plugins(error: BaseException) -> bool:
    """Whether an exception that ended a plugin's import is the plugin's own doing.

    It is for every `Exception` and for `SystemExit`. A `KeyboardInterrupt` is the plugin's where
    its code raises one by name; Ctrl-C arrives between any two instructions, or through a signal
    handler, and is passed on.
    """
    if isinstance(error, KeyboardInterrupt):
        return _raised_by_name(error)
    return isinstance(error, Exception | SystemExit)


def _raised_by_name(error: BaseException) -> bool:
    """Whether an interrupt, and each one that it came from, began at a `raise` statement that is
    neither in the handler of SIGINT nor asyncio's own, which stands for it."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, KeyboardInterrupt):
            frames = list(_frames(seen.__traceback__))
            handler = getattr(signal.getsignal(signal.SIGINT), "__code__", None)
            if not frames or any(f.tb_frame.f_code is handler for f in frames):
                return False
            last = frames[-1]
            if last.tb_frame.f_globals.get("__name__", "").startswith("asyncio."):
                return False
            if last.tb_frame.f_code.co_code[last.tb_lasti] != opmap["RAISE_VARARGS"]:
                return False
        seen = seen.__cause__ or seen.__context__
    return True


def _frames(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def given_plugins(plugins: object) -> Iterator[tuple[str, object]]:
    """The name and the plugin of each thing that a program hands in: a module or object with hook
    implementations, or a pair of a name and one. Raises `PluginError` for anything else."""
    if isinstance(plugins, str | ModuleType) or not isinstance(plugins, Iterable):
        raise PluginError(
            f"expected a list of plugins, found {_shown(plugins)}",
            where=GIVEN,
            hint="write plugins=[…], even for one",
        )
    for given in plugins:
        if not isinstance(given, tuple):
            name, plugin = name_of(given), given
        elif len(given) == 2 and isinstance(given[0], str):
            name, plugin = given
        else:
            kinds = ", ".join(type(part).__name__ for part in given)
            raise PluginError(
                f"expected a plugin, or a pair (name, plugin), found a tuple of ({kinds})",
                where=GIVEN,
            )
        _refuse_what_is_none(plugin)
        yield name, plugin


def _refuse_what_is_none(plugin: object) -> None:
    if isinstance(plugin, type) and _methods(plugin):
        raise PluginError(
            f"{plugin.__name__} is a class, and its hooks are methods of an object",
            where=GIVEN,
            hint=f"give an instance: {plugin.__name__}()",
        )
    if isinstance(plugin, str):
        raise PluginError(
            f"{plugin!r} is a text, no plugin",
            where=GIVEN,
            hint="give the module itself: importlib.import_module(name)",
        )
    if plugin is None or isinstance(plugin, bool | int | float | bytes | list | tuple | dict | set):
        raise PluginError(
            f"expected a module or object with hook functions, found {_shown(plugin)}", where=GIVEN
        )


def _methods(kind: type) -> list[str]:
    """Hook implementations of a class that want an instance."""
    found = {name: item for base in reversed(kind.__mro__) for name, item in vars(base).items()}
    return [
        name
        for name, item in found.items()
        if isinstance(item, FunctionType) and hasattr(item, "heimdall_impl")
    ]


def name_of(plugin: object) -> str:
    """The name that a plugin has by itself: its module's, or its class's."""
    return str(getattr(plugin, "__name__", type(plugin).__name__))


def _shown(value: object) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text}" if len(text) <= 40 else type(value).__name__

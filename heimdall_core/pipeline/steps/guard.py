"""A loaded model whose runtime answers for its own mistakes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from heimdall_core.errors import HeimdallError, PluginError
from heimdall_core.registry import Registry
from heimdall_core.types import LoadedModel

#: Methods that answer a list, one entry for each of what they are given first.
_LISTS = ("generate", "score", "score_long")


class GuardedModel:
    """Stands before a model: what its methods raise, or return instead of what they promise, is
    the runtime's fault and is said to be, not that of the evaluator that asked."""

    def __init__(self, model: LoadedModel, owner: str) -> None:
        self._model, self._owner = model, owner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._model, name)
        return self._guarded(name, found) if callable(found) else found

    def _guarded(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **settings: Any) -> Any:
            try:
                found = method(*arguments, **settings)
            except HeimdallError:
                raise
            except Exception as error:  # a third party's bug: say whose, keep the cause
                raise PluginError(
                    f"{name}: {type(error).__name__}: {error}", where=self._owner
                ) from error
            if name in _LISTS and arguments and isinstance(arguments[0], Sequence):
                self._check(name, found, len(arguments[0]))
            return found

        return call

    def _check(self, name: str, found: Any, wanted: int) -> None:
        if not isinstance(found, Sequence) or len(found) != wanted:
            told = f"{len(found)}" if isinstance(found, Sequence) else type(found).__name__
            raise PluginError(f"{name}: returned {told} for {wanted} prompts", where=self._owner)


def guarded(registry: Registry, model: LoadedModel) -> LoadedModel:
    """The model, with its runtime's name on what goes wrong in it."""
    if isinstance(model, GuardedModel):
        return model
    return cast(LoadedModel, GuardedModel(model, _owner(registry, model)))


def _owner(registry: Registry, model: LoadedModel) -> str:
    """`runtime` with its name, found by the package that the model's class is of."""
    package = type(model).__module__.partition(".")[0]
    for plugin in registry.plugins:
        names = plugin.provides.get("runtime", ())
        if names and plugin.module.partition(":")[0].partition(".")[0] == package:
            return f"runtime {', '.join(names)} ({plugin.distribution})"
    return f"runtime of {type(model).__module__}.{type(model).__qualname__}"

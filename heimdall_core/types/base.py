"""What every hook's types share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import TracebackType
from typing import Any, Protocol, Self

from attrs import frozen

Json = Mapping[str, Any]

#: Token budgets of the `context_size` names, as in the training guide.
CONTEXT_SIZES: dict[str, int] = {
    "small": 512,
    "medium": 1024,
    "large": 2048,
    "xl": 4096,
    "max": 8192,
}


#: Schema of a row that is about no graph, or about one that nobody described.
NO_SCHEMA = "none"


def lazy(reference: str) -> Callable[..., Any]:
    """A function that imports `"package.module:function"` when it is first called."""
    module, _, name = reference.partition(":")

    def call(*args: Any, **kwargs: Any) -> Any:
        return getattr(import_module(module), name)(*args, **kwargs)

    call.__name__ = call.__qualname__ = name
    call.__dict__["reference"] = reference  # another process can import it by this
    call.__doc__ = f"Imports and calls `{reference}`."
    return call


@frozen
class NoOptions:
    """The options of a plugin that has none."""


class Held(Protocol):
    """A context manager that is its own value: leaving it gives up what it holds."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

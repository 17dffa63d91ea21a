"""What runs in a worker of the cluster. Imports no Ray, so that it can be tested without."""

from __future__ import annotations

import os
import sys
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Final

from attrs import frozen

from heimdall_core.errors import HeimdallError

#: Functions that a worker keeps loaded: they hold languages, tokenizers and what they have learnt.
_KEPT: Final = 8

_loaded: OrderedDict[str, Callable[..., Any]] = OrderedDict()


@frozen
class Shipped:
    """A function on its way to the workers."""

    key: str
    """Names it in each worker's memory."""
    data: bytes
    version: str
    """Of Heimdall, where it comes from."""
    path: tuple[str, ...]
    """Folders that modules are imported from there."""


def loaded(shipped: Shipped, loads: Callable[[bytes], Any]) -> Callable[..., Any]:
    """The function, as this worker has it. Raises `HeimdallError` where the worker runs another
    version of Heimdall, which would give other rows."""
    found = _loaded.get(shipped.key)
    if found is None:
        _check(shipped)
        # What the caller can import from a folder of its own, a worker on the same machine can too.
        sys.path += [p for p in shipped.path if p not in sys.path and os.path.isdir(p)]  # noqa: PTH112
        os.environ["TOKENIZERS_PARALLELISM"] = "false"  # the cores are taken
        found = loads(shipped.data)
        _loaded[shipped.key] = found
        while len(_loaded) > _KEPT:
            _loaded.popitem(last=False)
    _loaded.move_to_end(shipped.key)
    return found


def _check(shipped: Shipped) -> None:
    from heimdall_core.versions import versions

    here = versions(["heimdall-slm"]).get("heimdall-slm", "")
    if here != shipped.version:
        raise HeimdallError(
            f"a worker has heimdall-slm {here or 'not installed'}, this process {shipped.version}",
            where="executor",
            hint="install the same version on every node of the cluster",
        )


def scattered(shipped: Shipped, loads: Callable[[bytes], Any], item: Any, parts: int) -> list[Any]:
    """The result of one item and its pieces, one for each part."""
    result, pieces = loaded(shipped, loads)(item, parts)
    return [result, *pieces]


def gathered(
    shipped: Shipped, loads: Callable[[bytes], Any], pieces: Sequence[Any], shared: Any
) -> Any:
    """One part's state."""
    return loaded(shipped, loads)(pieces, shared)

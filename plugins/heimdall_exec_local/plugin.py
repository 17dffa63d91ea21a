"""Entry point of the plugin."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import field, frozen, validators

from heimdall_core import Executor, hookimpl
from heimdall_core.types import lazy


@frozen(kw_only=True)
class LocalOptions:
    """How many processes."""

    workers: int = field(default=0, validator=validators.ge(0))
    """Processes; 0 for one per core. Changes no row and no figure."""


@hookimpl
def heimdall_executors() -> Iterable[Executor]:
    yield Executor(
        "local",
        "Processes of this machine",
        lazy("heimdall_core.dataset.parallel:local_map"),
        options=LocalOptions,
    )

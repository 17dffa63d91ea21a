"""Entry point of the plugin."""

from __future__ import annotations

from collections.abc import Iterable

from heimdall_core import Executor, hookimpl
from heimdall_core.types import lazy
from heimdall_exec_ray.options import RayOptions


@hookimpl
def heimdall_executors() -> Iterable[Executor]:
    yield Executor(
        "ray",
        "A Ray cluster: this machine, or many",
        lazy("heimdall_exec_ray.session:ray_map"),
        options=RayOptions,
        train=lazy("heimdall_exec_ray.training:ray_train"),
        open=lazy("heimdall_exec_ray.session:open_session"),
    )

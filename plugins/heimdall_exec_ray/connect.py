"""To a cluster and back: joins one that runs, or starts one here and stops it in the end.

Ray says nothing on the terminal by this: no logs of its workers, no banner, no dashboard unless
asked for; its usage statistics are off.
"""

from __future__ import annotations

import logging
import os
import socket
import warnings
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from heimdall_core.errors import HeimdallError, missing_extra
from heimdall_exec_ray.daemon import watched
from heimdall_exec_ray.options import RayOptions

#: Of a cluster that is started here: a node that does not answer for a while may be busy, not dead.
PATIENT: Final = {"health_check_timeout_ms": 60_000, "health_check_failure_threshold": 10}

#: Seconds that a cluster may take to take a call.
_PATIENCE: Final = 10.0

#: Tries to start a cluster here.
_STARTS: Final = 3


def ray_package() -> Any:
    """The package. Raises `HeimdallError` where it is not installed."""
    # Read when Ray is imported or starts processes; nothing is sent to anybody.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise missing_extra(str(error.name), "ray", "the executor 'ray'") from error
    # Ray prints what its nodes report on standard output, where only ours may stand, and has no
    # switch for it.
    from ray._private import worker

    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = _hear
    return ray


#: What the nodes have reported, such as a worker that has died.
heard: deque[str] = deque(maxlen=1000)


def _hear(data: Any, *_: Any, **__: Any) -> None:
    heard.extend(str(line) for line in data.get("lines", ()))


@contextmanager
def connected(options: RayOptions | None = None) -> Iterator[Any]:
    """The package `ray`, connected. A connection that this process has already is used, and left
    as it was; a cluster that was started here is stopped.

    Raises `HeimdallError` where the cluster does not answer, or speaks another version.
    """
    options = options or RayOptions()
    ray = ray_package()
    if ray.is_initialized():
        yield ray
        return
    _connect(ray, options)
    try:
        with watched():
            yield ray
    finally:
        ray.shutdown()


def _require_listener(options: RayOptions) -> None:
    """Raises `HeimdallError` where nothing listens at the address: Ray would try again for some
    minutes, and write a line for each try."""
    address = options.address
    if address == "auto":
        from ray._private import services

        look = getattr(services, "canonicalize_bootstrap_address", None)
        with suppress(Exception):  # Ray says itself that it finds none
            address = (look("auto") if look is not None else "") or ""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if "/" in host or not colon or not port.isdecimal():
        return  # no address of that form: Ray says so at once
    try:
        socket.create_connection((host.strip("[]"), int(port)), _PATIENCE).close()
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _unreachable(options, f"{host}:{port}: {reason}") from error


def _unreachable(options: RayOptions, reason: str) -> HeimdallError:
    return HeimdallError(
        f"cannot be reached: {reason}",
        where=f"Ray cluster {options.address or 'on this machine'}",
        hint="start one with `ray start --head`, or leave the address out"
        if options.address
        else "the machine may be too busy, or its memory too small",
    )


def _connect(ray: Any, options: RayOptions) -> None:
    _require_listener(options)
    quiet: dict[str, Any] = {
        "log_to_driver": False,
        "logging_level": logging.ERROR,
        "configure_logging": True,
    }
    if not options.address:
        # All of the machine's memory is not ours; Ray takes 30 % of it for its store of objects.
        cpus = {"num_cpus": options.workers} if options.workers else {}
        quiet |= {"include_dashboard": options.dashboard, "_system_config": PATIENT, **cpus}
    for attempt in range(_STARTS):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Ray's own words for what is raised, too
                ray.init(options.address or "local", **quiet)
        except Exception as error:
            ray.shutdown()
            # On a busy machine its processes can take longer than Ray waits for them.
            if "during startup" in str(error) and attempt + 1 < _STARTS:
                continue
            raise _unreachable(options, _first_line(error)) from error
        return


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__

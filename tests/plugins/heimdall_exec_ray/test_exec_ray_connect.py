"""An address where no cluster is: one clear line, at once."""

from __future__ import annotations

import socket

import pytest

pytest.importorskip("ray", reason="ray is not installed (extra `ray`)")

from heimdall_core.errors import HeimdallError
from heimdall_exec_ray import connect
from heimdall_exec_ray.options import RayOptions


class Untouched:
    """Stands for the package: nothing of it is to be asked."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"ray.{name} was asked for")


@pytest.fixture
def silent_port() -> int:
    """A port of this machine where nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://127.0.0.1:{}", "[::1]:{}"])
def test_nobody_listens_there(silent_port: int, form: str) -> None:
    address = form.format(silent_port)
    with pytest.raises(HeimdallError, match=r"Ray cluster .* cannot be reached: .*; start one"):
        connect._connect(Untouched(), RayOptions(address=address))


@pytest.mark.parametrize("address", ["127.0.0.1:99999", "no-such-host.invalid:6379", "..:6379"])
def test_no_such_place(address: str) -> None:
    with pytest.raises(HeimdallError, match="cannot be reached"):
        connect._connect(Untouched(), RayOptions(address=address))


def test_a_cluster_of_this_machine_that_has_ended(
    silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{silent_port}")
    with pytest.raises(HeimdallError, match=rf"Ray cluster auto: .*:{silent_port}: "):
        connect._connect(Untouched(), RayOptions(address="auto"))

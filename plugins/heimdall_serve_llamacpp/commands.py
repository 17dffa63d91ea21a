"""Hands the click command to the core when it is called."""

from __future__ import annotations

from typing import Any


def serve() -> Any:
    """`heimdall serve`."""
    from heimdall_serve_llamacpp.cli import serve as command

    return command


def benchmark() -> Any:
    """`heimdall benchmark`."""
    from heimdall_serve_llamacpp.cli_benchmark import benchmark as command

    return command

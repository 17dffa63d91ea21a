"""Hands the click groups to the core when they are called."""

from __future__ import annotations

from typing import Any


def deploy() -> Any:
    """`heimdall deploy`."""
    from heimdall_export_nornicdb.cli import deploy as group

    return group


def context() -> Any:
    """`heimdall context`."""
    from heimdall_export_nornicdb.cli import context as group

    return group


def checklist() -> Any:
    """`heimdall checklist`."""
    from heimdall_export_nornicdb.cli_checklist import checklist as command

    return command

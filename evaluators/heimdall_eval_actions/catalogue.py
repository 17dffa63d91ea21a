"""The actions that NornicDB knows: its own two and those of its Watcher plugin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen


@frozen
class Action:
    """One action."""

    required: tuple[str, ...] = ()
    """Parameters without which the handler answers `Missing required parameter`."""
    optional: Mapping[str, Any] = field(factory=dict)
    """Other parameters, with what the handler takes where one is missing."""


_WATCHER: Final = "heimdall.watcher."

ACTIONS: Final[Mapping[str, Action]] = {
    "heimdall.help": Action(),
    "heimdall.status": Action(),
    _WATCHER + "hello": Action(optional={"name": None}),
    _WATCHER + "status": Action(),
    _WATCHER + "health": Action(),
    _WATCHER + "config": Action(),
    _WATCHER + "set_config": Action(optional={"max_tokens": None, "temperature": None}),
    _WATCHER + "metrics": Action(),
    _WATCHER + "events": Action(optional={"limit": None}),
    _WATCHER + "query": Action(("cypher",), {"params": None}),
    _WATCHER + "db_stats": Action(),
    _WATCHER + "broadcast": Action(("message",)),
    _WATCHER + "notify": Action(("message",), {"type": "info", "title": None}),
    _WATCHER + "discover": Action(
        ("query",), {"types": None, "type": None, "limit": 10, "depth": 2}
    ),
}
#: Longest Cypher text that the action `query` takes, in characters.
MOST_CYPHER: Final = 10_000

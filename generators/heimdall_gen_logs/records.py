"""One query as a log tells it."""

from __future__ import annotations

from attrs import frozen


@frozen
class Record:
    """A query that somebody sent, before anything is known about it."""

    text: str
    where: str
    """File and line."""
    failed: bool = False
    error: str = ""
    who: str = ""
    """User and address, where the log has them: only to tell a user's next try from another's."""
    cut: bool = False
    """Whether the log says that it shows only the beginning."""

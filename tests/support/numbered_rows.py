"""Rows for tests of files and stores."""

from __future__ import annotations

from heimdall_core.types import Example


def numbered_rows(count: int, start: int = 0) -> list[Example]:
    """Rows of five categories, none like another."""
    names = ("author", "book", "city", "river", "poem")
    return [
        Example(
            f"Which {names[n % 5]} has the number {n * 7919}?",
            output=f"MATCH (n:{names[n % 5].title()} {{number: {n * 7919}}}) RETURN n",
            category=names[n % 5],
        )
        for n in range(start, start + count)
    ]

"""What a user's file of examples and templates may hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen, validators


@frozen
class ExampleTable:
    """One of `[[examples]]`."""

    instruction: str
    """What is asked."""
    output: str
    """The right answer."""
    input: str = ""
    """What is given with the question."""
    system: str = ""
    """System message, where the row has one of its own."""
    category: str = "custom"
    """Any name; rows of one name are counted and balanced together."""
    language: str = ""
    """`cypher` where the answer is a query, which is then checked; empty for prose."""
    schema: str = ""
    """Name of one of `[schemas]`."""
    context_size: str = ""
    """Computed where it is empty."""


@frozen
class TemplateTable:
    """One of `[[templates]]`: a question and its query, with `{slots}` in both."""

    question: str | tuple[str, ...]
    """One wording, or several that mean the same."""
    cypher: str
    """The query."""
    slots: Mapping[str, Any] = field(factory=dict)
    """Slot → its values: a list, or `{min = 1, max = 50, step = 1}`; values that belong together
    are tables in a list (`{pair.label}`)."""
    name: str = ""
    """Family of its rows; the file's name and a number where it is empty."""
    category: str = "custom"
    """Any name."""
    schema: str = ""
    """Name of one of `[schemas]`."""
    weight: float = field(default=1.0, validator=validators.gt(0))
    """How often it takes its turn."""


@frozen
class CustomFile:
    """A TOML file of a user's own."""

    examples: tuple[ExampleTable, ...] = ()
    """Rows as they are."""
    templates: tuple[TemplateTable, ...] = ()
    """Rows to be made."""
    licence: str = "LicenseRef-Custom"
    """Licence of what it holds, as SPDX writes it."""
    schemas: Mapping[str, Any] = field(factory=dict)
    """Graph schemas by name, in the language's own shape."""

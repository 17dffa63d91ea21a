"""Options of the evaluator. Imports nothing heavy."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

Mode = Literal["raw", "whitespace", "canonical"]


@frozen(kw_only=True)
class ExactMatchOptions:
    """How answers are compared. The string below each field is its help text."""

    mode: Mode = "canonical"
    """`raw`: the same characters; `whitespace`: runs of whitespace count as one space;
    `canonical`: the same meaning, by the row's language, and `whitespace` for rows without one
    or whose right answer it cannot read. Measurements carry all three."""

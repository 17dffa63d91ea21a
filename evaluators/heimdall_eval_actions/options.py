"""Options of the evaluators. Imports nothing heavy."""

from __future__ import annotations

from attrs import frozen


@frozen(kw_only=True)
class ActionsOptions:
    """How answers are read. The string below each field is its help text."""

    streaming: bool = True
    """Whether answers are streamed, as the user interface does: then a text that begins with `{`
    and is no action is shown as an empty reply."""
    known: tuple[str, ...] = ()
    """Full names of further actions, of plugins of your own; their parameters are not checked
    beyond what a row's right answer says."""

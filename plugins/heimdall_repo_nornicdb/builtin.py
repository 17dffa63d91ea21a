"""A system message in this project's own words, for action rows without a checkout."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from heimdall_repo_nornicdb.checkout.prompts import Action, PromptSource, Slot, Text

_ROLE = "You are the assistant of a NornicDB server.\n\nActions:\n"
_FORM = (
    '\nTo run one, answer with one JSON object and nothing else: {"action": NAME, "params": {…}}.\n'
    "If none fits, answer in words.\n"
)


@cache
def builtin_prompt() -> PromptSource:
    """The built-in actions and a short message around them."""
    text = files("heimdall_repo_nornicdb").joinpath("data", "actions.toml").read_text("utf-8")
    entries = tomllib.loads(text)["action"]
    own, watcher = (
        tuple(
            Action(e["name"], e["means"], e["category"])
            for e in entries
            if e["watcher"] is of_watcher
        )
        for of_watcher in (False, True)
    )
    parts = (Text(_ROLE), Slot("ActionPrompt"), Text(_FORM))
    return PromptSource(
        full=parts,
        minimal=parts,
        category_format="%s:\n",
        action_format="- %s: %s\n",
        category_end="",
        knowledge=(),
        examples=(),
        watcher_examples=(),
        actions=own,
        watcher_actions=watcher,
    )

"""How far the registered `apoc.*` functions work from Cypher, and what stands in for those that do
not. The marks are the Cypher plugin's table; the alternatives are data of this plugin."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

from heimdall_lang_cypher.dialects import dialect

#: Marks of functions whose call gives what is documented.
CALLABLE = frozenset({"right", "plugin"})


@cache
def _marks() -> Mapping[str, str]:
    return dialect("nornicdb").extension_functions


def mark_of(name: str) -> str:
    """`right`, `plugin`, `differs` or `unverified`; '' for a name that is not registered."""
    return _marks().get(name.lower(), "")


def is_callable(name: str) -> bool:
    """Whether a query may be built on the function."""
    return mark_of(name) in CALLABLE


@cache
def _alternatives() -> Mapping[str, str]:
    text = files("heimdall_repo_nornicdb").joinpath("data", "alternatives.toml").read_text("utf-8")
    found: Mapping[str, str] = tomllib.loads(text)["instead"]
    return found


def alternative(name: str) -> str:
    """What works in NornicDB in place of a function that does not; '' where nothing is known."""
    return _alternatives().get(name, "")


def near(name: str, callable_names: Sequence[str]) -> list[str]:
    """The callable functions of the same category, in the order of their names."""
    category = name.rpartition(".")[0]
    return sorted(n for n in callable_names if n.rpartition(".")[0] == category)

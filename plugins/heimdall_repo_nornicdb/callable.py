"""How far the registered `apoc.*` functions work from Cypher, and what stands in for those that do
not. The marks are the Cypher plugin's table; the alternatives are data of this plugin."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from heimdall_lang_cypher.dialects import dialect
from heimdall_repo_nornicdb.facts import apoc_signatures

#: Marks of functions whose documented example gives its documented result.
_RIGHT = frozenset({"right", "plugin"})

Call = Literal["works", "plugin", "differs", "no", "unseen"]


@cache
def _marks() -> Mapping[str, str]:
    return dialect("nornicdb").extension_functions


def mark_of(name: str) -> str:
    """`right`, `plugin`, `differs` or `unverified`; '' for a name that is not registered."""
    return _marks().get(name.lower(), "")


def call_of(name: str) -> Call:
    """How a call in a query goes: it works on any server, or with the APOC plugin; it runs and
    differs from what is documented; it is not evaluated; or nothing is known, since its documented
    example has placeholders for arguments and nothing in the source rules it out."""
    mark, table = mark_of(name), _calls()
    if mark in _RIGHT or name in table["example"]:
        free = mark == "right" or name in table["needs_no_plugin"]["names"]
        return "works" if free else "plugin"
    if mark == "differs":
        return "differs"
    ruled_out = name != name.lower() or apoc_signatures()[name] not in table["dispatched"]
    return "no" if ruled_out and name not in table["built_in"] else "unseen"


def gives(name: str) -> str:
    """What a call gives, where that is not what its documented example shows; '' where the
    example is right, or where nobody has said what it gives."""
    table = _calls()
    return str(table["example"].get(name) or table["gives"].get(name, ""))


def why_not(name: str) -> str:
    """Why a call is not evaluated."""
    if name != name.lower():
        return "names are put into small letters before they are looked up in exact case"
    return "no call is dispatched to a Go function of its signature"


def is_callable(name: str) -> bool:
    """Whether a query may be built on the function."""
    return call_of(name) in ("works", "plugin")


@cache
def _calls() -> Mapping[str, Any]:
    return _toml("apoc_calls.toml")


def _toml(file: str) -> dict[str, Any]:
    text = files("heimdall_repo_nornicdb").joinpath("data", file).read_text("utf-8")
    return tomllib.loads(text)


@cache
def _alternatives() -> Mapping[str, str]:
    found: Mapping[str, str] = _toml("alternatives.toml")["instead"]
    return found


def alternative(name: str) -> str:
    """What works in NornicDB in place of a function that does not; '' where nothing is known."""
    return _alternatives().get(name, "")


def near(name: str, callable_names: Sequence[str]) -> list[str]:
    """The callable functions of the same category, in the order of their names."""
    category = name.rpartition(".")[0]
    return sorted(n for n in callable_names if n.rpartition(".")[0] == category)

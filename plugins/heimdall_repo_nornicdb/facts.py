"""Facts that prose answers rest on: versioned TOML files, one entry per fact, in our own words.

An entry that was read in NornicDB's source names the file and a text of it, so that a checkout can
be asked whether the fact still has its ground.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from attrs import frozen

from heimdall_core.errors import HeimdallError, did_you_mean
from heimdall_repo_nornicdb.checkout.files import Files

#: Facts files, by the generator that teaches from them.
NAMES = ("apoc", "nornicdb", "troubleshooting")

#: How many of some names are told.
_TOLD = 3

_SLOT = re.compile(r"<([a-z]+\d?)>")


@frozen
class Fact:
    """An entry of a facts file."""

    id: str
    """`troubleshooting:port-in-use`."""
    area: str
    symptoms: tuple[str, ...]
    """What somebody sees or asks, with slots in angle brackets."""
    cause: str
    """Why, or the answer."""
    fix: str = ""
    """What to do; empty where the answer says all."""
    seen: str = ""
    """File, or folder, of the checkout that shows it; empty where it was observed by running."""
    mark: str = ""
    """Text that the file holds."""


@frozen
class Setting:
    """A configuration key, as `data/config.toml` describes it."""

    env: str
    yaml: str
    default: str
    kind: str
    rule: str
    means: str

    @property
    def id(self) -> str:
        """Of the fact."""
        return f"config:{self.env}"


@cache
def facts(name: str) -> tuple[Fact, ...]:
    """The entries of a facts file, by one of `NAMES`.

    Raises `HeimdallError` for another name, and where an entry lacks a field or has one too many.
    """
    if name not in NAMES:
        raise HeimdallError(f"no facts file '{name}'", hint=did_you_mean(name, NAMES))
    table = _load(f"facts/{name}.toml")
    return tuple(
        _fact(name, key, entry) for key, entry in table.items() if isinstance(entry, Mapping)
    )


def version(name: str) -> str:
    """Version and source of a facts file: `1 (orneryd/NornicDB e27b278)`."""
    table = _load(f"facts/{name}.toml")
    return f"{table['version']} ({table['source']})"


@cache
def settings() -> tuple[Setting, ...]:
    """The configuration keys."""
    return tuple(Setting(**entry) for entry in _load("config.toml")["setting"])


@cache
def apoc_signatures() -> Mapping[str, str]:
    """Go parameters and results of the registered `apoc.*` functions, by full name."""
    return {
        f"apoc.{category}.{name}": signature
        for category, names in _load("apoc.toml")["apoc"].items()
        for name, signature in names.items()
    }


def slots_of(text: str) -> frozenset[str]:
    """Names of the slots of a text."""
    return frozenset(_SLOT.findall(text))


def fill(text: str, values: Callable[[str], str]) -> str:
    """The text with its slots filled. A name that `values` does not know stays as it is."""
    return _SLOT.sub(lambda match: values(match[1]), text)


def few(names: Sequence[str]) -> str:
    """The first few of some names, and how many more there are."""
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    return f"{', '.join(names[:_TOLD])}{more}"


def standing(name: str, checkout: Files, note: Callable[[str], None]) -> tuple[Fact, ...]:
    """The facts that the checkout bears out. How many it does not, and the first few of them with
    the reason, are noted in one line."""
    gone = {fact.id: why for fact, why in stale(name, checkout)}
    if gone:
        told = few([f"{id} ({why})" for id, why in gone.items()])
        note(
            f"{len(gone)} of {len(facts(name))} facts are left out, which the checkout does not "
            f"bear out: {told}"
        )
    return tuple(fact for fact in facts(name) if fact.id not in gone)


def stale(name: str, checkout: Files) -> Iterator[tuple[Fact, str]]:
    """Facts whose ground is no longer in the checkout, each with what is missing."""
    texts: dict[str, str | None] = {}
    for fact in facts(name):
        if not fact.seen:
            continue
        if fact.seen not in texts:
            texts[fact.seen] = _text(fact.seen, checkout)
        text = texts[fact.seen]
        if text is None:
            yield fact, f"{fact.seen} is missing"
        elif fact.mark not in text:
            yield fact, f"{fact.seen} no longer holds {fact.mark!r}"


def _text(path: str, checkout: Files) -> str | None:
    folder = checkout.root / path
    if folder.is_dir():
        return "\n".join(
            file.text
            for file in checkout.walk(".go")
            if file.path.startswith(f"{path}/") and not file.path.endswith("_test.go")
        )
    if not folder.is_file():
        return None
    file = checkout.read(path)
    return file.text if file else None


def _fact(name: str, key: str, entry: Mapping[str, Any]) -> Fact:
    known = {"area", "symptom", "cause", "fix", "seen", "mark"}
    if unknown := set(entry) - known:
        raise HeimdallError(f"unknown keys {sorted(unknown)}", where=f"fact {name}:{key}")
    return Fact(
        id=f"{name}:{key}",
        area=entry["area"],
        symptoms=tuple(entry["symptom"]),
        cause=entry["cause"],
        fix=entry.get("fix", ""),
        seen=entry.get("seen", ""),
        mark=entry.get("mark", ""),
    )


@cache
def _load(file: str) -> dict[str, Any]:
    text = files("heimdall_repo_nornicdb").joinpath("data", file).read_text("utf-8")
    return tomllib.loads(text)

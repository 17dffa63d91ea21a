"""Dialect profiles: which functions and procedures a database has, which constructs it minds.

A profile is data (`data/dialects/<name>.toml`). Constructs are found by the detectors of
`constructs`; the profile says how bad each is there, and what to write instead.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from attrs import frozen

# These register their detectors and are not called by name.
import heimdall_lang_cypher.constructs_nornicdb
import heimdall_lang_cypher.constructs_nornicdb_clauses  # noqa: F401
from heimdall_core import HeimdallError
from heimdall_core.errors import did_you_mean
from heimdall_lang_cypher.ast import (
    BooleanLiteral,
    CountStar,
    FloatLiteral,
    IntegerLiteral,
    LabelName,
    Name,
    Node,
    NullLiteral,
    QualifiedName,
    Statement,
    StringLiteral,
    Variable,
)
from heimdall_lang_cypher.constructs import DETECTORS, Detector, source
from heimdall_lang_cypher.semantics_scope import Checker, Severity
from heimdall_lang_cypher.signatures import Signature, functions, procedures
from heimdall_lang_cypher.visitor import children

#: Classes of nodes without children that no dialect minds: more than half of a tree.
_LEAVES = frozenset(
    (
        Variable,
        Name,
        QualifiedName,
        LabelName,
        StringLiteral,
        IntegerLiteral,
        FloatLiteral,
        BooleanLiteral,
        NullLiteral,
        CountStar,
    )
)

#: The first one is what an empty name means.
NAMES = ("neo4j", "neo4j5", "opencypher9", "nornicdb")


class DialectError(HeimdallError):
    """A dialect that does not exist."""


@frozen
class Construct:
    """A construct that a dialect minds."""

    code: str
    """The detector's name in capitals: `MapProjection`."""
    severity: Severity
    message: str
    suggestion: str
    """What to write where the detector computes no rewrite; `{source}` is the construct's text."""
    detector: Detector


@frozen
class Dialect:
    """A profile, read."""

    name: str
    summary: str
    version: int
    """Of Cypher: 9 (openCypher), 5 or 25."""
    functions: Mapping[str, Signature]
    """By name in small letters."""
    procedures: Mapping[str, Signature]
    """By name in small letters."""
    complete: frozenset[str]
    """First parts of names that no procedure has beside those in `procedures`."""
    namespaces: frozenset[str]
    """First parts of names that belong to extensions and are not looked up."""
    unknown_function: Severity
    """How bad a function without a namespace is that is not in `functions`."""
    constructs: Mapping[type[Node], tuple[Construct, ...]]
    """What to look for, by class of node."""
    extension_functions: Mapping[str, str]
    """How far functions of an extension work: a mark by name in small letters."""


@cache
def dialect(name: str) -> Dialect:
    """The profile of a dialect; that of the first of `NAMES` for ''.

    Raises DialectError for a name that there is no profile for.
    """
    name = name or NAMES[0]
    if name not in NAMES:
        raise DialectError(f"unknown dialect '{name}'", hint=did_you_mean(name, NAMES))
    table = _load(f"dialects/{name}.toml")
    constructs: dict[type[Node], list[Construct]] = {}
    for detector_name, entry in table.get("constructs", {}).items():
        kinds, detector = DETECTORS[detector_name]
        construct = Construct(
            code="".join(part.capitalize() for part in detector_name.split("_")),
            severity=entry.get("severity", "error"),
            message=entry["message"],
            suggestion=entry.get("suggestion", ""),
            detector=detector,
        )
        for kind in kinds:
            constructs.setdefault(kind, []).append(construct)
    return Dialect(
        name=name,
        summary=table["summary"],
        version=table["version"],
        functions=functions(tuple(table["functions"])),
        procedures=procedures(tuple(table["procedures"])),
        complete=frozenset(table["complete"]),
        namespaces=frozenset(table["namespaces"]),
        unknown_function=table["unknown_function"],
        constructs={kind: tuple(found) for kind, found in constructs.items()},
        extension_functions=_marks(table["extension"]) if "extension" in table else {},
    )


def _load(path: str) -> dict[str, Any]:
    text = files("heimdall_lang_cypher").joinpath("data", path).read_text(encoding="utf-8")
    return tomllib.loads(text)


def _marks(file: str) -> dict[str, str]:
    """Marks of an extension's functions: `{"apoc.coll.max": "right"}`."""
    marks = {}
    for extension, categories in _load(file).items():
        for category, by_mark in categories.items():
            for mark, names in by_mark.items():
                for name in names.split():
                    marks[f"{extension}.{category}.{name}".lower()] = mark
    return marks


def check_dialect(node: Node, profile: Dialect, checker: Checker) -> None:
    """Adds to `checker.problems` the constructs below `node` that the dialect minds."""
    table = profile.constructs
    stack = [node]
    while stack:
        each = stack.pop()
        if type(each) in table:
            check_node(each, profile, checker)
        for child in children(each):
            if type(child) not in _LEAVES:
                stack.append(child)


def check_node(node: Node, profile: Dialect, checker: Checker) -> None:
    """Adds to `checker.problems` what the dialect minds about `node` itself."""
    for construct in profile.constructs.get(type(node), ()):
        found = construct.detector(node, checker.text)
        if found is not None:
            _report(construct, found, checker)


def _report(construct: Construct, found: tuple[Node, str], checker: Checker) -> None:
    where, rewrite = found
    suggestion = rewrite or construct.suggestion
    if "{source}" in suggestion:
        suggestion = suggestion.replace("{source}", source(where, checker.text))
    checker.problem(
        construct.code,
        construct.message,
        where,
        severity=construct.severity,
        kind="dialect",
        suggestion=suggestion,
    )


def for_statement(name: str, statement: Statement) -> Dialect:
    """The dialect that a statement is in: `CYPHER 5` and `CYPHER 25` in front of it choose
    between Neo4j's own."""
    if name in ("", "neo4j", "neo4j5"):
        for option in statement.options:
            if option.version.startswith("25"):
                return dialect("neo4j")
            if option.version.startswith("5"):
                return dialect("neo4j5")
    return dialect(name)

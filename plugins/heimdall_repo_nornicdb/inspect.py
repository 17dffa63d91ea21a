"""What a checkout yields, beside what was counted in the version that the facts rest on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import frozen

from heimdall_repo_nornicdb.checkout.files import Files, open_files
from heimdall_repo_nornicdb.checkout.prompts import read_prompts
from heimdall_repo_nornicdb.checkout.sources import (
    is_template,
    read_fences,
    read_functions,
    read_patterns,
    read_procedures,
    read_registrations,
    read_settings,
    read_shown,
    read_test_queries,
    read_yaml_keys,
)
from heimdall_repo_nornicdb.facts import NAMES, facts, stale

#: Counted in the version e27b278 by other means than this reader; 0 where nobody counted.
EXPECTED: Mapping[str, int] = {
    "apoc registrations": 983,
    "apoc categories": 44,
    "apoc examples": 983,
    "procedures dispatched": 85,
    "procedures shown": 27,
    "functions shown": 78,
    "functions matched": 159,
    "functions registered": 10,
    "index and constraint patterns": 0,
    "environment variables": 0,
    "yaml keys": 0,
    "prompt examples": 27,
    "prompt examples of the Watcher": 16,
    "actions": 14,
    "documentation fences": 306,
    "files with fences": 39,
    "test queries": 3623,
    "files with test queries": 116,
    "distinct test queries": 2876,
    "test queries that are format strings": 125,
}


@frozen
class Line:
    """One count."""

    name: str
    found: int
    expected: int


@frozen
class Inspection:
    """What was read."""

    lines: tuple[Line, ...]
    stale: tuple[tuple[str, str], ...]
    """Facts that the checkout no longer bears out, each with what is missing."""
    facts: int
    skipped: Mapping[str, int]
    """Files passed over, by reason."""


def inspect(root: Path, note: Callable[[str], None]) -> Inspection:
    """Reads all that generators read. Raises `CheckoutError` where `root` is no folder."""
    files = open_files(root, note)
    found = _counts(files)
    gone = [(fact.id, why) for name in NAMES for fact, why in stale(name, files)]
    return Inspection(
        lines=tuple(Line(name, found[name], EXPECTED[name]) for name in EXPECTED),
        stale=tuple(gone),
        facts=sum(len(facts(name)) for name in NAMES),
        skipped=dict(files.skipped),
    )


def _counts(files: Files) -> dict[str, int]:
    registrations = read_registrations(files)
    shown, listed = read_shown(files)
    matched, registered = read_functions(files)
    prompt = read_prompts(files)
    fences = read_fences(files)
    queries = read_test_queries(files)
    return {
        "apoc registrations": len(registrations),
        "apoc categories": len({r.category for r in registrations}),
        "apoc examples": sum(bool(r.example) for r in registrations),
        "procedures dispatched": len(read_procedures(files)),
        "procedures shown": len(shown),
        "functions shown": len(listed),
        "functions matched": len(matched),
        "functions registered": len(registered),
        "index and constraint patterns": len(read_patterns(files)),
        "environment variables": len(read_settings(files)),
        "yaml keys": len(read_yaml_keys(files)),
        "prompt examples": len(prompt.examples) if prompt else 0,
        "prompt examples of the Watcher": len(prompt.watcher_examples) if prompt else 0,
        "actions": len((*prompt.actions, *prompt.watcher_actions)) if prompt else 0,
        "documentation fences": len(fences),
        "files with fences": len({f.path for f in fences}),
        "test queries": len(queries),
        "files with test queries": len({q.path for q in queries}),
        "distinct test queries": len({" ".join(q.text.split()) for q in queries}),
        "test queries that are format strings": sum(is_template(q.text) for q in queries),
    }

"""Findings as text for a terminal, and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from attrs import frozen
from rich.console import Console
from rich.text import Text

from heimdall_core.types import Finding

_COLOURS = {"error": "bold red", "warning": "yellow", "info": "cyan"}
_PLURALS = {"error": "errors", "warning": "warnings", "info": "infos"}
_WIDEST_LINE = 160


@frozen
class FileFindings:
    """What was found in one file."""

    name: str
    text: str
    findings: Sequence[Finding]


def finding_json(finding: Finding) -> dict[str, Any]:
    """What `check --jsonl` says about a finding; unknown ends and missing suggestions left out."""
    found: dict[str, Any] = {
        "code": finding.code,
        "severity": finding.severity,
        "message": finding.message,
        "line": finding.line,
        "column": finding.column,
        "kind": finding.kind,
    }
    if finding.end_line:
        found |= {"end_line": finding.end_line, "end_column": finding.end_column}
    if finding.suggestion:
        found["suggestion"] = finding.suggestion
    return found


def as_json(files: Iterable[FileFindings]) -> str:
    """One list with an object per finding, each with its `file`."""
    found = [
        {"file": each.name, **finding_json(finding)} for each in files for finding in each.findings
    ]
    return json.dumps(found, indent=2, ensure_ascii=False)


def print_report(files: Sequence[FileFindings], console: Console) -> None:
    """Each finding with its line and a caret, then a count of each severity."""
    for each in files:
        lines = each.text.splitlines()
        for finding in each.findings:
            console.print(_heading(each.name, finding), soft_wrap=True)
            if 0 < finding.line <= len(lines):
                console.print(_caret(lines[finding.line - 1], finding), soft_wrap=True)
    counts = Counter[str](finding.severity for each in files for finding in each.findings)
    console.print(_summary(len(files), counts), soft_wrap=True)


def _heading(name: str, finding: Finding) -> Text:
    text = Text.assemble(
        (f"{name}:{finding.line}:{finding.column}: ", "bold"),
        (finding.severity, _COLOURS[finding.severity]),
        f": {finding.message} ",
        (f"[{finding.code}]", "dim"),
    )
    if finding.suggestion:
        text.append(f"\n  instead: {finding.suggestion}", "green")
    return text


def _caret(line: str, finding: Finding) -> Text:
    """The line, cut to what surrounds the finding, and a row of carets under it."""
    column = finding.column - 1
    first = max(0, column - _WIDEST_LINE // 2)
    shown = line[first : first + _WIDEST_LINE].replace("\t", " ")
    width = finding.end_column - finding.column if finding.end_line == finding.line else 1
    width = max(1, min(width, len(shown) - (column - first)))
    gutter = f"{finding.line:>5} | "
    return Text.assemble(
        (gutter, "dim"),
        shown + "\n",
        (" " * (len(gutter) - 2) + "| ", "dim"),
        " " * (column - first),
        ("^" * width, _COLOURS[finding.severity]),
    )


def _summary(files: int, counts: Counter[str]) -> Text:
    found = [
        f"{counts[severity]} {severity if counts[severity] == 1 else plural}"
        for severity, plural in _PLURALS.items()
        if counts[severity]
    ]
    where = f"in {files} file{'s' if files != 1 else ''}"
    return Text(f"{', '.join(found) or 'no findings'} {where}", "bold")

"""Findings as SARIF 2.1.0, which editors and code-scanning services read.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from heimdall_core.types import Finding
from heimdall_lang_cypher.explanations import Explanation, explain
from heimdall_lang_cypher.report import FileFindings

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def as_sarif(files: Sequence[FileFindings], version: str) -> str:
    """A SARIF log with one run of the tool, `version` its version."""
    codes = sorted({finding.code for each in files for finding in each.findings})
    results = [_result(each, finding, codes) for each in files for finding in each.findings]
    log = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "heimdall cypher",
                        "version": version,
                        "rules": [_rule(code, explain(code)) for code in codes],
                    }
                },
                # Columns count Unicode characters, not UTF-16 units.
                "columnKind": "unicodeCodePoints",
                "results": results,
            }
        ],
    }
    return json.dumps(log, indent=2, ensure_ascii=False)


def _rule(code: str, explanation: Explanation | None) -> dict[str, Any]:
    if explanation is None:
        return {"id": code}
    rule: dict[str, Any] = {
        "id": code,
        "shortDescription": {"text": explanation.title},
        "fullDescription": {"text": explanation.why},
    }
    return rule | ({"help": {"text": explanation.instead}} if explanation.instead else {})


def _result(file: FileFindings, finding: Finding, codes: Sequence[str]) -> dict[str, Any]:
    region = {"startLine": finding.line, "startColumn": finding.column}
    if finding.end_line:
        region |= {"endLine": finding.end_line, "endColumn": finding.end_column}
    message = finding.message
    if finding.suggestion:
        message += f" Instead: {finding.suggestion}"
    return {
        "ruleId": finding.code,
        "ruleIndex": codes.index(finding.code),
        "level": _LEVELS[finding.severity],
        "message": {"text": message},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": file.name.replace("\\", "/")},
                    "region": region,
                }
            }
        ],
        "properties": {"kind": finding.kind},
    }

"""Datasets that the tests of this folder share."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from heimdall_core.types import CheckRequest, Finding, Language, Normalised

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """`write(rows, name)`: a JSONL file of dictionaries, or of raw bytes lines."""

    def make(rows: Sequence[dict[str, Any] | bytes], name: str = "data.jsonl") -> Path:
        lines = [r if isinstance(r, bytes) else json.dumps(r).encode() for r in rows]
        path = tmp_path / name
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        return path

    return make


@pytest.fixture
def fast_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting for the disk, for tests that write hundreds of files."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def predecessor(write: Write) -> Path:
    """A dataset with the faults of the one that the predecessor's generator makes: 750 rows with
    five keys and no id; 151 prompts, 27 of which have several answers (626 rows); 18 categories
    from 141 rows to 1."""
    sizes = (141, 134, 117, 65, 60, 33, 31, 27, 26, 25, 19, 18, 16, 15, 11, 9, 2, 1)
    categories = [f"topic_{number:02}" for number, size in enumerate(sizes) for _ in range(size)]
    answers_per_prompt = [104, 101, 101, *[14] * 8, *[13] * 16, *[1] * 124]
    prompts = [n for n, answers in enumerate(answers_per_prompt) for _ in range(answers)]
    return write(
        [
            {
                "instruction": "Answer with one query",
                "input": f"Join the two people of couple {prompt}",
                "output": f"MERGE (:P {{key: 'p{row}'}})-[:KNOWS]->(:P {{key: 'q{row}'}})",
                "category": category,
                "context_size": "small",
            }
            for row, (category, prompt) in enumerate(zip(categories, prompts, strict=True))
        ],
        "heimdall_training.jsonl",
    )


def _check(query: str, request: CheckRequest) -> Sequence[Finding]:
    """A language in which a query is wrong if it says so, or names what the schema lacks."""
    findings = []
    if "WRONG" in query:
        findings.append(Finding("T001", "error", f"'{query}' says that it is wrong", column=3))
    if "FANCY" in query and request.dialect != "fancy":
        findings.append(Finding("T004", "error", "not in this dialect", kind="dialect"))
    if request.schema is not None and not any(label in query for label in request.schema["labels"]):
        findings.append(Finding("T002", "error", "no label of the schema", kind="schema"))
    if "SLOW" in query and request.performance:
        findings.append(Finding("T003", "warning", "slow", kind="performance"))
    return findings


@pytest.fixture
def toy() -> Callable[[str], Language | None]:
    """A lookup that has one language, `toy`."""
    language = Language(
        name="toy",
        summary="For tests",
        dialects=("plain", "fancy"),
        check=_check,
        normalise=lambda query: Normalised(query, query),
        format=str,
        extract=str,
    )
    return {"toy": language}.get

"""The guide's list before production: what a program can check of a run is checked, the rest is
asked.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal

from attrs import frozen

from heimdall_core.dataset import read_examples
from heimdall_core.errors import HeimdallError
from heimdall_core.types import Example

ROWS: Final = 5000
ACCURACY: Final = 0.70
LATENCY_MS: Final = 500.0
QUANT_TYPES: Final = ("Q4_K_M", "Q5_K_M")

#: Diversity: distinct prompts, families and categories that a set of `ROWS` must have at least,
#: and how much larger the largest category may be than the smallest (the guide's 3:1).
_PROMPT_SHARE: Final = 0.95
_FAMILIES: Final = 30
_CATEGORIES: Final = 4
_RATIO: Final = 3.0

#: Metrics that count as accuracy, the best evidence first.
_ACCURACIES: Final = ("execution", "exact_match")

#: Answers that an accuracy must rest on.
_LEAST_ANSWERS: Final = 100


@frozen
class Point:
    """One line of the list."""

    name: str
    state: Literal["passed", "failed", "asked"]
    """`asked`: only a person knows."""
    detail: str
    question: str = ""


def checklist(
    run: Path,
    *,
    latency: Callable[[Path, list[Example]], float],
    integration: Callable[[], tuple[bool, str]] | None = None,
    serving: Callable[[], tuple[bool, bool, str]] | None = None,
) -> list[Point]:
    """The points in the guide's order.

    `latency(file, rows)` measures the 95th percentile of an answer's time in ms; `integration`
    asks a running NornicDB; `serving` says of a running `heimdall serve` whether it has a cache
    and a fallback. Raises `HeimdallError` for a folder that holds no finished run.
    """
    manifest = _manifest(run)
    stages = {stage["stage"]: run / stage["folder"] for stage in manifest["stages"]}
    rows = list(read_examples(stages["split"] / "train.jsonl")) if "split" in stages else []
    artefacts = _artefacts(stages.get("export"))
    points = [
        rows_point(rows),
        accuracy_point(manifest.get("metrics", {})),
        _quantised(artefacts),
        _proof(stages.get("verify")),
        _integration(integration),
        _latency(artefacts, stages.get("split"), latency),
    ]
    cache, fallback, said = serving() if serving else (False, False, "")
    points += [
        _served("cache", cache, said, serving is not None, "an answer cache (1,000 answers)"),
        Point(
            "monitoring",
            "asked",
            "metrics and logs of NornicDB",
            "Are NornicDB's metrics and logs watched, and does somebody hear of errors?",
        ),
        _served("fallback", fallback, said, serving is not None, "a rule-based fallback"),
        Point(
            "documentation",
            "asked",
            "what the team reads",
            "Does the team know which model runs, what it can do and how to go back?",
        ),
    ]
    return points


def rows_point(rows: list[Example]) -> Point:
    """At least 5,000 rows, and no crowd of copies of one."""
    prompts = len({row.prompt_key for row in rows})
    families = len({row.family for row in rows if row.family})
    categories = Counter(row.category for row in rows)
    most, least = max(categories.values(), default=0), min(categories.values(), default=0)
    detail = (
        f"{len(rows):,} training rows, {prompts:,} different prompts, {families} families,"
        f" {len(categories)} categories ({most / max(1, least):.1f}:1)"
    )
    missing = []
    if len(rows) < ROWS:
        missing.append(f"fewer than {ROWS:,} rows")
    if prompts < _PROMPT_SHARE * len(rows):
        missing.append("repeated prompts")
    if families and families < _FAMILIES:
        missing.append(f"fewer than {_FAMILIES} families")
    if len(categories) < _CATEGORIES:
        missing.append(f"fewer than {_CATEGORIES} categories")
    if least and most / least > _RATIO:
        missing.append(f"categories further apart than {_RATIO:.0f}:1")
    if missing:
        return Point("dataset", "failed", f"{detail}: {', '.join(missing)}")
    return Point("dataset", "passed", detail)


def accuracy_point(metrics: dict[str, Any]) -> Point:
    """More than 70 % of answers right, on the test set."""
    for name in _ACCURACIES:
        found = metrics.get(name)
        if not isinstance(found, dict) or found.get("value") is None:
            continue
        value, count = float(found["value"]), int(found.get("n", 0))
        detail = f"{name} {value:.1%} on {count} answers"
        if found.get("low") is not None:
            detail += f" (95 %: {float(found['low']):.1%} to {float(found['high']):.1%})"
        if count < _LEAST_ANSWERS:
            return Point("accuracy", "failed", f"{detail}: too few to know")
        if value <= ACCURACY:
            return Point("accuracy", "failed", f"{detail}: {ACCURACY:.0%} are wanted")
        return Point("accuracy", "passed", detail)
    return Point("accuracy", "failed", f"the run measured none of {', '.join(_ACCURACIES)}")


def _manifest(run: Path) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads((run / "manifest.json").read_text("utf-8"))
    except FileNotFoundError as error:
        raise HeimdallError("holds no finished run", where=str(run)) from error
    except (OSError, ValueError) as error:
        raise HeimdallError("has a manifest that cannot be read", where=str(run)) from error
    stages = data.get("stages") if isinstance(data, dict) else None
    if not isinstance(stages, list) or not all("folder" in s and "stage" in s for s in stages):
        raise HeimdallError("has a manifest without stages", where=str(run))
    return data


def _artefacts(export: Path | None) -> list[tuple[str, Path]]:
    """(type, file) of every exported GGUF."""
    if export is None or not (export / "artefacts.json").is_file():
        return []
    listed = json.loads((export / "artefacts.json").read_text("utf-8"))
    return [
        (entry["kind"].rpartition(":")[2], export / entry["path"])
        for entry in listed
        if str(entry["path"]).endswith(".gguf")
    ]


def _quantised(artefacts: list[tuple[str, Path]]) -> Point:
    kinds = [kind for kind, path in artefacts if path.is_file()]
    wanted = [kind for kind in kinds if kind in QUANT_TYPES]
    if wanted:
        return Point("quantisation", "passed", f"exported as {', '.join(wanted)}")
    told = ", ".join(kinds) or "nothing"
    return Point(
        "quantisation", "failed", f"exported as {told}: {' or '.join(QUANT_TYPES)} is wanted"
    )


def _proof(verify: Path | None) -> Point:
    if verify is None or not (verify / "proof.json").is_file():
        return Point("proof", "failed", "the exported file was not proved against the model")
    checks = json.loads((verify / "proof.json").read_text("utf-8"))
    wrong = [check["name"] for check in checks if not check["passed"]]
    if wrong or not checks:
        return Point("proof", "failed", f"not proved: {', '.join(wrong) or 'no checks'}")
    return Point("proof", "passed", f"{len(checks)} checks of the exported files")


def _integration(ask: Callable[[], tuple[bool, str]] | None) -> Point:
    if ask is None:
        return Point(
            "integration",
            "asked",
            "no address was given (--url)",
            "Has the model answered inside a running NornicDB (heimdall deploy check --url …)?",
        )
    passed, detail = ask()
    return Point("integration", "passed" if passed else "failed", detail)


def _latency(
    artefacts: list[tuple[str, Path]],
    split: Path | None,
    measure: Callable[[Path, list[Example]], float],
) -> Point:
    file = next((path for kind, path in artefacts if kind in QUANT_TYPES), None)
    if file is None or split is None:
        return Point("latency", "failed", "there is no quantised file to measure")
    rows = list(read_examples(split / "test.jsonl"))[:20]
    value = measure(file, rows)
    detail = f"95 % of {len(rows)} answers within {value:.0f} ms ({file.name}, here)"
    passed = value < LATENCY_MS
    return Point(
        "latency",
        "passed" if passed else "failed",
        detail if passed else f"{detail}: {LATENCY_MS:.0f} ms are wanted",
    )


def _served(name: str, there: bool, said: str, known: bool, what: str) -> Point:
    if known:
        return Point(name, "passed" if there else "failed", said)
    return Point(
        name,
        "asked",
        f"NornicDB has no such thing; `heimdall serve` has {what} (--serve-url)",
        f"Do clients that need it go through heimdall serve, which has {what}?",
    )

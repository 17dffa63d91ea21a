"""How a run stands to its targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from heimdall_report_html.parts import base_name, figure

Data = dict[str, Any]


def standing(metrics: Mapping[str, Any], headline: tuple[str, str] | None) -> list[Data]:
    """How the headline's targets stand on each test set. They are set for the headline's; on the
    others they gate nothing, and what is missed there is said all the same."""
    wanted = {
        base_name(name): entry
        for name, entry in metrics.items()
        if _pair(entry) == headline and entry["reached"] is not None
    }
    found: dict[str, Data] = {}
    for name, entry in metrics.items():
        base = base_name(name)
        if not wanted or headline is None or entry["artefact"] != headline[0]:
            continue
        if base not in wanted or (entry["value"] is None and _pair(entry) != headline):
            continue
        test_set = entry["test_set"]
        told = found.setdefault(
            test_set,
            {"test_set": test_set, "gate": test_set == headline[1], "of": 0, "missed": []},
        )
        told["of"] += 1
        if not _reaches(entry, wanted[base]):
            told["missed"].append(base)
    return sorted(found.values(), key=lambda told: not told["gate"])


def _reaches(entry: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    if entry is wanted:
        return bool(entry["reached"])
    if wanted["higher_is_better"]:
        return bool(entry["value"] >= wanted["target"])
    return bool(entry["value"] <= wanted["target"])


def _pair(entry: Mapping[str, Any]) -> tuple[str, str]:
    return entry["artefact"], entry["test_set"]


def verdicts(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A line for each test set, with its kind: `good` and `bad` for the set that the targets are
    set for, `warn` for another one that misses them, '' for one that would reach them."""
    found = []
    for told in data["targets"]:
        missed, test_set = told["missed"], told["test_set"]
        if told["gate"]:
            words = f"{len(missed)} of {told['of']} targets missed on {test_set}"
            if not missed:
                words = f"all {told['of']} targets reached on {test_set}"
            found.append((words, "bad" if missed else "good"))
        elif missed:
            worst = ", ".join(_value(data, name, test_set) for name in missed)
            words = f"{test_set} would miss {len(missed)} of {told['of']}: {worst} (no gate)"
            found.append((words, "warn"))
        else:
            found.append((f"{test_set} would reach all {told['of']} (no gate)", ""))
    return found


def _value(data: Mapping[str, Any], metric: str, test_set: str) -> str:
    for name, entry in data["metrics"].items():
        own = (entry["test_set"], entry["artefact"]) == (test_set, data["headline"]["artefact"])
        if own and base_name(name) == metric:
            return f"{metric} {figure(entry['value'], name)}"
    return metric

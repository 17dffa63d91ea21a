"""Everything that a report says about a run, as plain JSON. The page, the model card and `--json`
are three ways to show it.

Nothing is taken from outside the run's folder, and no path of this machine gets in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from heimdall_core.errors import HeimdallError
from heimdall_core.pipeline import read_manifest
from heimdall_core.pipeline.compare import compare_files
from heimdall_core.pipeline.deltas import in_order, quantisation_deltas
from heimdall_core.pipeline.steps.answers import AnsweredRow
from heimdall_core.registry import Registry
from heimdall_report_html.lengths import lengths_of
from heimdall_report_html.measured import listed, read_measured, summary_of
from heimdall_report_html.parts import base_name
from heimdall_report_html.standing import standing

Data = dict[str, Any]


def collect(registry: Registry, folder: Path, *, answers: int = 400) -> Data:
    """The data of the run in `folder`, with at most `answers` answers of each test set listed.

    Raises `HeimdallError` for a folder without a finished run.
    """
    root = folder.resolve()
    manifest = read_manifest(root.parent, root.name)
    stages = {stage["stage"]: stage for stage in manifest["stages"]}
    metrics = {k: m for k, m in manifest["metrics"].items() if "test_set" in m}
    headline = _headline(stages, metrics)
    measured = read_measured(_folder_of(root, stages, "evaluate"), metrics.values(), headline)
    sets = [summary_of(each) for each in measured]
    head = measured[0] if measured and _pair(sets[0]) == headline else None
    return {
        "name": manifest["name"],
        "finished": manifest["finished"],
        "git": manifest.get("git", ""),
        "description": manifest["recipe"].get("description", ""),
        "model": _model(manifest, stages),
        "versions": manifest["stages"][-1].get("versions", {}) if manifest["stages"] else {},
        "stages": [
            {key: stage[key] for key in ("stage", "seconds", "peak_bytes", "notes")}
            for stage in manifest["stages"]
        ],
        "dataset": _dataset(root, stages),
        "training": _training(stages),
        "files": _files(stages),
        "proof": stages.get("verify", {}).get("counts", {}).get("proof", []),
        "headline": {"artefact": headline[0], "test_set": headline[1]} if headline else None,
        "metrics": {name: _metric(name, entry, sets) for name, entry in metrics.items()},
        "targets": standing(metrics, headline),
        "sets": sets,
        "groups": _groups(metrics, headline),
        "other_groups": {
            test_set: _groups(metrics, (headline[0], test_set))
            for test_set in dict.fromkeys(m["test_set"] for m in metrics.values())
            if headline and test_set != headline[1]
        },
        "deltas": _deltas(registry, root, stages, metrics),
        "latency": _latency(head.rows if head else ()),
        "failures": sets[0]["failures"] if head else {},
        "cut_off": stages.get("evaluate", {}).get("counts", {}).get("cut_off", {}),
        "answers": listed(measured, answers),
        "recipe": manifest["recipe"],
    }


def _headline(stages: Mapping[str, Any], metrics: Mapping[str, Any]) -> tuple[str, str] | None:
    """The file and test set that the headline figures are of."""
    if "evaluate" not in stages or not metrics:
        return None
    kind = stages["evaluate"]["options"]["evaluate"]["artefacts"][0]
    sets = [m["test_set"] for m in metrics.values() if m["artefact"] == kind]
    return (kind, "test" if "test" in sets else sets[0]) if sets else None


def _model(manifest: Mapping[str, Any], stages: Mapping[str, Any]) -> Data:
    recipe = manifest["recipe"]
    train = recipe.get("train", {})
    exported = stages.get("export", {}).get("counts", {}).get("artefacts", [])
    details = exported[0].get("details", {}) if exported else {}
    architecture = {
        key: details[key]
        for key in ("architecture", "parameters", "vocabulary", "context_length")
        if key in details
    }
    settings = {
        key: value
        for key, value in train.items()
        if value not in (None, "", [], {}) and key not in ("base_model", "trainer")
    }
    return {
        "base_model": train.get("base_model") or "none: trained from scratch",
        "trainer": train.get("trainer", ""),
        "licence": recipe.get("licence", ""),
        "author": recipe.get("author", ""),
        "seed": recipe.get("seed"),
        "architecture": architecture,
        "settings": settings,
    }


def _dataset(root: Path, stages: Mapping[str, Any]) -> Data:
    counts = stages.get("split", {}).get("counts", {})
    composition = counts.get("composition", {})
    generated = stages.get("generate", {}).get("counts", {})
    removed = stages.get("correct", {}).get("counts", {}).get("removed", {})
    licences = stages.get("validate", {}).get("counts", {}).get("licences", {})
    split = _folder_of(root, stages, "split")
    train = _folder_of(root, stages, "train")
    leakage = counts.get("leakage", {})
    return {
        "parts": {name: part["rows"] for name, part in counts.get("parts", {}).items()},
        "categories": composition.get("categories", {}),
        "families": len(composition.get("families", {})),
        "schemas": sorted(composition.get("schemas", {})),
        "unseen_schemas": counts.get("unseen_schemas", []),
        "sources": generated.get("by_source", {}),
        "licences": licences,
        "rejected": generated.get("rejected", 0),
        "removed": {reason: count for reason, count in removed.items() if count},
        "leaks": sum(n for pairs in leakage.values() for n in pairs.values()),
        "lengths": lengths_of(split / "train.jsonl", train / "model") if split and train else None,
    }


def _training(stages: Mapping[str, Any]) -> Data:
    stage = stages.get("train", {})
    counts = stage.get("counts", {})
    return {
        "history": counts.get("history", []),
        "metrics": {name: entry["value"] for name, entry in stage.get("metrics", {}).items()},
        "counts": {k: v for k, v in counts.items() if isinstance(v, int | float)},
        "seconds": stage.get("seconds"),
    }


def _files(stages: Mapping[str, Any]) -> list[Data]:
    stage = stages.get("export", {})
    sizes = {file["path"]: file for file in stage.get("files", [])}
    found = []
    for artefact in stage.get("counts", {}).get("artefacts", []):
        file = sizes.get(artefact["path"], {})
        found.append(
            {
                "path": artefact["path"],
                "kind": artefact["kind"],
                "bytes": file.get("bytes"),
                "sha256": file.get("sha256", ""),
                "bits_per_weight": artefact.get("details", {}).get("bits_per_weight"),
            }
        )
    return found


def _metric(name: str, entry: Mapping[str, Any], sets: Sequence[Mapping[str, Any]]) -> Data:
    keys = ("value", "low", "high", "n", "target", "reached", "higher_is_better")
    found = {key: entry.get(key) for key in (*keys, "artefact", "test_set")}
    own = next((each for each in sets if _pair(each) == _pair(entry)), None)
    skipped = own["skipped"].get(base_name(name), {}) if own else entry.get("skipped", {})
    return {**found, "skipped": skipped, "rows": found["n"] + sum(skipped.values())}


def _pair(entry: Mapping[str, Any]) -> tuple[str, str]:
    return entry["artefact"], entry["test_set"]


def _groups(metrics: Mapping[str, Any], headline: tuple[str, str] | None) -> Data:
    """By grouping: the headline's metrics of each group."""
    found: Data = {}
    for key, title in (
        ("by_category", "category"),
        ("by_difficulty", "difficulty"),
        ("by_context_size", "context size"),
    ):
        table: dict[str, dict[str, Any]] = {}
        for name, entry in metrics.items():
            if (entry["artefact"], entry["test_set"]) != headline:
                continue
            for group, metric in entry.get(key, {}).items():
                table.setdefault(group, {})[base_name(name)] = metric
        if table:
            found[title] = table
    return found


def _deltas(
    registry: Registry, root: Path, stages: Mapping[str, Any], metrics: Mapping[str, Any]
) -> list[Data]:
    """Each metric on each file, with what a paired bootstrap says of it against the most exact."""
    rows = quantisation_deltas(metrics)
    folder = _folder_of(root, stages, "evaluate")
    verdicts: dict[tuple[str, str, str], Any] = {}
    for test_set in dict.fromkeys(row.test_set for row in rows):
        kinds = in_order({k for row in rows if row.test_set == test_set for k in row.values})
        paths = [folder / f"answers-{k}-{test_set}.jsonl" for k in kinds] if folder else []
        for kind, path in list(zip(kinds, paths, strict=False))[1:]:
            if paths[0].is_file() and path.is_file():
                for found in compare_files(registry, paths[0], path, only_rows=True):
                    verdicts[found.metric, test_set, kind] = found
    return [
        {
            "metric": row.metric,
            "test_set": row.test_set,
            "higher_is_better": row.higher_is_better,
            "files": [
                {
                    "artefact": kind,
                    "value": value,
                    "delta": None if kind == row.base else row.delta(kind),
                    "verdict": _verdict(verdicts.get((row.metric, row.test_set, kind))),
                }
                for kind, value in row.values.items()
            ],
        }
        for row in rows
    ]


def _verdict(found: Any) -> str:
    return "" if found is None else str(found.verdict)


def _latency(rows: Sequence[AnsweredRow]) -> Data | None:
    timed = [
        row.measurements["latency"]
        for row in rows
        if "latency" in row.measurements and row.measurements["latency"].weight > 0
    ]
    if not timed:
        return None
    return {
        "whole_ms": [m.value for m in timed],
        "first_token_ms": [m.detail["first_token_ms"] for m in timed],
        "tokens_per_second": [m.detail["tokens_per_second"] for m in timed],
    }


def _folder_of(root: Path, stages: Mapping[str, Any], stage: str) -> Path | None:
    """A stage's output folder. Raises `HeimdallError` for one that leads out of the run."""
    if stage not in stages:
        return None
    folder = (root / str(stages[stage]["folder"])).resolve()
    if not folder.is_relative_to(root):
        raise HeimdallError("leads out of the run's folder", where=f"{root.name}: {stage}")
    return folder

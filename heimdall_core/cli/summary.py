"""What a run came to, on a terminal: composition, loss curve, metrics, files, a few answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from heimdall_core.cli.common import human_bytes, human_seconds
from heimdall_core.pipeline.deltas import quantisation_deltas

_BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int = 60) -> str:
    """A line of block characters, one per bucket of values, highest as the tallest."""
    if not values:
        return ""
    width = min(width, len(values))
    edges = [i * len(values) // width for i in range(width + 1)]
    buckets = [values[start:end] for start, end in pairwise(edges)]
    means = [sum(bucket) / len(bucket) for bucket in buckets]
    low, high = min(means), max(means)
    span = (high - low) or 1.0
    return "".join(_BARS[min(7, int((mean - low) / span * 8))] for mean in means)


def metrics_table(metrics: Mapping[str, Any], *, own_gate: bool = True) -> Table:
    """Metrics with their 95 % intervals, targets and verdicts. Without `own_gate`, the targets that
    an evaluator has by itself stop nothing, and are shown as such."""
    table = Table(title="Metrics (95 % intervals)", title_justify="left")
    for column in ("metric", "value", "interval", "rows", "target", ""):
        table.add_column(column, justify="left" if column in ("metric", "") else "right")
    for name, entry in metrics.items():
        skipped = sum(entry.get("skipped", {}).values())
        verdict = {True: "[green]reached[/]", False: "[red]missed[/]", None: ""}[entry["reached"]]
        if verdict and not own_gate and not entry.get("demanded"):
            verdict = "reached (own)" if entry["reached"] else "[yellow]missed (own)[/]"
        table.add_row(
            name,
            _figure(entry["value"]),
            f"{_figure(entry['low'])} – {_figure(entry['high'])}",
            f"{entry['n']} of {entry['n'] + skipped}" if skipped else str(entry["n"]),
            _figure(entry["target"]),
            verdict,
        )
    return table


def skipped_lines(metrics: Mapping[str, Any]) -> list[str]:
    """A line for each metric that says nothing about some rows, with the reasons."""
    found = []
    for name, entry in metrics.items():
        if reasons := entry.get("skipped"):
            told = "; ".join(f"{count}: {reason}" for reason, count in reasons.items())
            found.append(f"{name}: {sum(reasons.values())} rows not measured ({told})")
    return found


def deltas_table(metrics: Mapping[str, Any]) -> Table | None:
    """What quantisation costs, or None where one file alone was measured."""
    rows = quantisation_deltas(metrics)
    if not rows:
        return None
    kinds = list(dict.fromkeys(kind for row in rows for kind in row.values))
    table = Table(title="From the most exact file to the smallest", title_justify="left")
    for column in ("metric", "test set", *kinds):
        table.add_column(column, justify="left" if column in ("metric", "test set") else "right")
    for row in rows:
        cells = []
        for kind in kinds:
            delta = row.delta(kind) if kind in row.values else None
            text = _figure(row.values.get(kind))
            cells.append(text if kind == row.base or delta is None else f"{text} ({delta:+.3f})")
        table.add_row(row.metric, row.test_set, *cells)
    return table


def proof_table(proof: Iterable[Mapping[str, Any]]) -> Table:
    """What was proved of each exported file."""
    table = Table(title="Proof", title_justify="left")
    for column in ("file", "check", "", "what was compared"):
        table.add_column(column)
    for check in proof:
        verdict = "[green]passes[/]" if check["passed"] else "[red]DIFFERS[/]"
        table.add_row(check["artefact"], check["name"], verdict, Text(check["detail"]))
    return table


def show_summary(out: Console, manifest: Mapping[str, Any], folder: Path) -> None:
    """Prints the end-of-run summary from a run's manifest."""
    stages = {stage["stage"]: stage for stage in manifest["stages"]}
    out.print()
    if "split" in stages:
        _composition(out, stages["split"]["counts"])
    if "train" in stages:
        _training(out, stages["train"])
    if "verify" in stages:
        out.print(proof_table(stages["verify"]["counts"]["proof"]))
    measured = {k: v for k, v in manifest["metrics"].items() if "test_set" in v}
    if measured:
        out.print(metrics_table(measured))
        first = {k: m for k, m in measured.items() if "@" not in k}  # the other files skip the same
        for line in skipped_lines(first):
            out.print(Text(line, style="dim"))
        if deltas := deltas_table(measured):
            out.print(deltas)
    if "evaluate" in stages:
        for label, count in stages["evaluate"]["counts"]["cut_off"].items():
            if count:
                out.print(f"[yellow]{count} answers cut off[/] ({label})")
    if "export" in stages:
        _files(out, stages["export"], folder)
    if "evaluate" in stages:
        for item in stages["evaluate"]["counts"].get("questions", ()):
            right = item["answer"].strip() == item["expected"].strip()
            out.print(Text(f"> {item['question']}", style="bold"))
            out.print(Text(f"  {item['answer']}", style="green" if right else "red"))
            if not right:
                out.print(Text(f"  expected: {item['expected']}", style="dim"))
    _stages(out, manifest)
    out.print(f"{folder}/manifest.json, {folder}/log.jsonl")


def _composition(out: Console, counts: Mapping[str, Any]) -> None:
    composition = counts["composition"]
    table = Table(title="Training rows by category", title_justify="left")
    for column in ("category", "rows", "share", ""):
        table.add_column(column, justify="right" if column in ("rows", "share") else "left")
    categories = composition["categories"]
    total = sum(categories.values()) or 1
    most = max(categories.values(), default=1)
    for name, count in sorted(categories.items(), key=lambda item: -item[1]):
        table.add_row(name, f"{count:,}", f"{count / total:.1%}", "█" * round(20 * count / most))
    out.print(table)
    parts = ", ".join(f"{name} {part['rows']:,}" for name, part in counts["parts"].items())
    out.print(
        f"rows: {parts}; {len(composition['families'])} families, "
        f"{len(composition['schemas'])} schemas in training"
    )


def _training(out: Console, stage: Mapping[str, Any]) -> None:
    losses = [h["loss"] for h in stage["counts"].get("history", ()) if "loss" in h]
    if losses:
        out.print(f"loss {losses[0]:.3f} {sparkline(losses)} {losses[-1]:.3f}")
    values = {name: entry["value"] for name, entry in stage["metrics"].items()}
    shown = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
    out.print(shown, style="dim")


def _files(out: Console, stage: Mapping[str, Any], folder: Path) -> None:
    table = Table(title="Files", title_justify="left")
    for column in ("file", "size", "bits per weight", "sha256"):
        table.add_column(
            column, justify="right" if column in ("size", "bits per weight") else "left"
        )
    details = {a["path"]: a["details"] for a in stage["counts"]["artefacts"]}
    for file in stage["files"]:
        if file["path"] not in details:
            continue
        bits = details[file["path"]].get("bits_per_weight")
        table.add_row(
            f"{folder}/{stage['folder']}/{file['path']}",
            human_bytes(file["bytes"]),
            "–" if bits is None else f"{bits:.2f}",
            file["sha256"][:12] + "…",
        )
    out.print(table)


def _stages(out: Console, manifest: Mapping[str, Any]) -> None:
    parts = [
        f"{stage['stage']} {'cached' if stage['cached'] else human_seconds(stage['seconds'])}"
        for stage in manifest["stages"]
    ]
    out.print("stages: " + ", ".join(parts), style="dim")


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"

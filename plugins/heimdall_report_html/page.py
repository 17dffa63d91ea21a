"""The page: one file with its style, its script and its pictures inside, that asks nobody for
anything."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from heimdall_core.cli.common import human_seconds
from heimdall_report_html.answers import answers_section
from heimdall_report_html.figures import data_figures, failure_figures, latency_figure, loss_figures
from heimdall_report_html.parts import (
    badge,
    base_name,
    card,
    change,
    facts,
    figure,
    interval,
    listing,
    rows_of,
    size,
    table,
    text,
)
from heimdall_report_html.standing import verdicts
from heimdall_report_html.taxonomy import Counts, counts_of

Data = dict[str, Any]

#: Nothing may be loaded from anywhere: a row of the data set that tries to is held back by the
#: browser as well as by escaping.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)


def page(data: Data) -> str:
    """The whole page, from what `collect` gives."""
    sections = [
        ("results", "Results", _results(data)),
        ("groups", "By group", _groups(data)),
        ("files", "Files", _files(data)),
        ("data", "Data", _dataset(data)),
        ("training", "Training", _training(data)),
        ("failures", "Failures", _failures(data)),
        ("answers", "Answers", answers_section(data["answers"], data["sets"])),
        ("run", "Run", _run(data)),
    ]
    kept = [(name, title, html) for name, title, html in sections if html]
    links = "".join(f'<a href="#{name}">{text(title)}</a>' for name, title, _ in kept)
    body = "".join(f'<section id="{n}"><h2>{text(t)}</h2>{h}</section>' for n, t, h in kept)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<title>{text(data['name'])} · Heimdall report</title>"
        f"<style>{_resource('page.css')}</style></head><body>"
        f'{_top(data)}<nav><div><span class="links">{links}</span>'
        '<button id="theme" type="button" aria-label="Switch between light and dark">Dark</button>'
        f"</div></nav><main>{body}</main>"
        f"<footer>Made by Heimdall {text(data['versions'].get('heimdall-slm', ''))} from the run "
        f"<code>{text(data['name'])}</code>, finished {text(data['finished'])}.</footer>"
        f"<script>{_resource('page.js')}</script></body></html>\n"
    )


def _resource(name: str) -> str:
    return files("heimdall_report_html").joinpath(name).read_text(encoding="utf-8")


def _top(data: Data) -> str:
    model = data["model"]
    about = facts(
        [
            ("Base model", model["base_model"]),
            ("Trainer", model["trainer"]),
            ("Architecture", _architecture(model["architecture"])),
            ("Licence", model["licence"]),
            ("Author", model["author"]),
            ("Data", _parts(data["dataset"]["parts"])),
            ("Data licences", listing(data["dataset"]["licences"])),
        ]
    )
    return (
        f'<header class="top"><h1>{text(data["name"])}</h1>'
        f'<p class="lead">{text(data["description"])}</p>{_verdict(data)}'
        f"{card('', about)}</header>"
    )


def _verdict(data: Data) -> str:
    badges = " ".join(badge(words, kind) for words, kind in verdicts(data))
    return f'<p class="verdicts">{badges}</p>' if badges else ""


def _architecture(found: Data) -> str:
    parts = [str(found["architecture"])] if "architecture" in found else []
    if "parameters" in found:
        parts.append(f"{found['parameters']:,} parameters")
    if "vocabulary" in found:
        parts.append(f"{found['vocabulary']:,} tokens")
    if "context_length" in found:
        parts.append(f"context {found['context_length']:,}")
    return ", ".join(parts)


def _parts(parts: dict[str, int]) -> str:
    return ", ".join(f"{name} {rows:,}" for name, rows in parts.items())


# --- results -------------------------------------------------------------------------------------


def _results(data: Data) -> str:
    if not data["metrics"]:
        return card("", '<p class="empty">This run has not been evaluated.</p>')
    head = data["headline"]
    tiles = "".join(
        _tile(name, metric)
        for name, metric in data["metrics"].items()
        if {"artefact": metric["artefact"], "test_set": metric["test_set"]} == head
    )
    rows = [
        (
            text(base_name(name)),
            text(metric["artefact"]),
            text(metric["test_set"]),
            figure(metric["value"], name),
            interval(metric, name),
            rows_of(metric),
            figure(metric["target"], name) if metric["target"] is not None else "",
            _reached(metric["reached"]),
        )
        for name, metric in data["metrics"].items()
    ]
    heads = ("metric", "file", "test set", "value", "95 % interval", "rows", "target", "")
    whole = table(heads, rows, numbers=(3, 4, 5, 6))
    cut = {label: n for label, n in data["cut_off"].items() if n}
    ended = f"Answers cut off: {listing(cut)}." if cut else "Every answer ended by itself."
    latency = latency_figure(data["latency"])
    return (
        f'<p class="note">{text(head["artefact"])} on {text(head["test_set"])}; 95 % intervals.</p>'
        f'<div class="tiles">{tiles}</div>'
        f"{_deltas(data)}"
        + (f'<div class="grid">{card("Latency", latency)}</div>' if latency else "")
        + card(
            "Every file and test set",
            f'<details class="plain"><summary>{len(rows)} figures</summary>{whole}</details>',
            f'<p class="note">{text(ended)}</p>',
        )
    )


def _tile(name: str, metric: Data) -> str:
    return (
        f'<div class="card tile"><div class="name">{text(name)}</div>'
        f'<div class="value">{figure(metric["value"], name)}</div>'
        f'<div class="range">{interval(metric, name)} · {rows_of(metric)} rows</div>'
        f"{_target(name, metric)}</div>"
    )


def _target(name: str, metric: Data) -> str:
    if metric["target"] is None:
        return ""
    sign = "≥" if metric["higher_is_better"] else "≤"
    kind = {True: "good", False: "bad", None: ""}[metric["reached"]]
    return badge(f"{sign} {figure(metric['target'], name)}", kind)


def _reached(reached: bool | None) -> str:
    return {True: badge("reached", "good"), False: badge("missed", "bad"), None: ""}[reached]


def _deltas(data: Data) -> str:
    """A card for each test set."""
    cards = []
    for test_set in dict.fromkeys(row["test_set"] for row in data["deltas"]):
        found = [row for row in data["deltas"] if row["test_set"] == test_set]
        kinds = list(dict.fromkeys(f["artefact"] for row in found for f in row["files"]))
        rows = []
        for row in found:
            by_kind = {file["artefact"]: file for file in row["files"]}
            cells = (_delta(row["metric"], by_kind.get(kind)) for kind in kinds)
            rows.append([text(row["metric"]), *cells])
        whole = table(("metric", *kinds), rows, numbers=range(1, 1 + len(kinds)))
        cards.append(card(f"What quantisation costs, on {test_set}", whole))
    if not cards:
        return ""
    note = (
        '<p class="note">Differences from the first file. A paired bootstrap over the same rows '
        "says whether a file is better or worse, or that it can't be told; latencies are those of "
        "the machine at that moment.</p>"
    )
    return "".join(cards) + note


def _delta(metric: str, file: Data | None) -> str:
    if file is None:
        return ""
    value = figure(file["value"], metric)
    if file["delta"] is None:
        return value
    kind = {"better": "good", "worse": "bad"}.get(file["verdict"], "")
    words = f"{change(file['delta'], metric)} {file['verdict']}".strip()
    return f"{value}<br>{badge(words, kind)}"


# --- groups --------------------------------------------------------------------------------------


def _groups(data: Data) -> str:
    better = {base_name(name): m["higher_is_better"] for name, m in data["metrics"].items()}
    own = _heats(data["groups"], better)
    others = "".join(
        '<details class="plain"><summary>'
        f"{text(test_set)}</summary>{_heats(groups, better)}</details>"
        for test_set, groups in data["other_groups"].items()
        if groups
    )
    if not own and not others:
        return ""
    note = (
        '<p class="note"><span class="legend"></span> The stronger the better, in each '
        "column by itself: shares from 0 to 1, other figures from the worst group to the best.</p>"
    )
    return note + own + others


def _heats(found: Data, better: Data) -> str:
    return "".join(
        _heat(title, groups, better)
        for title, groups in found.items()
        if len(groups) > 1 or title == "category"
    )


def _heat(title: str, groups: Data, better: Data) -> str:
    metrics = list(dict.fromkeys(name for found in groups.values() for name in found))
    head = "".join(f'<th class="h">{text(name)}</th>' for name in metrics)
    scales = {name: _scale(groups, name, higher=better.get(name, True)) for name in metrics}
    body = ""
    for group, found in groups.items():
        cells = "".join(_heat_cell(name, found.get(name), *scales[name]) for name in metrics)
        body += f"<tr><td class='name'>{text(group)}</td>{cells}</tr>"
    return card(
        f"By {title}",
        '<div class="scroll"><table class="heat"><thead>'
        f"<tr><th>{text(title)}</th>{head}</tr></thead><tbody>{body}</tbody></table></div>",
    )


def _scale(groups: Data, name: str, *, higher: bool) -> tuple[float, float]:
    """What is empty and what is full: the worst and the best value there can be for shares, else
    the worst and the best in the column. The worse end is the first, whichever way the metric
    goes."""
    values = [
        f[name]["value"] for f in groups.values() if name in f and f[name]["value"] is not None
    ]
    if all(0 <= value <= 1 for value in values):
        return (0.0, 1.0) if higher else (1.0, 0.0)
    # A little beyond the worst: values that are almost the same have almost the same colour.
    return (min(values) * 0.9, max(values)) if higher else (max(values) * 1.1, min(values))


def _heat_cell(name: str, metric: Data | None, worst: float, best: float) -> str:
    if metric is None or metric["value"] is None or not metric["n"]:
        return '<td class="h none">–</td>'
    share = (metric["value"] - worst) / (best - worst) if best != worst else 0.0
    words = f"{interval(metric, name)}, {metric['n']} rows"
    value = figure(metric["value"], name)
    return f'<td class="h" style="--v:{share:.3f}" title="{text(words)}">{value}</td>'


# --- the rest ------------------------------------------------------------------------------------


def _files(data: Data) -> str:
    if not data["files"]:
        return ""
    rows = [
        (
            f"<code>{text(file['path'])}</code>",
            text(file["kind"]),
            size(file["bytes"]),
            "–" if file["bits_per_weight"] is None else f"{file['bits_per_weight']:.2f}",
            f"<code>{text(file['sha256'][:16])}…</code>",
        )
        for file in data["files"]
    ]
    heads = ("file", "kind", "size", "bits per weight", "SHA-256")
    found = card("", table(heads, rows, numbers=(2, 3)))
    if data["proof"]:
        proof = [
            (
                text(check["artefact"]),
                text(check["name"]),
                badge("passed", "good") if check["passed"] else badge("differs", "bad"),
                text(check["detail"]),
            )
            for check in data["proof"]
        ]
        found += card(
            "Proof that the files are the trained model",
            table(("file", "check", "", "what was compared"), proof),
        )
    return found


def _dataset(data: Data) -> str:
    dataset = data["dataset"]
    if not dataset["parts"]:
        return ""
    about = facts(
        [
            ("Rows", _parts(dataset["parts"])),
            ("Sources", listing(dataset["sources"])),
            ("Licences", listing(dataset["licences"])),
            ("Template families", dataset["families"]),
            ("Schemas in training", ", ".join(dataset["schemas"])),
            ("Schemas kept for the test", ", ".join(dataset["unseen_schemas"])),
            ("Rejected when generated", f"{dataset['rejected']:,}"),
            ("Removed by curation", listing(dataset["removed"]) or "0"),
            ("Prompts in more than one part", f"{dataset['leaks']:,}"),
        ]
    )
    return card("", about) + _grid(data_figures(dataset))


def _training(data: Data) -> str:
    training = data["training"]
    if not training["metrics"] and not training["history"]:
        return ""
    about = facts(
        [
            *((name, figure(value)) for name, value in training["metrics"].items()),
            *((name.replace("_", " "), f"{n:,}") for name, n in training["counts"].items()),
            ("time", human_seconds(training["seconds"])),
        ]
    )
    return _grid(loss_figures(training["history"])) + card("", about)


def _failures(data: Data) -> str:
    """Plots of the first file on each test set, and tables with every file."""
    plots = []
    for test_set in dict.fromkeys(each["test_set"] for each in data["sets"]):
        first = next(each for each in data["sets"] if each["test_set"] == test_set)
        plots += failure_figures(first["failures"], f"{first['artefact']} on {test_set}")
    tables = [
        _counts(f"Why answers are wrong, on {found.test_set}", "cause", found)
        for found in counts_of(data["sets"], "failures")
    ]
    tables += [
        _counts(f"Rows that were not measured, on {found.test_set}", "reason", found)
        for found in counts_of(data["sets"], "skipped")
    ]
    return _grid(plots) + "".join(tables)


def _counts(title: str, what: str, found: Counts) -> str:
    rows = [
        (text(metric), text(words.replace("_", " ")), *(f"{n:,}" for n in counts))
        for metric, words, counts in found.rows
    ]
    heads = ("metric", what, *found.artefacts)
    return card(title, table(heads, rows, numbers=range(2, 2 + len(found.artefacts))))


def _grid(figures: list[tuple[str, str]]) -> str:
    inner = "".join(card(title, svg) for title, svg in figures)
    return f'<div class="grid">{inner}</div>' if inner else ""


def _run(data: Data) -> str:
    rows = [
        (
            text(stage["stage"]),
            human_seconds(stage["seconds"]),
            size(stage["peak_bytes"]),
            "<br>".join(text(note) for note in stage["notes"]),
        )
        for stage in data["stages"]
    ]
    settings = facts(
        (name, value if not isinstance(value, list) else ", ".join(map(str, value)))
        for name, value in data["model"]["settings"].items()
    )
    versions = facts(data["versions"].items())
    return (
        card("Stages", table(("stage", "time", "peak memory", "notes"), rows, numbers=(1, 2)))
        + f'<div class="grid">{card("Training settings", settings)}'
        f"{card('Versions', versions, _git(data['git']))}</div>"
    )


def _git(commit: str) -> str:
    return f'<p class="note">Commit <code>{text(commit)}</code></p>' if commit else ""

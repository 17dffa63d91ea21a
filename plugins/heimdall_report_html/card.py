"""A model card in Markdown, from the data that the page is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from heimdall_report_html.parts import base_name, change, figure, interval, listing, rows_of, size
from heimdall_report_html.standing import verdicts
from heimdall_report_html.taxonomy import counts_of

Data = dict[str, Any]


def model_card(data: Data) -> str:
    """The card: front matter as model hubs read it, then what the model is, from what, and how
    good."""
    model, dataset = data["model"], data["dataset"]
    base = model["base_model"]
    lines = ["---", f"license: {_yaml(model['licence'])}"]
    if not base.startswith("none"):
        lines.append(f"base_model: {_yaml(base)}")
    lines += ["tags:", "- heimdall", "- gguf", "---", "", f"# {_plain(data['name'])}", ""]
    if data["description"]:
        lines += [_plain(data["description"]), ""]
    lines += _facts(
        [
            ("Base model", base),
            ("Trainer", model["trainer"]),
            ("Licence", model["licence"]),
            ("Author", model["author"]),
            ("Data", ", ".join(f"{name} {rows:,}" for name, rows in dataset["parts"].items())),
            ("Data licences", listing(dataset["licences"])),
            ("Sources", listing(dataset["sources"])),
            ("Schemas kept for the test", ", ".join(dataset["unseen_schemas"])),
            ("Seed", model["seed"]),
            ("Finished", data["finished"]),
        ]
    )
    lines += _results(data) + _deltas(data) + _files(data) + _causes(data)
    lines += ["## Made with", ""]
    lines += _table(("package", "version"), [(n, v) for n, v in data["versions"].items()])
    return "\n".join(lines).rstrip() + "\n"


def _results(data: Data) -> list[str]:
    if not data["metrics"]:
        return []
    rows = [
        (
            base_name(name),
            m["artefact"],
            m["test_set"],
            figure(m["value"], name),
            interval(m, name),
            rows_of(m),
            "" if m["target"] is None else figure(m["target"], name),
            {True: "reached", False: "missed", None: ""}[m["reached"]],
        )
        for name, m in data["metrics"].items()
    ]
    heads = ("metric", "file", "test set", "value", "95 % interval", "rows", "target", "")
    told = [f"- {_plain(words)}" for words, _ in verdicts(data)]
    return ["## Results", "", *told, *[""] * bool(told), *_table(heads, rows)]


def _deltas(data: Data) -> list[str]:
    if not data["deltas"]:
        return []
    kinds = [f["artefact"] for f in max(data["deltas"], key=lambda r: len(r["files"]))["files"]]
    rows = []
    for row in data["deltas"]:
        found = {file["artefact"]: file for file in row["files"]}
        cells = [row["metric"], row["test_set"]]
        for kind in kinds:
            file = found.get(kind)
            words = "" if file is None else figure(file["value"], row["metric"])
            if file and file["delta"] is not None:
                words += f" ({change(file['delta'], row['metric'])}, {file['verdict']})"
            cells.append(words)
        rows.append(cells)
    return ["## What quantisation costs", "", *_table(("metric", "test set", *kinds), rows)]


def _files(data: Data) -> list[str]:
    rows = [(f["path"], f["kind"], size(f["bytes"]), f["sha256"]) for f in data["files"]]
    return ["## Files", "", *_table(("file", "kind", "size", "SHA-256"), rows)] if rows else []


def _causes(data: Data) -> list[str]:
    lines = []
    for kind, title, what in (
        ("failures", "Why answers are wrong", "cause"),
        ("skipped", "Rows that were not measured", "reason"),
    ):
        for found in counts_of(data["sets"], kind):
            rows = [
                (metric, words.replace("_", " "), *map(str, counts))
                for metric, words, counts in found.rows
            ]
            lines += [f"## {title}, on {_plain(found.test_set)}", ""]
            lines += _table(("metric", what, *found.artefacts), rows)
    return lines


def _facts(pairs: Iterable[tuple[str, Any]]) -> list[str]:
    return [*(f"- {name}: {_plain(value)}" for name, value in pairs if value not in (None, "")), ""]


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [" | ".join(heads), " | ".join("---" for _ in heads)]
    lines += [" | ".join(_plain(cell).replace("|", "\\|") for cell in row) for row in rows]
    return [*(f"| {line} |" for line in lines), ""]


def _plain(value: Any) -> str:
    """One line in which nothing is Markdown or HTML that was not meant."""
    words = " ".join(str(value).split())
    for mark in ("\\", "`", "*", "_", "[", "]", "<", ">"):
        words = words.replace(mark, "\\" + mark)
    return words


def _yaml(value: str) -> str:
    import json

    return json.dumps(value)

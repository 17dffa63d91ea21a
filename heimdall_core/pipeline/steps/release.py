"""What goes beside exported files: a model card, their SHA-256 sums, the base model's licence."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from heimdall_core.dataset import atomic_text
from heimdall_core.pipeline.store import digest_file
from heimdall_core.types import Artefact, Json

#: Files of a model directory that say on what terms it may be used.
_LICENCES: Final = ("LICENSE*", "LICENCE*", "NOTICE*", "COPYING*", "USE_POLICY*")


def model_metadata(model: Path) -> dict[str, Any]:
    """What a model directory says of its own origin (heimdall.json, training.json), as an
    exporter's metadata; empty where it says nothing."""
    found: dict[str, Any] = {}
    facts = _json(model / "heimdall.json")
    for key in ("licence", "author", "description", "recipe_hash", "datasets"):
        if facts.get(key):
            found[key] = facts[key]
    if facts.get("base_licence"):
        found.setdefault("licence", facts["base_licence"])
    base = facts.get("base_model") or facts.get("base") or facts.get("base_path")
    if isinstance(base, str) and base:
        found["base_model"] = base
    training = _json(model / "training.json")
    metrics = facts.get("metrics") or training.get("metrics")
    if isinstance(metrics, dict):
        found["metrics"] = metrics
    if languages := _texts(training.get("languages")):
        found["languages"] = languages
    return found


def write_release_notes(
    folder: Path, artefacts: Sequence[Artefact], model: Path, metadata: Json, prefix: str = ""
) -> list[Path]:
    """Writes README.md, SHA256SUMS and the licence files into `folder`; returns what it wrote.

    `prefix` goes in front of the names, for a folder that holds other things as well.
    """
    written = []
    files = [path for a in artefacts for path in _files(a.path)]
    card = folder / f"{prefix}README.md"
    with atomic_text(card) as file:
        file.write(model_card(artefacts, folder, metadata, f"{prefix}SHA256SUMS"))
    written.append(card)
    for source in licence_files(model):
        target = folder / f"{prefix}{source.name}"
        if not target.exists():
            shutil.copyfile(source, target)
            written.append(target)
    sums = folder / f"{prefix}SHA256SUMS"
    with atomic_text(sums) as file:
        for path in sorted([*files, *written]):
            file.write(f"{digest_file(path)}  {path.relative_to(folder).as_posix()}\n")
    return [*written, sums]


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())


def licence_files(model: Path) -> list[Path]:
    """The licence of a model, from its directory, else from its base model's."""
    facts = {**_json(model / "adapter_config.json"), **_json(model / "heimdall.json")}
    named = [facts.get(key) for key in ("base_path", "base_model", "base_model_name_or_path")]
    for folder in (model, *(Path(name) for name in named if isinstance(name, str) and name)):
        if folder.is_dir():
            found = sorted({p for glob in _LICENCES for p in folder.glob(glob) if p.is_file()})
            if found:
                return found
    return []


def model_card(
    artefacts: Sequence[Artefact], folder: Path, metadata: Json, sums: str = "SHA256SUMS"
) -> str:
    """A card with what is known, in the form that the Hugging Face hub reads; `sums` is the name
    of the file with the sums."""
    name = str(metadata.get("name") or "model")
    lines = ["---"]
    if licence := metadata.get("licence"):
        lines.append(f"license: {json.dumps(str(licence).lower())}")
    base = str(metadata.get("base_model") or "")
    if base and not Path(base).is_absolute():
        lines.append(f"base_model: {json.dumps(base)}")
    lines += ["language: [en]", "pipeline_tag: text-generation"]
    tags = (*_texts(metadata.get("languages")), "nornicdb", "heimdall", "gguf")
    lines += [f"tags: [{', '.join(json.dumps(tag) for tag in tags)}]", "---", "", f"# {name}", ""]
    lines.append(str(metadata.get("description") or "A small language model for a graph database."))
    lines += ["", "| file | kind | size | bits per weight |", "|---|---|---|---|"]
    for artefact in artefacts:
        path = artefact.path.relative_to(folder).as_posix()
        bits = artefact.details.get("bits_per_weight", "–")
        size = sum(part.stat().st_size for part in _files(artefact.path))
        lines.append(f"| `{path}` | {artefact.kind} | {size / 1e6:,.1f} MB | {bits} |")
    lines += ["", f"The sums of all files are in `{sums}` (`sha256sum -c {sums}`)."]
    lines += _facts(metadata)
    lines += [
        "",
        "## Prompt",
        "",
        "ChatML, as NornicDB writes it; temperature 0 to 0.1; text in Unicode NFC.",
        "",
        "```",
        "<|im_start|>user",
        "Find all people who know Ada.<|im_end|>",
        "<|im_start|>assistant",
        "```",
        "",
        "## Use",
        "",
        "```",
        "heimdall chat FILE.gguf",
        "heimdall deploy FILE.gguf --target NORNICDB-FOLDER",
        "heimdall serve FILE.gguf",
        "```",
        "",
    ]
    return "\n".join(lines)


def _facts(metadata: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    rows = [
        ("base model", _named(str(metadata.get("base_model") or ""))),
        ("licence", metadata.get("licence")),
        ("author", metadata.get("author")),
        ("recipe", metadata.get("recipe_hash")),
    ]
    told = [(what, value) for what, value in rows if value]
    if told:
        lines += ["", "## Origin", "", "| | |", "|---|---|"]
        lines += [f"| {what} | {_cell(value)} |" for what, value in told]
    datasets = metadata.get("datasets") or []
    if datasets:
        lines += ["", "| dataset | SHA-256 |", "|---|---|"]
        lines += [f"| {_cell(d['name'])} | `{d['sha256']}` |" for d in datasets]
    metrics = metadata.get("metrics") or {}
    if metrics:
        lines += ["", "| figure | value |", "|---|---|"]
        lines += [f"| {_cell(key)} | {_figure(value)} |" for key, value in metrics.items()]
    return lines


def _named(base: str) -> str:
    return Path(base).name if base and Path(base).is_absolute() else base


def _figure(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else _cell(value)


def _cell(value: Any) -> str:
    """Text inside a table's cell; a name must not become markup."""
    return re.sub(r"[|`\n\r<>]", " ", str(value))


def _texts(value: object) -> list[str]:
    """A list of texts from somebody's JSON; what is none is left out."""
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}

"""Model directory in, GGUF files out: everything is checked before work starts, files appear
under their names when all of them are complete, and every one with what it really takes.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from heimdall_core.errors import ModelError
from heimdall_core.types import Artefact, Event, ExportContext
from heimdall_export_gguf.importance import (
    Importance,
    calibration_texts,
    check_fits,
    collect,
    read_importance,
    write_importance,
)
from heimdall_export_gguf.metadata import KNOWN, general_values, safe_name
from heimdall_export_gguf.model_directory import open_model_directory
from heimdall_export_gguf.options import GGUFOptions
from heimdall_export_gguf.planning import (
    architecture_values,
    dimensions,
    find_architecture,
    planned_tensors,
)
from heimdall_export_gguf.quant_types import FLOAT_TYPES, NEED_IMPORTANCE, canonical_type
from heimdall_export_gguf.quantise import Preview, importance_needed, preview, quantise
from heimdall_export_gguf.vocabulary import read_vocabulary
from heimdall_export_gguf.write import Plan, write_float
from heimdall_run_llamacpp.cores import available_cores
from heimdall_run_llamacpp.gguf_file import read_gguf

#: Bytes per weight that a type takes at least; for the check of free disk space.
_LEAST_BYTES: Final = {"F32": 4.0, "F16": 2.0, "BF16": 2.0, "Q8_0": 1.06}
_LEAST_OTHERWISE: Final = 0.25

_STAGE: Final = "export"


def export(context: ExportContext, options: GGUFOptions) -> list[Artefact]:
    """Writes one file per type in `options.quant_types`, in their order.

    Quantised types are made of a temporary file in the type that holds every weight exactly (F32
    where the model's types are mixed): going by way of F16 would round twice. Raises `ModelError`,
    before any work where that is possible; then no file has appeared.
    """
    types = [canonical_type(name) for name in options.quant_types]
    for kind in types:
        if kind in NEED_IMPORTANCE and options.importance == "none":
            raise importance_needed(kind)
    plan = _plan(context, options)
    importance = None
    if options.importance not in ("auto", "collect", "none"):
        importance = read_importance(Path(options.importance))
        check_fits(importance, {name: source.shape for name, source in plan.tensors})
    targets = _targets(context, options, types, str(plan.general["general.name"]))
    folder = _workspace(targets[0].parent)
    try:
        _check_space(folder, plan, types)
        made = [folder / target.name for target in targets]
        _write_all(context, options, plan, types, made, folder, importance)
        artefacts = [
            _artefact(part, target, kind, plan.exact_type)
            for part, target, kind in zip(made, targets, types, strict=True)
        ]
        for part, target in zip(made, targets, strict=True):
            part.replace(target)
        return artefacts
    except OSError as error:
        where = error.filename or folder.parent
        raise ModelError(f"the export failed: {error.strerror}", where=str(where)) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _plan(context: ExportContext, options: GGUFOptions | None = None) -> Plan:
    options = options or GGUFOptions()
    model = open_model_directory(context.model, options.base)
    architecture = find_architecture(model)
    vocabulary = read_vocabulary(model, dimensions(model)["vocab"], options.contract)
    notes = list(vocabulary.notes)
    if model.adapter:
        notes.insert(0, f"{model.adapter.kind} is merged into {model.adapter.base.name} on the fly")
    general = dict(general_values(context.metadata, context.model.resolve().name))
    if options.contract == "chatml" and (name := safe_name(general["general.name"])):
        notes.append(
            f"the name in the file is '{name}': llama.cpp lets special tokens of models called"
            " phi-3 swallow the line end that follows them"
        )
        general["general.name"] = name
    for key in sorted(context.metadata.keys() - KNOWN):
        context.emit(
            Event(kind="warning", stage=_STAGE, message=f"metadata '{key}' has no place in a GGUF")
        )
    for note in notes:
        context.emit(Event(kind="note", stage=_STAGE, message=note))
    return Plan(
        architecture=architecture.name,
        values=architecture_values(architecture, model),
        vocabulary=vocabulary,
        tensors=planned_tensors(architecture, model),
        general=general,
    )


def _targets(
    context: ExportContext, options: GGUFOptions, types: Sequence[str], name: str
) -> list[Path]:
    if context.output.suffix == ".gguf":
        if len(types) > 1:
            raise ModelError(
                f"{len(types)} types cannot go into one file",
                where=str(context.output),
                hint="name a folder, or ask for one type",
            )
        targets = [context.output]
    else:
        stem = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "model"
        targets = [
            context.output / options.file_name.format(name=stem, type=kind) for kind in types
        ]
    for target in targets:
        if target.is_dir() or (target.exists() and not options.overwrite):
            raise ModelError(
                "exists already", where=str(target), hint="remove it, or set overwrite"
            )
    return targets


def _workspace(folder: Path) -> Path:
    """A hidden folder beside the targets, so that a finished file is renamed, not copied."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=".export-", dir=folder))
    except OSError as error:
        raise ModelError(f"cannot be written: {error.strerror}", where=str(folder)) from error


def _check_space(folder: Path, plan: Plan, types: Sequence[str]) -> None:
    per_weight = sum(_LEAST_BYTES.get(kind, _LEAST_OTHERWISE) for kind in types)
    if _needs_source(types) and plan.exact_type not in types:
        per_weight += _LEAST_BYTES[plan.exact_type]
    needed = int(plan.parameters * per_weight)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ModelError(
            f"at least {needed / 1e6:,.1f} MB are needed, {free / 1e6:,.1f} MB are free",
            where=str(folder.parent),
        )


def _needs_source(types: Sequence[str]) -> bool:
    return any(kind not in FLOAT_TYPES for kind in types)


def _write_all(
    context: ExportContext,
    options: GGUFOptions,
    plan: Plan,
    types: Sequence[str],
    made: Sequence[Path],
    folder: Path,
    importance: Importance | None,
) -> None:
    exact = plan.exact_type
    source = made[types.index(exact)] if exact in types else folder / f"source-{exact}"
    if _needs_source(types):
        write_float(plan, source, exact, _progress(context, plan, exact))
    for kind, part in zip(types, made, strict=True):
        if part.exists():
            continue  # the exact file, which the others are made of
        if kind in FLOAT_TYPES:
            write_float(plan, part, kind, _progress(context, plan, kind))
            continue
        if importance is None and _collects(options, kind):
            texts = calibration_texts(context)
            importance = collect(source, texts, context)
            note = f"importance of every input measured on {importance.tokens:,} tokens"
            context.emit(Event(kind="note", stage=_STAGE, message=note))
            if options.save_importance:
                write_importance(importance, Path(options.save_importance))
        used = importance if kind in NEED_IMPORTANCE or options.importance != "auto" else None
        coming = preview(source, kind, used)
        if coming.fallbacks:
            message = explain(kind, coming)
            context.emit(Event(kind="note", stage=_STAGE, message=message))
        quantise(source, part, kind, options.threads or available_cores(), used)


def _collects(options: GGUFOptions, kind: str) -> bool:
    return options.importance == "collect" or (
        options.importance == "auto" and kind in NEED_IMPORTANCE
    )


def _progress(context: ExportContext, plan: Plan, kind: str) -> Callable[[int], None]:
    def report(done: int) -> None:
        context.emit(Event("progress", _STAGE, kind, done=done, total=plan.parameters))

    return report


def explain(kind: str, coming: Preview) -> str:
    """Why a file will not be all of the type that was asked for, and what it will come to."""
    first = coming.fallbacks[0]
    taken = sorted({fallback.taken for fallback in coming.fallbacks})
    return (
        f"{kind}: {len(coming.fallbacks)} tensors have rows that its blocks of {first.block} values"
        f" do not divide ({first.tensor}: {first.width}); llama.cpp stores them as"
        f" {', '.join(taken)} instead, which makes {coming.bits_per_weight:.2f} bits per weight."
        " A hidden size that is a multiple of 256 avoids it"
    )


def _artefact(part: Path, target: Path, kind: str, exact: str) -> Artefact:
    header = read_gguf(part)
    with part.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())  # before it is renamed
    return Artefact(
        path=target,
        kind=f"gguf:{kind}",
        details={
            "bytes": header.size,
            "sha256": digest,
            "parameters": header.parameters,
            "bits_per_weight": round(header.bits_per_weight, 3),
            "intermediate": "none" if kind in FLOAT_TYPES else exact,
        },
    )

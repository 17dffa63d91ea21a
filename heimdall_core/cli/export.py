"""`heimdall export` and `verify`: exporters and their proofs on plain files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs
import click

from heimdall_core.cli.common import (
    console,
    human_bytes,
    json_option,
    print_json,
    progress,
    settings_table,
)
from heimdall_core.cli.common import registry as plugins_of_call
from heimdall_core.cli.models import model_dir_option, rows_of
from heimdall_core.errors import FindingsError, HeimdallError, did_you_mean
from heimdall_core.pipeline.steps.export import export_model, metric_changes, verify_artefact
from heimdall_core.pipeline.steps.release import (
    licence_files,
    model_metadata,
    write_release_notes,
)
from heimdall_core.registry import Registry
from heimdall_core.structure import structure, unstructure
from heimdall_core.types import Check

_file = click.Path(path_type=Path)

#: Rows that importance is measured on.
_CALIBRATION_ROWS = 200


def _list_types(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    """Prints the types of every exporter that has any, and stops."""
    if not value or ctx.resilient_parsing:
        return
    plugins = plugins_of_call()
    for exporter in plugins.names("exporter"):
        plugin = plugins.exporter(exporter)
        if plugin.formats is not None:
            for name, text in plugin.formats().items():
                click.echo(f"{name:<10} {text}")
    ctx.exit()


@click.command("export")
@click.option(
    "--list",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_types,
    help="List the quantisation types and stop.",
)
@model_dir_option
@click.option("--output", type=_file, required=True, help="A .gguf file, or a folder for several.")
@click.option("--quant-type", "quant_types", multiple=True, help="Such as Q4_K_M; repeatable.")
@click.option("--exporter", default="gguf", show_default=True, help="Exporter plugin.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Exporter's option.")
@click.option("--base", type=_file, help="An adapter's base model; by default the one it names.")
@click.option("--calibration", type=_file, help="Rows to measure importance on (JSONL).")
@click.option("--name", help="Name written into the file; by default the model folder's.")
@click.option("--licence", default="", help="SPDX licence written into the file.")
@click.option("--author", default="", help="Author written into the file.")
@click.option("--verify/--no-verify", "proof", default=True, help="Prove the files; default on.")
@json_option
def export(
    model_dir: Path,
    output: Path,
    quant_types: tuple[str, ...],
    exporter: str,
    settings: tuple[str, ...],
    base: Path | None,
    calibration: Path | None,
    name: str | None,
    licence: str,
    author: str,
    proof: bool,
    as_json: bool,
) -> None:
    """Export a trained model, and prove that the files are the model. What fails its proof does
    not appear under its name."""
    plugins = plugins_of_call()
    if base is not None:
        settings = (*settings, f"base={json.dumps(str(base.resolve()))}")
    options = _exporter_options(plugins, exporter, quant_types, settings)
    metadata = {
        "name": name or model_dir.resolve().name,
        **model_metadata(model_dir),
        **({"licence": licence} if licence else {}),
        **({"author": author} if author else {}),
    }
    rows = rows_of(calibration, _CALIBRATION_ROWS) if calibration else []
    if output.is_file() or (output.is_dir() and any(output.iterdir())):
        raise HeimdallError(
            "is there already", where=str(output), hint="name another, or remove it"
        )
    making = output.with_name(f".{output.name}.partial")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    single = output.suffix == ".gguf"
    proofs: dict[str, list[Check]] = {}
    try:
        with progress() as observe:
            artefacts = export_model(
                plugins,
                exporter,
                options,
                model=model_dir,
                output=making / output.name if single else making,
                metadata=metadata,
                examples=rows,
                emit=observe,
            )
            if proof:
                for artefact in artefacts:
                    proofs[artefact.kind] = verify_artefact(
                        plugins,
                        exporter,
                        model=model_dir,
                        artefact=artefact.path,
                        examples=(),
                        texts=200,
                        answers=50,
                        max_new_tokens=64,
                        options=options,
                        emit=observe,
                    )
        _refuse_failed(proofs)
        prefix = f"{output.stem}." if single else ""
        beside = write_release_notes(making, artefacts, model_dir, metadata, prefix)
        if single:
            for path in [*beside, artefacts[0].path]:
                path.replace(output.parent / path.name)
        else:
            if output.is_dir():
                output.rmdir()
            making.rename(output)
    except HeimdallError as error:
        # The folder in which the files are made is nobody's business.
        shown = output.parent if single else output
        error.where = error.where.replace(str(making), str(shown))
        raise
    finally:
        shutil.rmtree(making, ignore_errors=True)
    final = [output if single else output / a.path.relative_to(making) for a in artefacts]
    listed = [
        {
            "path": str(path),
            "kind": a.kind,
            "bytes": _size(path),
            "details": unstructure(dict(a.details)),
            "proof": [attrs.asdict(check) for check in proofs.get(a.kind, [])],
        }
        for path, a in zip(final, artefacts, strict=True)
    ]
    if as_json:
        print_json(listed)
        return
    for entry in listed:
        proved = f", proved by {len(entry['proof'])} checks" if entry["proof"] else ""
        details = entry["details"]
        bits = f", {details['bits_per_weight']:.2f} bits per weight" if _has_bits(details) else ""
        size = human_bytes(entry["bytes"])
        click.echo(f"{entry['path']}  {entry['kind']}  {size}{bits}{proved}")
    if not licence_files(model_dir):
        click.echo(
            f"warning: {model_dir} holds no LICENSE of the base model; put it beside the files"
            " before you pass them on",
            err=True,
        )


def _size(path: Path) -> int:
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


def _has_bits(details: Any) -> bool:
    return isinstance(details, dict) and "bits_per_weight" in details


@click.command("verify")
@model_dir_option
@click.option("--artefact", "--gguf", type=_file, required=True, help="The exported file.")
@click.option("--dataset", type=_file, help="Rows whose prompts are compared as well.")
@click.option("--exporter", default="gguf", show_default=True, help="Exporter plugin.")
@click.option("--texts", type=click.IntRange(1), default=200, show_default=True)
@click.option("--answers", type=click.IntRange(1), default=50, show_default=True)
@click.option("--max-new-tokens", type=click.IntRange(1), default=64, show_default=True)
@click.option("--base", type=_file, help="An adapter's base model; by default the one it names.")
@click.option("--metric", "metrics", multiple=True, help="Measured on both as well; repeatable.")
@click.option(
    "--most-loss",
    type=click.FloatRange(0),
    default=0.05,
    show_default=True,
    help="By how much a metric of the file may be worse than the model's.",
)
@json_option
def verify(
    model_dir: Path,
    artefact: Path,
    dataset: Path | None,
    exporter: str,
    texts: int,
    answers: int,
    max_new_tokens: int,
    base: Path | None,
    metrics: tuple[str, ...],
    most_loss: float,
    as_json: bool,
) -> None:
    """Prove that an exported file is the model it was made from."""
    plugins = plugins_of_call()
    if metrics and dataset is None:
        raise HeimdallError("a metric needs rows to be measured on", hint="add --dataset FILE")
    settings = [f"base={json.dumps(str(base.resolve()))}"] if base else []
    options = _exporter_options(plugins, exporter, (), settings)
    for path in (model_dir, artefact):
        if not path.exists():
            raise HeimdallError("no such file or folder", where=str(path))
    rows = rows_of(dataset, max(texts, answers)) if dataset else []
    with progress() as observe:
        checks = verify_artefact(
            plugins,
            exporter,
            model=model_dir,
            artefact=artefact,
            examples=rows,
            texts=texts,
            answers=answers,
            max_new_tokens=max_new_tokens,
            options=options,
            emit=observe,
        )
        if not checks:
            raise HeimdallError(f"the exporter '{exporter}' offers no proof", where="verify")
        if metrics:
            checks += metric_changes(
                plugins,
                metrics,
                model=model_dir,
                artefact=artefact,
                rows=rows,
                max_new_tokens=max_new_tokens,
                most_loss=most_loss,
                emit=observe,
            )
    if as_json:
        print_json([attrs.asdict(check) for check in checks])
    else:
        from heimdall_core.cli.summary import proof_table

        console().print(proof_table([{"artefact": "", **attrs.asdict(c)} for c in checks]))
    _refuse_failed({artefact.name: checks})


def _refuse_failed(proofs: dict[str, list[Check]]) -> None:
    failed = [
        f"{kind}: {check.name}: {check.detail}"
        for kind, checks in proofs.items()
        for check in checks
        if not check.passed
    ]
    if failed:
        raise FindingsError("the file is not the model: " + "; ".join(failed), where="verify")


def _exporter_options(
    plugins: Registry, exporter: str, quant_types: Iterable[str], settings: Iterable[str]
) -> Any:
    kind = plugins.exporter(exporter).options
    known = [field.name for field in attrs.fields(kind)]
    table = settings_table(settings)
    types = list(quant_types)
    if types and "quant_type" in known:
        # An exporter of one file.
        if len(types) > 1:
            raise HeimdallError(
                f"the exporter '{exporter}' makes one file, of one type",
                where="--quant-type",
            )
        table["quant_type"] = types[0]
    elif types:
        if "quant_types" not in known:
            raise HeimdallError(
                f"the exporter '{exporter}' has no quantisation types",
                where="--quant-type",
                hint=did_you_mean("quant_types", known),
            )
        table["quant_types"] = types
    return structure(table, kind, f"export.options.{exporter}")

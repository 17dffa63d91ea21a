"""`heimdall export` and `verify`: exporters and their proofs on plain files."""

from __future__ import annotations

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
from heimdall_core.pipeline.steps.export import export_model, verify_artefact
from heimdall_core.registry import Registry
from heimdall_core.structure import structure, unstructure
from heimdall_core.types import Check

_file = click.Path(path_type=Path)


@click.command("export")
@model_dir_option
@click.option("--output", type=_file, required=True, help="A .gguf file, or a folder for several.")
@click.option("--quant-type", "quant_types", multiple=True, help="Such as Q4_K_M; repeatable.")
@click.option("--exporter", default="gguf", show_default=True, help="Exporter plugin.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Exporter's option.")
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
    name: str | None,
    licence: str,
    author: str,
    proof: bool,
    as_json: bool,
) -> None:
    """Export a trained model, and prove that the files are the model. What fails its proof does
    not appear under its name."""
    plugins = plugins_of_call()
    options = _exporter_options(plugins, exporter, quant_types, settings)
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
                metadata={"name": name or model_dir.name, "licence": licence, "author": author},
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
                        emit=observe,
                    )
        _refuse_failed(proofs)
        if single:
            artefacts[0].path.replace(output)
        else:
            if output.is_dir():
                output.rmdir()
            making.rename(output)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    final = [output if single else output / a.path.relative_to(making) for a in artefacts]
    listed = [
        {
            "path": str(path),
            "kind": a.kind,
            "bytes": path.stat().st_size,
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
        click.echo(f"{entry['path']}  {entry['kind']}  {human_bytes(entry['bytes'])}{proved}")


@click.command("verify")
@model_dir_option
@click.option("--artefact", "--gguf", type=_file, required=True, help="The exported file.")
@click.option("--dataset", type=_file, help="Rows whose prompts are compared as well.")
@click.option("--exporter", default="gguf", show_default=True, help="Exporter plugin.")
@click.option("--texts", type=click.IntRange(1), default=200, show_default=True)
@click.option("--answers", type=click.IntRange(1), default=50, show_default=True)
@click.option("--max-new-tokens", type=click.IntRange(1), default=64, show_default=True)
@json_option
def verify(
    model_dir: Path,
    artefact: Path,
    dataset: Path | None,
    exporter: str,
    texts: int,
    answers: int,
    max_new_tokens: int,
    as_json: bool,
) -> None:
    """Prove that an exported file is the model it was made from."""
    plugins = plugins_of_call()
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
            emit=observe,
        )
    if not checks:
        raise HeimdallError(f"the exporter '{exporter}' offers no proof", where="verify")
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
    if quant_types:
        if "quant_types" not in known:
            raise HeimdallError(
                f"the exporter '{exporter}' has no quantisation types",
                where="--quant-type",
                hint=did_you_mean("quant_types", known),
            )
        table["quant_types"] = list(quant_types)
    return structure(table, kind, f"export.options.{exporter}")

"""Copies a GGUF to where NornicDB looks for it and writes the settings that it really reads."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from heimdall_core.errors import HeimdallError, ModelError
from heimdall_core.pipeline.store import digest_file
from heimdall_core.prompt import IM_END, IM_START
from heimdall_export_nornicdb.config_file import Edit, edit_config
from heimdall_export_nornicdb.settings import KEYS, Sizes
from heimdall_run_llamacpp.gguf_file import GGUFFile, check_language_model, read_gguf

_CONTROL = 3


@frozen
class Deployment:
    """What was put where."""

    model: Path
    name: str
    """What `heimdall.model` names."""
    copies: tuple[Path, ...]
    """Further copies, for the old guide's layout."""
    edit: Edit | None
    values: Mapping[str, Any]
    sizes: Sizes

    @property
    def environment(self) -> dict[str, str]:
        """The same settings as variables, which NornicDB prefers to its file."""
        return {KEYS[key]: _variable(value) for key, value in self.values.items()}


def check_model(path: Path) -> GGUFFile:
    """The header of a GGUF that NornicDB can serve.

    Raises `ModelError` where it is broken, where ChatML's markers are no control tokens, and
    where `<|im_end|>` does not end an answer.
    """
    header = read_gguf(path)
    check_language_model(header)
    tokens = header.metadata["tokenizer.ggml.tokens"]
    types = header.metadata.get("tokenizer.ggml.token_type") or []
    for marker in (IM_START, IM_END):
        place = tokens.index(marker) if marker in tokens else -1
        if place < 0 or place >= len(types) or types[place] != _CONTROL:
            raise ModelError(
                f"{marker} is no control token of this model; NornicDB writes every prompt in it",
                where=str(path),
            )
    end = tokens.index(IM_END)
    ends = [header.metadata.get(f"tokenizer.ggml.{kind}_token_id") for kind in ("eos", "eot")]
    if end not in ends:
        raise ModelError(f"{IM_END} does not end this model's answers", where=str(path))
    return header


def deploy(
    gguf: Path,
    target: Path,
    sizes: Sizes,
    *,
    name: str = "",
    config: Path | None = None,
    guide_layout: bool = False,
    gpu_layers: int | None = None,
    max_tokens: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Deployment:
    """Puts `gguf` into `target`/models and, with `config`, sets NornicDB up to serve it.

    The file appears under its name when it is whole; the configuration is edited last.
    """
    check_model(gguf)
    stem = safe_stem(name or gguf.stem)
    if not target.is_dir():
        raise HeimdallError(
            "is no folder", where=str(target), hint="name the folder that NornicDB is started in"
        )
    values: dict[str, Any] = {
        "enabled": True,
        "model": stem,
        "context_size": sizes.context,
        "batch_size": sizes.batch,
        "temperature": 0.1,
    }
    if gpu_layers is not None:
        values["gpu_layers"] = gpu_layers
    if max_tokens is not None:
        values["max_tokens"] = max_tokens
    if config is not None:
        edit_config(config, values, dry_run=True)  # it can be edited: known before the copy
    model = target / "models" / f"{stem}.gguf"
    copies = [target / "plugins" / "heimdall" / "models" / f"{stem}.gguf"] if guide_layout else []
    _copy(gguf, model, progress)
    for copy in copies:
        _link_or_copy(model, copy, progress)
    edit = edit_config(config, values) if config is not None else None
    return Deployment(model, stem, tuple(copies), edit, values, sizes)


def safe_stem(name: str) -> str:
    """A file's stem that `heimdall.model` can name. Raises `HeimdallError` for anything else."""
    stem = name.removesuffix(".gguf")
    plain = unicodedata.normalize("NFC", stem)
    if not stem or stem != plain or any(c in "/\\\0" or ord(c) < 32 for c in stem):
        raise HeimdallError(f"'{name}' is no name for a model", hint="letters, digits, - _ .")
    if stem in (".", "..") or stem.startswith("."):
        raise HeimdallError(f"'{name}' is no name for a model", hint="do not begin with a dot")
    return stem


def _copy(source: Path, target: Path, progress: Callable[[int, int], None]) -> None:
    if target.exists() and target.samefile(source):
        return
    total = source.stat().st_size
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(target.parent).free
        if free < total:
            raise HeimdallError(
                f"{total / 1e6:,.1f} MB are needed, {free / 1e6:,.1f} MB are free",
                where=str(target.parent),
            )
        part = target.with_name(f".{target.name}.partial")
        try:
            with source.open("rb") as read, part.open("wb") as write:
                done = 0
                while block := read.read(1 << 24):
                    write.write(block)
                    done += len(block)
                    progress(done, total)
            if digest_file(part) != digest_file(source):
                raise HeimdallError("the copy is not what was copied", where=str(target))
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        reason = f"cannot be written: {error.strerror}"
        raise HeimdallError(reason, where=str(error.filename or target)) from error


def _link_or_copy(source: Path, target: Path, progress: Callable[[int, int], None]) -> None:
    """One file under two names where the disk allows it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.partial")
    part.unlink(missing_ok=True)
    try:
        part.hardlink_to(source)
        part.replace(target)
    except OSError:
        _copy(source, target, progress)
    finally:
        part.unlink(missing_ok=True)


def _variable(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

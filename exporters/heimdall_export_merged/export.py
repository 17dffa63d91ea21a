"""Writes a model directory from a model or an adapter, block of rows by block of rows."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from heimdall_core.errors import ModelError
from heimdall_core.types import Artefact, Event, ExportContext
from heimdall_export_gguf.model_directory import ModelDirectory, open_model_directory
from heimdall_export_gguf.sources import Floats, Source, blocks, count
from heimdall_export_merged.options import MergedOptions

_WIDTHS: Final = {"F32": 4, "F16": 2, "BF16": 2}
_NAMES: Final = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}

#: Files of the tokenizer and of generation that go along.
_ALONG: Final = (
    *("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "chat_template.jinja"),
    *("special_tokens_map.json", "added_tokens.json", "generation_config.json"),
)


def export(context: ExportContext, options: MergedOptions) -> list[Artefact]:
    """Writes a model directory into `context.output`, which must be a folder that is empty or not
    there. It appears when all of it is complete."""
    model = open_model_directory(context.model, options.base)
    output = context.output
    if output.is_file() or output.suffix in (".gguf", ".safetensors"):
        raise ModelError("must be a folder", where=str(output))
    target = output / "merged" if output.is_dir() and any(output.iterdir()) else output
    if target.exists() and any(target.iterdir()):
        raise ModelError("exists already", where=str(target), hint="name another folder")
    needed = sum(count(t) * _WIDTHS[_type(t, options, model)] for t in model.tensors.values())
    target.parent.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(target.parent).free < needed:
        raise ModelError(f"{needed / 1e6:,.1f} MB are needed, and not free", where=str(target))
    folder = Path(tempfile.mkdtemp(prefix=".export-", dir=target.parent))
    try:
        _write(folder, model, options, context)
        if target.exists():
            target.rmdir()
        folder.rename(target)
    except OSError as error:
        raise ModelError(f"the export failed: {error.strerror}", where=str(target)) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    details: dict[str, Any] = {
        "bytes": needed,
        "parameters": sum(map(count, model.tensors.values())),
    }
    if model.adapter:
        details["method"] = model.adapter.kind
    return [Artefact(target, f"merged:{options.type}", details)]


def _type(source: Source, options: MergedOptions, model: ModelDirectory) -> str:
    if options.type != "base":
        return options.type
    if model.adapter is None:
        return source.dtype
    # A merged matrix is written in the type of the one that it was merged into.
    return getattr(source, "base", source).dtype


def _write(
    folder: Path, model: ModelDirectory, options: MergedOptions, context: ExportContext
) -> None:
    shards = _shards(model, options)
    total, done = sum(map(count, model.tensors.values())), 0
    where: dict[str, str] = {}
    for number, shard in enumerate(shards, 1):
        name = "model.safetensors"
        if len(shards) > 1:
            name = f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        types = {key: _type(source, options, model) for key, source in shard.items()}
        with (folder / name).open("wb") as file:
            _header(file, shard, types)
            for key, source in shard.items():
                where[key] = name
                for block in blocks(source):
                    file.write(encode(block, types[key], key))
                    done += block.size
                    context.emit(Event("progress", "export", name, done=done, total=total))
    if len(shards) > 1:
        size = sum((folder / name).stat().st_size for name in set(where.values()))
        index = {"metadata": {"total_size": size}, "weight_map": where}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2), "utf-8")
    config = {key: v for key, v in model.config.items() if key != "quantization_config"}
    if options.type != "base":
        config["dtype"] = _NAMES[options.type]
        config.pop("torch_dtype", None)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    for name in _ALONG:
        for place in (model.path, model.weights):
            if (place / name).is_file():
                shutil.copyfile(place / name, folder / name)
                break
    facts: dict[str, Any] = dict(model.adapter.facts) if model.adapter else {}
    if model.adapter:
        facts |= {
            "merged": model.adapter.kind,
            "base_model": model.adapter.config.get("base_model_name_or_path", ""),
        }
    if facts or context.metadata:
        known = {**facts, **{key: v for key, v in context.metadata.items() if v}}
        (folder / "heimdall.json").write_text(json.dumps(known, indent=2) + "\n", "utf-8")


def _shards(model: ModelDirectory, options: MergedOptions) -> list[dict[str, Source]]:
    most = options.shard_gb * 1e9
    shards: list[dict[str, Source]] = [{}]
    size = 0.0
    for key, source in model.tensors.items():
        bytes_ = count(source) * _WIDTHS[_type(source, options, model)]
        if shards[-1] and size + bytes_ > most:
            shards.append({})
            size = 0.0
        shards[-1][key] = source
        size += bytes_
    return shards


def _header(file: IO[bytes], shard: Mapping[str, Source], types: Mapping[str, str]) -> None:
    entries: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for key, source in shard.items():
        end = at + count(source) * _WIDTHS[types[key]]
        entries[key] = {
            "dtype": types[key],
            "shape": list(source.shape),
            "data_offsets": [at, end],
        }
        at = end
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the data is aligned, as the format asks
    file.write(len(text).to_bytes(8, "little") + text)


def encode(block: Floats, kind: str, name: str) -> bytes:
    """Values in a type, rounded to nearest even. Raises `ModelError` beyond F16's range."""
    if kind == "F32":
        return block.astype("<f4", copy=False).tobytes()
    if kind == "BF16":
        bits = np.ascontiguousarray(block).view(np.uint32)
        rounded = (bits + (0x7FFF + ((bits >> 16) & 1)).astype(np.uint32)) >> 16
        return rounded.astype("<u2").tobytes()
    with np.errstate(over="ignore"):
        half = block.astype("<f2")
    if not np.isfinite(half).all():
        raise ModelError(f"tensor {name} holds values beyond 65504, which F16 cannot")
    return half.tobytes()

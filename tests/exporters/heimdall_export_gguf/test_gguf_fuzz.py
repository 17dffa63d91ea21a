"""Flipped and cut files: a clear refusal each time, or values that lie inside the file.

20 seconds here; HEIMDALL_FUZZ_SECONDS=600 for a long run.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from adapters import build_adapter
from base_models import build_base

from heimdall_core.errors import ModelError
from heimdall_export_gguf.adapter import open_adapter
from heimdall_export_gguf.importance import read_importance
from heimdall_export_gguf.model_directory import open_model_directory
from heimdall_export_gguf.planning import architecture_values, find_architecture, planned_tensors
from heimdall_export_gguf.safetensors_file import read_header
from heimdall_export_gguf.sentencepiece_file import read_pieces
from heimdall_export_gguf.sources import count
from heimdall_export_gguf.vocabulary import read_vocabulary
from heimdall_run_llamacpp.gguf_file import check_language_model, read_gguf

#: Per target; there are five.
SECONDS = float(os.environ.get("HEIMDALL_FUZZ_SECONDS", "20")) / 5


def damaged(whole: bytes, rng: random.Random, within: int) -> bytes:
    """Bytes flipped, runs overwritten, pieces cut out or doubled, mostly in the header."""
    data = bytearray(whole)
    for _ in range(rng.choice((1, 1, 2, 5))):
        if not data:
            break
        at = rng.randrange(min(within, len(data)))
        match rng.randrange(5):
            case 0:
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                data[at] = rng.randrange(256)
            case 2:
                data[at : at + 8] = rng.choice((b"\xff" * 8, b"\0" * 8, b"\x80" + b"\0" * 7))
            case 3:
                del data[at : at + rng.randrange(1, 40)]
            case 4:
                data[at:at] = data[at : at + rng.randrange(1, 40)]
    if rng.random() < 0.3:
        data = data[: rng.randrange(len(data) + 1)]
    return bytes(data)


def hammer(path: Path, whole: bytes, within: int, read: Callable[[Path], None]) -> tuple[int, int]:
    """Damages and reads until the time is over; (refused, read). Anything else than a
    `ModelError` of one line fails the test."""
    rng = random.Random(11)
    refused = fine = 0
    said: set[str] = set()
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        path.write_bytes(damaged(whole, rng, within))
        try:
            read(path)
            fine += 1
        except ModelError as error:
            said.add(str(error))
            refused += 1
    assert all(text and "\n" not in text for text in said)
    return refused, fine


def test_gguf_headers(taught_gguf, tmp_path):
    whole = taught_gguf.read_bytes()
    start = read_gguf(taught_gguf).data_start

    def read(path: Path) -> None:
        header = read_gguf(path)
        check_language_model(header)

    refused, _ = hammer(tmp_path / "x.gguf", whole[: start + 4096], start, read)
    assert refused > 20


def test_safetensors_headers(plain_model, tmp_path):
    whole = (plain_model / "model.safetensors").read_bytes()[:200_000]
    header = 8 + int.from_bytes(whole[:8], "little")

    def read(path: Path) -> None:
        for stored in read_header(path).values():
            size = path.stat().st_size
            assert stored.start + 2 * count(stored) <= size
            stored.rows(0, 1)

    refused, _ = hammer(tmp_path / "x.safetensors", whole, header, read)
    assert refused > 20


def test_sentencepiece_models(tmp_path):
    model = build_base(tmp_path / "model", "llama", "spm", hidden_size=64, intermediate_size=64)
    whole = (model / "tokenizer.model").read_bytes()
    refused, fine = hammer(
        tmp_path / "t.model", whole, len(whole), lambda p: read_pieces(p) and None
    )
    assert refused + fine > 20
    assert refused


def test_importance_matrices(tmp_path):
    whole = b"\x01\0\0\0\x03\0\0\0a.w\x04\0\0\0\x02\0\0\0" + b"\0\0\0\x41\0\0\0\x40"
    refused, _ = hammer(
        tmp_path / "i.dat", whole, len(whole), lambda path: read_importance(path) and None
    )
    assert refused > 20


def test_model_directories(plain_model, tmp_path):
    """config.json, tokenizer.json and an adapter's files, damaged inside a whole directory."""
    import shutil

    model = shutil.copytree(plain_model, tmp_path / "model")
    adapter = build_adapter(model, tmp_path / "adapter")

    def read_model(_: Path) -> None:
        found = open_model_directory(model)
        architecture = find_architecture(found)
        architecture_values(architecture, found)
        planned_tensors(architecture, found)
        read_vocabulary(found, int(found.config["vocab_size"]))

    files = [
        (model / "config.json", read_model),
        (model / "tokenizer.json", read_model),
        (adapter / "adapter_config.json", lambda path: open_adapter(adapter) and None),
        (adapter / "adapter_model.safetensors", lambda path: open_adapter(adapter) and None),
    ]
    global SECONDS
    whole_time, SECONDS = SECONDS, SECONDS / len(files)
    try:
        for path, read in files:
            whole = path.read_bytes()
            refused, _ = hammer(path, whole, min(len(whole), 4000), read)
            path.write_bytes(whole)
            assert refused, path.name
    finally:
        SECONDS = whole_time


def test_the_damage_is_damage():
    rng = random.Random(1)
    whole = bytes(range(256)) * 4
    changed = sum(damaged(whole, rng, len(whole)) != whole for _ in range(200))
    assert changed > 150
    with pytest.raises(ModelError):
        read_header(Path("/nowhere/x.safetensors"))

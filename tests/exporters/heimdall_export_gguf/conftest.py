"""Model directories to export, and short ways to do it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tiny_models import build_model

from heimdall_core.types import Artefact, Event, ExportContext
from heimdall_export_gguf.export import export
from heimdall_export_gguf.options import GGUFOptions


@pytest.fixture(scope="session")
def plain_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tied embeddings, fp32, one file."""
    return build_model(tmp_path_factory.mktemp("plain") / "plain")


@pytest.fixture(scope="session")
def sharded_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Untied head, bfloat16, 40 rows more than tokens, in several shards."""
    path = tmp_path_factory.mktemp("sharded") / "sharded"
    return build_model(path, tied=False, dtype=torch.bfloat16, padded_vocab=40, shard_size="1MB")


@pytest.fixture(scope="session")
def narrow_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Widths that 256 does not divide."""
    path = tmp_path_factory.mktemp("narrow") / "narrow"
    return build_model(path, hidden=160, intermediate=352)


@pytest.fixture
def broken(plain_model: Path, tmp_path: Path) -> Path:
    """A copy of the plain model that a test may break."""
    return shutil.copytree(plain_model, tmp_path / "broken")


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., list[Artefact]]:
    """`run(model, "F16", "Q8_0", …)`: exports into an empty folder; `events` collects events."""

    def call(
        model: Path,
        *types: str,
        output: Path | None = None,
        events: list[Event] | None = None,
        metadata: dict[str, object] | None = None,
        **options: object,
    ) -> list[Artefact]:
        context = ExportContext(
            model=model,
            output=output or tmp_path / "out",
            metadata=metadata or {},
            emit=events.append if events is not None else lambda event: None,
        )
        return export(context, GGUFOptions(quant_types=types or ("F16",), **options))

    return call

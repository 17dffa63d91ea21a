"""One taught model for the whole folder; it answers `LESSONS` by heart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_models import LESSONS, build_model

from heimdall_run_transformers.load import load
from heimdall_run_transformers.model import TransformersModel
from heimdall_run_transformers.options import TransformersOptions


@pytest.fixture(scope="session")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_model(tmp_path_factory.mktemp("taught"), hidden=128, taught=LESSONS)


@pytest.fixture(scope="session")
def model(taught: Path) -> Iterator[TransformersModel]:
    with load(taught, TransformersOptions(device="cpu")) as loaded:
        yield loaded

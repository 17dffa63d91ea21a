"""The contract that every runtime keeps."""

from __future__ import annotations

from pathlib import Path

from heimdall_core.testing import RuntimeContract
from heimdall_core.types import LoadedModel
from heimdall_run_transformers.model import TransformersModel
from heimdall_run_transformers.options import handles


class TestTransformersRuntime(RuntimeContract):
    plugin = "heimdall_run_transformers.plugin"


def test_handles_a_model_directory(taught: Path) -> None:
    assert handles(taught)


def test_is_a_loaded_model(model: TransformersModel) -> None:
    assert isinstance(model, LoadedModel)
    assert model.context_size == 256

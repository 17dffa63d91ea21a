"""Models that several test folders share, made once per session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_models import LESSONS, build_model


@pytest.fixture(scope="session")
def taught_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model directory that knows `LESSONS` by heart. Do not write into it."""
    return build_model(tmp_path_factory.mktemp("models") / "taught", taught=LESSONS)


@pytest.fixture(scope="session")
def taught_gguf(taught_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The taught model as an F16 GGUF. Do not write into its folder."""
    from heimdall_core.types import ExportContext
    from heimdall_export_gguf.export import export
    from heimdall_export_gguf.options import GGUFOptions

    output = tmp_path_factory.mktemp("gguf") / "taught.gguf"
    (artefact,) = export(
        ExportContext(model=taught_model, output=output), GGUFOptions(quant_types=("F16",))
    )
    return artefact.path


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    """This process, connected to a Ray cluster of two workers on this machine."""
    pytest.importorskip("ray", reason="ray is not installed (extra `ray`)")
    from heimdall_exec_ray.connect import connected
    from heimdall_exec_ray.options import RayOptions

    with connected(RayOptions(workers=2)):
        yield
